"""What holds for any text and any structure of chapters."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infinisum.books.clean import clean_text
from infinisum.books.epub import read_epub
from infinisum.books.pdf_bidi import logical
from infinisum.books.reader import parse_book
from infinisum.books.transfer import book_from_dict, book_to_dict
from infinisum.errors import InputError
from tests.books.make_epub import link, make_epub, nav, page

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
WORDS = st.lists(
    st.sampled_from(
        ["ferry", "quay", "lamp", "rain", "letter", "tower", "and", "the", "nobody", "slowly"]
    ),
    min_size=20,
    max_size=40,
).map(lambda words: " ".join(words).capitalize() + ".")
CHAPTERS = st.lists(st.lists(WORDS, min_size=5, max_size=8), min_size=2, max_size=6)
QUICK = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@QUICK
@given(
    st.text(st.characters(codec=None), max_size=400),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1"]),
    st.sampled_from(["a.txt", "a.md", "a.html", "a"]),
)
def test_any_text_is_a_clean_book_or_one_line(text: str, codec: str, name: str) -> None:
    data = text.encode(codec, "surrogatepass" if codec != "latin-1" else "replace")
    try:
        book = parse_book(data, name)
    except InputError as error:
        assert "\n" not in str(error)
        return
    for chapter in book.chapters:
        assert not FORBIDDEN.search(chapter.text)
    assert book_from_dict(json.loads(json.dumps(book_to_dict(book)))) == book


@QUICK
@given(st.binary(max_size=600))
def test_any_bytes_are_a_book_or_one_line(data: bytes) -> None:
    try:
        assert parse_book(data, "a").words > 0
    except InputError as error:
        assert "\n" not in str(error)


@QUICK
@given(st.text(max_size=200))
def test_cleaning_is_done_once(text: str) -> None:
    cleaned = clean_text(text)
    assert not FORBIDDEN.search(cleaned)
    assert clean_text(cleaned) == cleaned


@QUICK
@given(CHAPTERS, st.booleans())
def test_any_structure_of_chapters_comes_out_as_it_went_in(
    chapters: list[list[str]], nested: bool
) -> None:
    names = [f"c{number}.xhtml" for number in range(len(chapters))]
    titles = [f"Chapter {number}" for number in range(1, len(chapters) + 1)]
    lines = [link(name, title) for name, title in zip(names, titles, strict=True)]
    contents = "".join(lines)
    if nested:
        contents = f"<li><span>Part One</span><ol>{contents}</ol></li>"
    pages = {
        name: page(f"<h2>{title}</h2>" + "".join(f"<p>{text}</p>" for text in texts))
        for name, title, texts in zip(names, titles, chapters, strict=True)
    }
    book = read_epub(make_epub(pages, nav_page=nav(contents)), "a.epub")
    assert [chapter.title for chapter in book.chapters] == titles
    assert [[p.text for p in chapter.paragraphs] for chapter in book.chapters] == chapters


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("!םולש", "שלום!"),
        ("ABC (24) םולש", "שלום (24) ABC"),
        ("3.5 ןתנ", "נתן 3.5"),
        (
            "\u0661\u0669\u0664\u0668 ليربإ \u0661\u0664",
            "\u0661\u0664 إبريل \u0661\u0669\u0664\u0668",
        ),
        ("\u06f1\u066b\u06f2\u06f3\u06f4 ليم", "ميل \u06f1\u066b\u06f2\u06f3\u06f4"),
        ("The word םולש stands here", "The word שלום stands here"),
        ("plain (text) 24", "plain (text) 24"),
        ("ﺎﺒﺣﺮﻣ", "مرحبا"),
    ],
)
def test_lines_from_right_to_left_are_read_so(drawn: str, read: str) -> None:
    assert logical(drawn) == read
