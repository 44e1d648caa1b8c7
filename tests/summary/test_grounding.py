from __future__ import annotations

from infinisum.summary.grounding import BookWords, ground
from infinisum.summary.summary import Passage

BOOK = """On the ninth of May Captain Hale sailed with twenty-two men and 1,200 barrels.
“Meanwhile,” said ANNA BROOK, “nobody knows.” The storm took Hale’s boat, and seven men."""


def book_words() -> BookWords:
    words = BookWords()
    words.add(BOOK)
    return words


def passage(text: str, position: float) -> Passage:
    return Passage(text, 1, 1, None, 0.5, position)


def test_names_that_occur_and_names_that_do_not() -> None:
    text = "Captain Hale met Anna Brook, but Harry Potter’s ship was late. Then Hale left."
    found = ground([text], book_words(), [])
    assert found.names == 4  # Captain Hale, Anna Brook, Harry Potter, Hale
    assert found.unsupported_names == ("Harry Potter",)


def test_words_that_open_a_sentence_are_no_names() -> None:
    text = "Meanwhile the storm came. Nobody slept. Storm after storm. Suddenly it ended. “Men!”"
    assert ground([text], book_words(), []).names == 0


def test_a_foreign_name_that_opens_a_sentence_is_found_out() -> None:
    found = ground(["Voldemort took the boat."], book_words(), [])
    assert found.unsupported_names == ("Voldemort",)


def test_titles_and_initials_belong_to_the_name() -> None:
    found = ground(["He met Mr. J. Smith there. Hale left."], book_words(), [])
    assert found.unsupported_names == ("Mr J Smith",)
    assert found.names == 2


def test_apostrophes_of_either_kind_are_the_same() -> None:
    words = BookWords()
    words.add("O’Brien’s boat")
    assert ground(["He saw O'Brien."], words, []).unsupported_names == ()


def test_a_name_given_twice_counts_once() -> None:
    assert ground(["He saw Hale.", "She saw Hale."], book_words(), []).names == 1


def test_numbers_in_digits_and_in_words() -> None:
    text = "He had 22 men, then 7, then eight; 1200 barrels, twenty-two of them, no one knew."
    found = ground([text], book_words(), [])
    assert found.unsupported_numbers == ("eight",)
    assert found.numbers == 4  # 22, 7, 8, 1200


def test_coverage_counts_quoted_words_by_tenths() -> None:
    passages = [passage("one two", 0.0), passage("three", 0.05), passage("four", 1.0)]
    assert ground([], book_words(), passages).coverage_words == (3, 0, 0, 0, 0, 0, 0, 0, 0, 1)
