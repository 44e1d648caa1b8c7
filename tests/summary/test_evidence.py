"""Evidence on made-up chapters, and the figures on the novella's labels."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.reader import read_book
from infinisum.books.sentences import split_sentences
from infinisum.summary.evidence import CANDIDATES, find_evidence
from infinisum.summary.extract import stands_alone
from infinisum.summary.summary import WrittenSentence
from infinisum.summary.words import Terms

DATA = Path(__file__).resolve().parents[2] / "data"

HARBOUR = (
    Chapter(
        "The Quay",
        (
            Paragraph("Anna Brook counted the herring boats from the quay every morning.", page=3),
            Paragraph("“Twenty-two,” she said. The baker’s dog slept by the bollard.", page=3),
            Paragraph("Captain Hale sold his violin to pay for a new mainsail.", page=4),
        ),
    ),
    Chapter(
        "The Mill",
        (
            Paragraph("The miller’s daughter hid the brass key under the third sack."),
            Paragraph("It rained. Nobody looked for it until the violin was found."),
        ),
    ),
)


def find(sentence: str, chapter: int | None = None) -> WrittenSentence:
    (found,) = find_evidence([(chapter, [sentence])], lambda: enumerate(HARBOUR, start=1))[0]
    return found


def place(sentence: WrittenSentence) -> tuple[int, int] | None:
    found = sentence.evidence
    return (found.chapter, found.paragraph) if found else None


def test_a_sentence_in_other_words_finds_its_paragraph_and_its_quote() -> None:
    found = find("The key is hidden beneath a sack by the daughter of the miller.")
    assert place(found) == (2, 1)
    assert found.supported
    assert found.evidence is not None
    assert found.evidence.quote == HARBOUR[1].paragraphs[0].text


def test_pages_come_along() -> None:
    found = find("Hale pays for a mainsail with his violin.")
    assert found.evidence is not None
    assert (found.evidence.page, found.evidence.quote) == (4, HARBOUR[0].paragraphs[2].text)


def test_numbers_are_the_same_in_words_and_in_digits() -> None:
    assert place(find("There were 22 of them.")) == (1, 2)
    assert Terms().of("forty-one, 6,585 and twelve") == ["41", "6585", "and", "12"]


def test_what_is_about_a_chapter_is_looked_for_there_alone() -> None:
    assert place(find("The violin is sold.", 1)) == (1, 3)
    assert place(find("The violin is sold.", 2)) == (2, 2)


def test_what_the_book_does_not_say_is_unsupported() -> None:
    assert not find("Dragons burned the palace of Queen Isolde.").supported
    assert find("Dragons burned palaces.").evidence is None
    assert not find("Anna Brook married Lord Pemberton in Lisbon and became a countess.").supported


def test_a_sentence_without_a_rare_word_has_no_evidence() -> None:
    assert find("He was not.").evidence is None
    assert find("…").evidence is None


def test_common_words_count_where_they_stand_in_the_same_order() -> None:
    chapter = Chapter("One", tuple(map(Paragraph, ("Not so was it.", "“It was not so!”"))))
    texts = [(None, ["It was not so."])]
    (found,) = find_evidence(texts, lambda: [(1, chapter)])[0]
    assert place(found) == (1, 2)
    assert found.supported


def test_of_two_places_the_one_in_the_order_of_the_summary_wins() -> None:
    chapter = Chapter(
        "One", tuple(map(Paragraph, ("He whistled.", "It rained.", "A fox.", "He whistled.")))
    )
    texts = [(None, ["A fox comes.", "He whistles."]), (None, ["He whistles.", "It rains."])]
    after, before = find_evidence(texts, lambda: [(1, chapter)])
    assert [place(sentence) for sentence in after] == [(1, 3), (1, 4)]
    assert [place(sentence) for sentence in before] == [(1, 1), (1, 2)]


def test_scripts_without_spaces() -> None:
    chapter = Chapter(
        "一", tuple(map(Paragraph, ("船长卖掉了小提琴。", "磨坊主的女儿藏起了钥匙。")))
    )
    (found,) = find_evidence([(1, ["女儿把钥匙藏起来。"])], lambda: [(1, chapter)], "zh")[0]
    assert place(found) == (1, 2)


def test_nothing_written_costs_nothing() -> None:
    def never() -> Iterator[tuple[int, Chapter]]:
        raise AssertionError("read for nothing")

    assert find_evidence([(None, []), (1, [])], never) == [(), ()]


def test_the_text_is_gone_through_and_not_kept() -> None:
    alive = 0
    most = 0

    class Counted(str):
        def __new__(cls, text: str) -> Counted:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return super().__new__(cls, text)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def chapters() -> Iterator[tuple[int, Chapter]]:
        for number in range(1, 60):
            lines = (f"On day {number} of week {n} they met at the mill." for n in range(5))
            yield number, Chapter("", tuple(Paragraph(Counted(line)) for line in lines))

    (found,) = find_evidence([(None, ["They meet at the mill on day 31."])], chapters)[0]
    assert place(found) == (31, 1)
    assert most < 5 * 3  # two chapters at a time, not the book
    assert CANDIDATES < 5 * 59


@pytest.fixture(scope="module")
def novella() -> Book:
    return read_book(DATA / "the-tide-ledger.epub")


def test_labels_of_the_novella(novella: Book) -> None:
    """Of 102 labelled sentences at least 85 in 100 lead to a labelled paragraph or beside one."""
    labels = json.loads((DATA / "source" / "evidence.json").read_text(encoding="utf-8"))
    groups = [(key, list(group)) for key, group in groupby(labels, key=lambda e: e["chapter"])]
    found = find_evidence(
        [(number, [entry["sentence"] for entry in group]) for number, group in groups],
        lambda: enumerate(novella.chapters, start=1),
        novella.language,
    )
    hits = [
        any(
            (evidence := sentence.evidence) is not None
            and evidence.chapter == chapter
            and abs(evidence.paragraph - 1 - paragraph) <= 1
            for chapter, paragraph in entry["support"]
        )
        for (_, group), sentences in zip(groups, found, strict=True)
        for entry, sentence in zip(group, sentences, strict=True)
    ]
    assert len(hits) == 102
    assert sum(hits) / len(hits) >= 0.9  # measured: 0.93
    supported = [sentence.supported for sentences in found for sentence in sentences]
    assert sum(supported) / len(supported) >= 0.9  # measured: 0.93


def test_sentences_of_the_book_lead_to_their_own_paragraph(novella: Book) -> None:
    sentences = [
        (number, at, sentence)
        for number, chapter in enumerate(novella.chapters, start=1)
        for at, paragraph in enumerate(chapter.paragraphs, start=1)
        for sentence in split_sentences(paragraph.text)
        if stands_alone(sentence)
    ]
    chosen = random.Random(0).sample(sentences, 150)  # in no order
    (found,) = find_evidence(
        [(None, [sentence for _, _, sentence in chosen])],
        lambda: enumerate(novella.chapters, start=1),
    )
    own = [place(f) == (number, at) for f, (number, at, _) in zip(found, chosen, strict=True)]
    assert sum(own) / len(own) >= 0.99
    assert all(f.supported for f in found)


ELSEWHERE = """A retired engineer builds a balloon in the attic of a boarding house in Prague.
Her sister refuses the doctor and marries the clown of a travelling circus.
The emperor’s taster falls ill, and the cook is thrown into the dungeon.
Martha learns that the orchard was sold to pay for the piano.
Two brothers quarrel over a racehorse and do not speak for thirty years.
The expedition loses its sledges in a crevasse and eats the dogs.
At the ball Count Orlov insults the lieutenant, who challenges him.
A schoolmistress finds love letters in a library book and looks for their writer.
The robot asks its maker why it may not dream.
Old Pedro gives the village his mule before he dies.
The spaceship reaches a planet of glass, and the crew mutinies.
Julia’s guardian locks her in the tower until she signs the contract.
The detective notices that the butler’s gloves are left-handed.
A drought drives the farmers to California, where there is no work either.
The queen’s necklace is stolen during the opera.
They cross the desert with forty camels and one barrel of water.
His wife suspects him of poisoning the canary.
The painter destroys the portrait because it looks like his father.
On the train to Moscow she meets a general who cheats at cards.
The wolf raises the child, and the hunters take it away."""


def test_sentences_of_other_stories_are_mostly_unsupported(novella: Book) -> None:
    sentences = ELSEWHERE.split("\n")
    (found,) = find_evidence(
        [(None, sentences)], lambda: enumerate(novella.chapters, start=1), novella.language
    )
    assert sum(sentence.supported for sentence in found) / len(found) <= 0.15
