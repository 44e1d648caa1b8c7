from __future__ import annotations

import pytest

from infinisum.books.book import Chapter, Paragraph
from infinisum.books.chapters import (
    heading_title,
    is_heading,
    keep_body,
    matter_of,
    split_at_headings,
)
from infinisum.books.headings import is_subtitle, parse_heading
from infinisum.books.numbers import cjk_value, number_value

TEXT = "The ferry came in late that day and nobody on the quay had a word to say about it. " * 3


def book(*lines: str) -> list[Paragraph]:
    """Paragraphs; "~" stands for a few paragraphs of prose."""
    paragraphs: list[Paragraph] = []
    for number, line in enumerate(lines):
        texts = [f"{TEXT}({number}.{n})" for n in range(3)] if line == "~" else [line]
        paragraphs += [Paragraph(text) for text in texts]
    return paragraphs


def body_titles(*lines: str) -> list[str]:
    return [chapter.title for chapter in keep_body(split_at_headings(book(*lines)))[0]]


@pytest.mark.parametrize(
    "line",
    [
        "CHAPTER IV.",
        "Chapter 12",
        "Chapter Twenty-One",
        "CHAPTER THE FIRST. In which the hero is born, and of the circumstances attending it",
        "IV",
        "XXXVII.",
        "The First Part",
        "BOOK THE SECOND",
        "VOL. II",
        "Act I",
        "Stave One: The Ghost",
        "IV. THE STORM",
        "IV: The Storm",
        "THE STORM",
        "Prologue",
        "EPILOGUE.",
        "Chapitre premier",
        "Erstes Kapitel",
        "PREMIÈRE PARTIE",
        "Capítulo III",
        "Глава 2",
        "제1장",
        "제 12 장 바람",
        "第一章 风雪",
        "第百二十回",
    ],
)
def test_headings(line: str) -> None:
    assert is_heading(line)


@pytest.mark.parametrize(
    "line",
    [
        "He went home.",
        "I don’t know, he said.",
        "Chapter one of the book was finished at last.",
        "Part of the trouble was the tide.",
        "Book two seats for me",
        "1. and then, without a word,",
        "THE END",
        "* * *",
        "“WHAT!”",
        "",
        "Mix the salt and the water.",
    ],
)
def test_no_headings(line: str) -> None:
    assert not is_heading(line)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("CHAPTER IV.  The Storm.", "CHAPTER IV: The Storm"),
        ("CHAPTER I\nThe Ferry", "CHAPTER I: The Ferry"),
        ("IV. THE STORM", "IV: THE STORM"),
        ("第一章 风雪", "第一章: 风雪"),
        ("*THE STORM*", "THE STORM"),
    ],
)
def test_titles_of_headings(line: str, title: str) -> None:
    assert heading_title(line) == title


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("14", 14),
        ("XIV", 14),
        ("cxcix", 199),
        ("IIX", None),
        ("Xi", None),
        ("forty-two", 42),
        ("Fourteenth", 14),
        ("one hundred and eight", 108),
        ("zwölftes", 12),
        ("première", 1),
        ("chair", None),
        ("mild", None),
    ],
)
def test_numbers(written: str, value: int | None) -> None:
    assert number_value(written) == value


def test_chinese_numbers() -> None:
    numbers = [cjk_value(text) for text in ("12", "十二", "二十", "一百零八", "x")]
    assert numbers == [12, 12, 20, 108, None]


def test_chapters_by_word_with_subtitles() -> None:
    assert body_titles("CHAPTER I", "The Ferry", "~", "CHAPTER II", "The Shore", "~") == [
        "CHAPTER I: The Ferry",
        "CHAPTER II: The Shore",
    ]


def test_a_line_below_few_of_the_bare_headings_is_no_title() -> None:
    lines = ("CHAPTER I", "~", "CHAPTER II", "London, May 1890", "~", "CHAPTER III", "~")
    chapters = split_at_headings(book(*lines))
    assert [c.title for c in chapters] == ["CHAPTER I", "CHAPTER II", "CHAPTER III"]
    assert chapters[1].paragraphs[0].text == "London, May 1890"


def test_a_title_in_quotes_and_a_letter_that_begins_with_a_salutation() -> None:
    chapters = ("CHAPTER I", "The Ferry", "~", "CHAPTER II", "“ALAS, THE TIDE”", "~")
    assert body_titles(*chapters, "LETTER I", "“MADAM,", "~", "LETTER II", "“SIR,", "~") == [
        "CHAPTER I: The Ferry",
        "CHAPTER II: “ALAS, THE TIDE”",
        "LETTER I",
        "LETTER II",
    ]


def test_letters_without_titles_do_not_count_against_the_chapters() -> None:
    letters = [line for number in ("I", "II", "III") for line in (f"LETTER {number}", "~")]
    assert body_titles("CHAPTER I", "The Ferry", "~", "CHAPTER II", "Home", "~", *letters) == [
        "CHAPTER I: The Ferry",
        "CHAPTER II: Home",
        "LETTER I",
        "LETTER II",
        "LETTER III",
    ]


def test_titles_below_count_among_the_chapters_not_the_contents() -> None:
    listed = ("CONTENTS", "CHAPTER I", "CHAPTER II", "CHAPTER III")
    lines = ("CHAPTER I", "The Ferry", "~", "CHAPTER II", "Home", "~", "CHAPTER III", "~")
    assert body_titles(*listed, *lines) == [
        "CHAPTER I: The Ferry",
        "CHAPTER II: Home",
        "CHAPTER III",
    ]


def test_a_number_in_words_is_a_title_below_a_numbered_heading() -> None:
    assert body_titles("I", "Fifty-Two", "~", "II", "FORTY-ONE", "~", "III", "Salt", "~") == [
        "I: Fifty-Two",
        "II: FORTY-ONE",
        "III: Salt",
    ]
    assert body_titles("CHAPTER I", "Fifty-Two", "~", "CHAPTER II", "The Shore", "~") == [
        "CHAPTER I: Fifty-Two",
        "CHAPTER II: The Shore",
    ]


def test_a_number_in_words_below_a_part_is_a_chapter() -> None:
    lines = ("PART ONE", "One", "~", "Two", "~", "PART TWO", "Three", "~")
    chapters = split_at_headings(book(*lines))
    assert [c.title for c in chapters] == ["One", "Two", "Three"]
    assert not is_subtitle("Twenty-One", parse_heading("PART TWO"))
    assert not is_subtitle("Twenty-Two", parse_heading("Twenty-One"))


@pytest.mark.parametrize("title", ["Imprint", "COLOPHON", "Uncopyright"])
def test_matter_at_the_end_is_no_part_of_the_last_chapter(title: str) -> None:
    lines = ("Chapter 1", "~", "Chapter 2", "~", title, "Set in Garamond.")
    chapters, left_out = keep_body(split_at_headings(book(*lines)))
    assert [c.title for c in chapters] == ["Chapter 1", "Chapter 2"]
    assert [item.what for item in left_out] == [title]


def test_contents_page_makes_no_chapters() -> None:
    lines = ("CONTENTS", "CHAPTER I. The Ferry", "CHAPTER II. The Shore", "CHAPTER III. Home")
    chapters = ("CHAPTER I. The Ferry", "~", "CHAPTER II. The Shore", "~", "CHAPTER III. Home", "~")
    assert body_titles(*lines, *chapters) == [
        "CHAPTER I: The Ferry",
        "CHAPTER II: The Shore",
        "CHAPTER III: Home",
    ]


def test_contents_page_finds_titles_that_look_like_nothing() -> None:
    names = ("The Ferry", "A Quarrel About Salt", "Home")
    chapters = tuple(line for name in names for line in (name, "~"))
    assert body_titles("The Salt Road", "Contents", *names, *chapters) == list(names)


def test_numerals_alone_count_only_in_sequence() -> None:
    titles = body_titles("I", "~", "II", "~", "C", "~", "III", "~", "IV", "~")
    assert titles == ["I", "II", "III", "IV"]


def test_page_numbers_do_not_disturb_roman_chapters() -> None:
    assert body_titles("I", "~", "17", "~", "II", "~", "18", "~", "III", "~") == ["I", "II", "III"]


def test_a_numbered_list_is_no_run_of_chapters() -> None:
    listed = ("1. Salt for the cellar", "2. Rope for the boat", "3. Oil for the lamp")
    assert body_titles("I", "~", *listed, "~", "II", "~", "III", "~") == ["I", "II", "III"]


def test_parts_stand_above_their_chapters() -> None:
    chapters = split_at_headings(
        book("PART I", "Chapter 1", "~", "Chapter 2", "~", "PART II", "Chapter 1", "~")
    )
    assert [(c.title, c.parts, c.level) for c in chapters] == [
        ("Chapter 1", ("PART I",), 2),
        ("Chapter 2", ("PART I",), 2),
        ("Chapter 1", ("PART II",), 2),
    ]


def test_volumes_hold_books_hold_chapters() -> None:
    chapters = split_at_headings(
        book("VOLUME I", "BOOK I", "Chapter 1", "~", "BOOK II", "Chapter 2", "~")
    )
    assert [c.parts for c in chapters] == [("VOLUME I", "BOOK I"), ("VOLUME I", "BOOK II")]


def test_books_with_text_and_no_chapters_are_chapters() -> None:
    assert body_titles("BOOK I", "~", "BOOK II", "~", "BOOK III", "~") == [
        "BOOK I",
        "BOOK II",
        "BOOK III",
    ]


def test_lines_in_capitals_where_nothing_else_divides() -> None:
    lines = [line for name in ("THE FERRY", "THE SHORE", "HOME") for line in (name, "~")]
    assert body_titles(*lines) == ["THE FERRY", "THE SHORE", "HOME"]


def test_prologue_and_epilogue_are_text_preface_and_index_are_not() -> None:
    chapters, left_out = keep_body(
        split_at_headings(
            book("PREFACE", "~", "PROLOGUE", "~", "CHAPTER 1", "~", "~", "CHAPTER 2", "~", "~")
            + book("EPILOGUE", "~", "INDEX", "salt, 12; ferry, 3, 40")
        )
    )
    assert [c.title for c in chapters] == ["PROLOGUE", "CHAPTER 1", "CHAPTER 2", "EPILOGUE"]
    assert [(item.what, item.reason) for item in left_out] == [
        ("PREFACE", "preface"),
        ("INDEX", "index"),
    ]


def test_nothing_but_headings_is_lost() -> None:
    paragraphs = book("Some Title", "CHAPTER 1", "~", "a line", "CHAPTER 2", "~", "12", "~")
    kept = [p for chapter in split_at_headings(paragraphs) for p in chapter.paragraphs]
    headings = {"CHAPTER 1", "CHAPTER 2"}
    assert kept == [p for p in paragraphs if p.text not in headings]


def test_a_book_without_headings_is_one_chapter() -> None:
    paragraphs = book("~")
    assert split_at_headings(paragraphs) == [Chapter("", tuple(paragraphs))]
    assert split_at_headings([]) == []


def test_a_book_that_is_all_notes_is_kept() -> None:
    sections = [Chapter("Notes", tuple(book("~", "~"))), Chapter("One", tuple(book("~")))]
    assert [c.title for c in keep_body(sections)[0]] == ["Notes", "One"]


@pytest.mark.parametrize(
    ("title", "text", "reason"),
    [
        ("Copyright", "x", "imprint"),
        ("", "Copyright © 1990 by Ina Moore. All rights reserved.", "imprint"),
        ("", "This eBook is for the use of anyone anywhere at no cost", "Gutenberg header"),
        ("THE FULL PROJECT GUTENBERG LICENSE", "x", "licence"),
        ("Inhaltsverzeichnis", "x", "contents"),
        ("Acknowledgments", "x", "acknowledgements"),
        ("Introduction: To the Reader", "x", "introduction"),
        ("The Index Finger", "x", None),
        ("Chapter 3: The Contents of the Box", "x", None),
        ("Prologue", "x", None),
        ("", "He spoke of all rights and of none.", None),
    ],
)
def test_matter(title: str, text: str, reason: str | None) -> None:
    assert matter_of(title, text) == reason


def test_matter_by_file_name_only_where_the_file_is_short() -> None:
    assert matter_of("", "x", filename="text/titlepage.xhtml") == "title page"
    assert matter_of("", TEXT * 200, filename="index.html") is None


def test_publishers_word_counts_more_than_the_title() -> None:
    assert matter_of("Notes", "x", epub_types={"bodymatter", "chapter"}) is None
    assert matter_of("The Ferry", "x", epub_types={"frontmatter"}) == "front matter"
    assert matter_of("Imprint", "x", epub_types={"bodymatter"}) == "imprint"
