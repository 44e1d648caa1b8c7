from __future__ import annotations

import pytest

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.selection import select_part
from infinisum.errors import UsageError


def book(*titles: str, paragraphs: int = 4, pages: bool = False) -> Book:
    """Chapters of paragraphs of ten words; each paragraph begins on a page of its own."""
    page = iter(range(1, 1_000))
    return Book(
        title="B",
        author="",
        pages=len(titles) * paragraphs if pages else None,
        chapters=tuple(
            Chapter(
                title,
                tuple(
                    Paragraph("word " * 9 + "end.", page=next(page) if pages else None)
                    for _ in range(paragraphs)
                ),
            )
            for title in titles
        ),
    )


TWELVE = book(*(f"Chapter {number}" for number in range(1, 13)))


def test_the_whole_book_needs_no_note() -> None:
    part = select_part(TWELVE)
    assert part.book == TWELVE
    assert part.numbers == tuple(range(1, 13))
    assert part.note == ""


def test_chapters_keep_their_numbers() -> None:
    part = select_part(TWELVE, chapters="3-5, 12,3")
    assert part.numbers == (3, 4, 5, 12)
    assert [chapter.title for chapter in part.book.chapters][-1] == "Chapter 12"
    assert "160 of 480 words" in part.note


@pytest.mark.parametrize("text", ["banana", "0", "13", "5-3", "3-", "-3", "3,,4", "1-13", "1.5"])
def test_wrong_chapters(text: str) -> None:
    with pytest.raises(UsageError, match=f"--chapters {text}"):
        select_part(TWELVE, chapters=text)


def test_until_a_share_cuts_at_a_paragraph() -> None:
    part = select_part(TWELVE, until="40%")  # 192 of 480 words
    assert part.book.words == 190
    assert part.numbers == (1, 2, 3, 4, 5)
    assert len(part.book.chapters[-1].paragraphs) == 3


def test_until_a_small_share_still_reads_a_paragraph() -> None:
    assert select_part(TWELVE, until="0.1%").book.words == 10


def test_until_all() -> None:
    assert select_part(TWELVE, until="100%").book == TWELVE


def test_until_a_number_is_inclusive() -> None:
    assert select_part(TWELVE, until="4").numbers == (1, 2, 3, 4)


def test_until_a_title_is_not_its_beginning() -> None:
    assert select_part(TWELVE, until="chapter 1").numbers == (1,)
    assert select_part(TWELVE, until=" Chapter  12 ").numbers[-1] == 12


@pytest.mark.parametrize("title", ["XII. The Whale", "CHAPTER XII", "Chapter Twelve: The Whale"])
def test_until_a_title_with_its_number_in_another_form(title: str) -> None:
    whale = book("Introduction", "I. The Sea", title, "Epilogue")
    assert select_part(whale, until="Chapter 12").numbers == (1, 2, 3)


def test_until_part_of_a_title() -> None:
    assert select_part(book("The Sea", "The White Whale", "Home"), until="whale").numbers == (1, 2)


def test_until_a_title_that_several_chapters_have() -> None:
    with pytest.raises(UsageError, match="2 chapters") as error:
        select_part(book("Chapter 1", "Chapter 2", "Chapter 1"), until="Chapter 1")
    assert "1, 3" in error.value.hint


def test_until_a_page() -> None:
    pages = book("A", "B", paragraphs=4, pages=True)
    part = select_part(pages, until="page:6")
    assert part.numbers == (1, 2)
    assert part.book.words == 60


def test_until_a_page_of_a_book_without_pages() -> None:
    with pytest.raises(UsageError, match="no page numbers"):
        select_part(TWELVE, until="page:3")


@pytest.mark.parametrize("text", ["0%", "101%", "13", "0", "Chapter 13", "nonsense"])
def test_wrong_until(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        select_part(TWELVE, until=text)


def test_both_together() -> None:
    assert select_part(TWELVE, chapters="2-6", until="4").numbers == (2, 3, 4)
    with pytest.raises(UsageError, match="nothing is left"):
        select_part(TWELVE, chapters="6", until="4")
