from __future__ import annotations

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infinisum.books.book import Book
from infinisum.books.text import read_markdown, read_text
from infinisum.books.unwrap import paragraphs_of_lines
from infinisum.errors import InputError

STORY = (
    "The keeper of the light had not spoken to anyone since the spring, and when the boat came at "
    "last he found that he had forgotten how to begin. He stood on the stones and lifted his hand. "
    "Nobody on the boat lifted theirs.",
    "“You are late,” he said, although there was nobody near enough to hear it. “You are three "
    "weeks late, and the oil is gone, and the bread is gone, and I have burned the chairs.”",
    "The mate threw him a rope. It was wet and heavier than he remembered, and it took him three "
    "tries to make it fast, because his fingers had grown used to matches and to nothing else.",
)
VERSE = """The lamp is out, the oil is low,
The gulls have all gone home;
And who will mind the rocks below
When all the boats are gone?"""


def body(indent: str = "", width: int = 72, blank: bool = True) -> str:
    wrapped = [textwrap.fill(text, width, initial_indent=indent) for text in STORY]
    return ("\n\n" if blank else "\n").join(wrapped)


def read(text: str, name: str = "the_light.txt") -> Book:
    return read_text(text.encode(), name)


def titles(book: Book) -> list[str]:
    return [chapter.title for chapter in book.chapters]


def texts(book: Book) -> list[str]:
    return [paragraph.text for chapter in book.chapters for paragraph in chapter.paragraphs]


@pytest.mark.parametrize(
    "text",
    [
        body(),
        body("    ", blank=False),
        body("  ", width=60, blank=False),
        "\n".join(STORY),
        "\n\n".join(STORY),
        body(width=72).replace("\n\n", "\n\n\n").replace("\n", "\r\n"),
    ],
    ids=["blank lines", "indents", "narrow indents", "long lines", "long and blank", "CRLF"],
)
def test_paragraphs_come_back_however_they_are_set(text: str) -> None:
    assert texts(read(text)) == list(STORY)


def test_double_spaced_text_is_joined() -> None:
    long = [" ".join(STORY)] * 4
    doubled = "\n\n\n\n".join("\n\n".join(textwrap.wrap(paragraph, 65)) for paragraph in long)
    assert texts(read(doubled)) == long


def test_verse_keeps_its_lines() -> None:
    assert texts(read(f"{body()}\n\n{VERSE}\n\n{body()}"))[3] == VERSE


def test_verse_set_in_is_no_prose() -> None:
    indented = textwrap.indent(VERSE, "      ")
    assert texts(read(f"{body()}\n\n{indented}\n\n{body()}"))[3] == VERSE


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["CHAPTER I.", "CHAPTER II.", "CHAPTER III."], ["CHAPTER I", "CHAPTER II", "CHAPTER III"]),
        (["I", "II", "III"], ["I", "II", "III"]),
        (["THE BOAT", "THE ROPE", "THE LAMP"], ["THE BOAT", "THE ROPE", "THE LAMP"]),
        (["제1장", "제2장", "제3장"], ["제1장", "제2장", "제3장"]),
        (
            ["The First Part", "The Second Part", "The Third Part"],
            ["The First Part", "The Second Part", "The Third Part"],
        ),
        (
            ["CHAPTER I\n\nThe Boat Comes", "CHAPTER II\nThe Rope", "CHAPTER III. The Lamp"],
            ["CHAPTER I: The Boat Comes", "CHAPTER II: The Rope", "CHAPTER III: The Lamp"],
        ),
    ],
)
def test_headings_divide(headings: list[str], expected: list[str]) -> None:
    filler = "\n\n".join([body()] * 3)
    book = read("\n\n\n".join(f"{heading}\n\n{filler}" for heading in headings))
    assert titles(book) == expected
    assert texts(book) == list(STORY) * 9


def test_a_contents_page_makes_no_chapters() -> None:
    contents = "CONTENTS\n\n I. The Boat\n II. The Rope\n III. The Lamp\n"
    chapters = "\n\n\n".join(
        f"CHAPTER {number}.\n\n{title}\n\n{body()}"
        for number, title in (("I", "THE BOAT"), ("II", "THE ROPE"), ("III", "THE LAMP"))
    )
    book = read(f"THE LAST OIL\n\nby Anna Brandt\n\n{contents}\n\n\n{chapters}")
    assert titles(book) == ["CHAPTER I: THE BOAT", "CHAPTER II: THE ROPE", "CHAPTER III: THE LAMP"]
    assert (book.title, book.author) == ("The Last Oil", "Anna Brandt")
    assert "contents" in [item.reason for item in book.left_out]


def test_a_book_without_headings_is_one_chapter_with_the_name_of_the_file() -> None:
    book = read("\n\n".join([body()] * 5))
    assert titles(book) == ["the light"]


GUTENBERG = """\
The Project Gutenberg eBook of The Last Oil, by Anna Brandt

This eBook is for the use of anyone anywhere in the United States.

Title: The Last Oil
       Or, The Keeper's Winter

Author: Anna Brandt

Language: English

*** START OF THE PROJECT GUTENBERG EBOOK THE LAST OIL ***

Produced by Nobody in Particular and a scanner.

[Transcriber's Note: Obvious errors have been corrected.]

CHAPTER I

[Illustration: The lighthouse
in winter]

{one}

CHAPTER II

{two}

*** END OF THE PROJECT GUTENBERG EBOOK THE LAST OIL ***

Updated editions will replace the previous one. START: FULL LICENSE
"""


def test_project_gutenberg_is_taken_off() -> None:
    book = read(GUTENBERG.format(one=body(), two=body()))
    assert titles(book) == ["CHAPTER I", "CHAPTER II"]
    assert texts(book) == list(STORY) * 2
    assert book.title == "The Last Oil Or, The Keeper's Winter"
    assert (book.author, book.language) == ("Anna Brandt", "en")
    reasons = {item.reason for item in book.left_out}
    assert {"Gutenberg header", "licence", "transcriber's notes", "credits"} <= reasons


def test_marks_of_emphasis_and_footnotes_go() -> None:
    marked = (
        "He read the _Daily Light_ and _slept_.[1] The file snake_case_name stayed.[2]\n\n"
        "[1] A newspaper of the coast.\n\n[2] Nobody knows why."
    )
    book = read(f"{body()}\n\n{marked}\n\n{body()}")
    assert texts(book)[3] == "He read the Daily Light and slept. The file snake_case_name stayed."
    assert texts(book)[4] == STORY[0]
    assert {"notes", "footnote marks"} <= {item.reason for item in book.left_out}


def test_brackets_that_are_no_notes_stay() -> None:
    text = "He wrote [A] and [sic] on the wall, and [12 words] were lost."
    assert texts(read(f"{body()}\n\n{text}"))[3] == text


def test_numbers_stuck_to_words_go_only_where_they_count() -> None:
    counting = "He saw the boat.1 Then the rope,2 and the lamp.3 The end was near."
    assert texts(read(f"{body()}\n\n{counting}"))[3] == (
        "He saw the boat. Then the rope, and the lamp. The end was near."
    )
    other = "They drank H2O in room B7 and read act.5 of the play."
    assert texts(read(f"{body()}\n\n{other}"))[3] == other


def test_a_guessed_encoding_is_said_and_a_wrong_one_refused() -> None:
    french = "Le phare s'élevait au-dessus des dunes; la mer était très calme. " * 20
    book = read_text(french.encode("latin-1"), "phare.txt")
    assert "élevait" in texts(book)[0]
    assert "phare.txt: read as" in book.warnings[0]
    with pytest.raises(InputError, match=r"phare\.txt: this file is not in utf-8"):
        read_text(french.encode("latin-1"), "phare.txt", "utf-8")


def test_nothing_but_decoration_is_no_book() -> None:
    with pytest.raises(InputError, match=r"empty\.txt: no text"):
        read(" \n* * *\n\n----\n", "empty.txt")


SENTENCE = st.lists(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12),
    min_size=40,
    max_size=90,
).map(lambda words: " ".join(words).capitalize() + ".")


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.lists(SENTENCE, min_size=1, max_size=6), st.integers(min_value=50, max_value=78))
def test_any_wrapped_paragraphs_come_back(paragraphs: list[str], width: int) -> None:
    lines = "\n\n".join(textwrap.fill(text, width) for text in paragraphs).split("\n")
    assert paragraphs_of_lines(lines) == paragraphs


@given(st.text(alphabet="ab .,\n\tI—-'“”", max_size=400))
def test_no_word_is_lost_whatever_the_lines(text: str) -> None:
    letters = [c for c in text if c.isalpha()]
    joined = "".join(paragraphs_of_lines(text.split("\n")))
    assert [c for c in joined if c.isalpha()] == letters


MARKDOWN = """\
---
title: The Last Oil
author: Anna Brandt
lang: en
---

# Part One

## The Boat

{text} A [link](http://example.org), **bold**, *soft*, `code` and a note.[^1]

> A quotation that goes on
> over two lines.

- one thing
- another thing

[^1]: The note.

## The Rope

{text}

# Part Two

The Lamp
--------

{text}
"""


def test_markdown() -> None:
    book = read_markdown(MARKDOWN.format(text=body()).encode(), "book.md")
    assert (book.title, book.author, book.language) == ("The Last Oil", "Anna Brandt", "en")
    assert titles(book) == ["The Boat", "The Rope", "The Lamp"]
    parts = [chapter.parts for chapter in book.chapters]
    assert parts == [("Part One",), ("Part One",), ("Part Two",)]
    first = [paragraph.text for paragraph in book.chapters[0].paragraphs]
    assert first[:2] == list(STORY[:2])
    assert first[2].endswith("A link, bold, soft, code and a note.")
    assert first[3:] == ["A quotation that goes on over two lines.", "one thing", "another thing"]
    assert "notes" in [item.reason for item in book.left_out]
