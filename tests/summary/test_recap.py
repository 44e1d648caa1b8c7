"""Nothing behind the point that a reader has reached can be seen in a recap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import infinisum
from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.config import SummarizeOptions
from infinisum.document import to_json, to_markdown, to_text
from infinisum.loading import LoadedModel
from infinisum.pipeline import read, summarize
from tests.tiny_model import small_book


@pytest.fixture(scope="module")
def writing(writing_model: Path) -> LoadedModel:
    return infinisum.load_model(writing_model, "cpu", "float32")


def documents(book: Book, loaded: LoadedModel, until: str, method: str) -> tuple[str, ...]:
    options = SummarizeOptions(until=until, method=method)  # type: ignore[arg-type]
    summary = summarize(book, loaded, options)
    return tuple(form(summary) for form in (to_json, to_markdown, to_text))


def other(paragraph: Paragraph, number: int) -> Paragraph:
    """Other words, as many of them, with a murderer's name among them."""
    words = [f"Moriarty{number}" if at % 3 == 0 else "strikes" for at in range(99)]
    count = len(paragraph.text.split())
    return replace(paragraph, text=" ".join([*words[: count - 1], "again."]))


BOOK = replace(
    small_book(6), pages=6, left_out=(LeftOut("Imprint", "imprint", 12),), source="harbour.txt"
)
UNTIL_CHAPTER = 3


def rewritten() -> Book:
    """The same first three chapters; of the others the same lengths in other words."""
    chapters = tuple(
        chapter
        if index < UNTIL_CHAPTER
        else replace(
            chapter,
            title=f"Moriarty {index}",
            parts=("Moriarty's part",),
            paragraphs=tuple(other(p, n) for n, p in enumerate(chapter.paragraphs)),
        )
        for index, chapter in enumerate(BOOK.chapters)
    )
    return replace(BOOK, chapters=chapters, left_out=(LeftOut("Why Moriarty did it", "notes", 99),))


def longer() -> Book:
    """The same beginning of a book that goes on for longer, with other pages."""
    more = tuple(Chapter(f"More {n}", (Paragraph("Moriarty! " * 50, page=9),)) for n in range(9))
    return replace(BOOK, chapters=(*BOOK.chapters[:UNTIL_CHAPTER], *more), pages=99)


def ended() -> Book:
    """A book that ends there."""
    return replace(BOOK, chapters=BOOK.chapters[:UNTIL_CHAPTER], pages=3)


@pytest.mark.parametrize(
    ("until", "method"),
    [("3", "hybrid"), ("The Kitchen", "extractive"), ("page:3", "extractive")],
)
def test_the_rest_of_the_book_changes_no_byte(
    writing: LoadedModel, until: str, method: str
) -> None:
    ours = documents(BOOK, writing, until, method)
    assert documents(rewritten(), writing, until, method) == ours
    assert documents(longer(), writing, until, method) == ours
    assert documents(ended(), writing, until, method) == ours
    assert "Moriarty" not in "".join(ours)


def test_a_share_of_the_book(writing: LoadedModel) -> None:
    """Where "50%" is depends on the length of the book, and on nothing else behind it."""
    ours = documents(BOOK, writing, "50%", "extractive")
    assert documents(rewritten(), writing, "50%", "extractive") == ours


def test_a_reading_of_the_whole_book_gives_the_same_recap(writing: LoadedModel) -> None:
    options = SummarizeOptions(until="3", method="extractive")
    recap = summarize(read(rewritten(), writing), writing, options)
    assert to_json(recap) == to_json(summarize(BOOK, writing, options))


def test_the_recap_counts_up_to_the_point(writing: LoadedModel) -> None:
    summary = summarize(BOOK, writing, SummarizeOptions(until="3"))
    words = sum(chapter.words for chapter in BOOK.chapters[:UNTIL_CHAPTER])
    assert (summary.source_words, summary.source_chapters) == (words, 3)
    assert summary.part == f"Read in part (until 3): {words:,} words."
    assert summary.left_out == ()  # nobody knows where it stood
    assert summary.people
    assert max(person.chapter for person in summary.people) <= UNTIL_CHAPTER
    whole = summarize(BOOK, writing, SummarizeOptions())
    assert whole.left_out
    mentions = sum(person.mentions for person in whole.people)
    assert mentions > sum(person.mentions for person in summary.people)
