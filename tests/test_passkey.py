from __future__ import annotations

import re
from collections import Counter
from itertools import islice

from infinisum.generated_prose import paragraphs
from infinisum.passkey import REPEATED, filler_sentences, key_line


def test_the_key_is_said_twice() -> None:
    assert key_line(40817) == "The pass key is 40817. Remember it. 40817 is the pass key."


def test_the_repeated_filler_is_one_line_for_ever() -> None:
    assert set(map(tuple, islice(filler_sentences("repeated"), 100))) == {(REPEATED,)}


def test_generated_prose_is_varied_and_the_same_for_the_same_seed() -> None:
    one = list(islice(paragraphs(7), 300))
    assert one == list(islice(paragraphs(7), 300))
    assert one != list(islice(paragraphs(8), 300))
    sentences = Counter(sentence for paragraph in one for sentence in paragraph)
    assert len(sentences) > 0.9 * sentences.total()
    assert all(re.fullmatch(r'["A-Z].*\.', sentence) for sentence in sentences)


def test_generated_prose_has_numbers_of_five_digits_that_are_no_keys() -> None:
    text = " ".join(" ".join(paragraph) for paragraph in islice(paragraphs(0), 500))
    assert re.search(r"\b[0-9]{5}\b", text)
    assert "pass key" not in text


def test_a_book_is_every_other_paragraph_of_the_prose() -> None:
    book = [["One."], ["Two.", "Three."]]
    prose = list(islice(filler_sentences("prose", 3, book), 8))
    assert prose[1::2] == [["One."], ["Two.", "Three."]] * 2
    assert prose[::2] == list(islice(paragraphs(3), 4))
