"""Which part of a book is read: `--chapters 3-7,12` and `--until 40%`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.numbers import number_value
from infinisum.errors import UsageError

UNTIL_HINT = 'Write --until 40%, --until 12 (chapter), --until "Chapter 12" or --until page:210.'
CHAPTERS_HINT = "Write --chapters 3-7,12; infinisum info BOOK --chapters lists them."


@dataclass(frozen=True, slots=True)
class Part:
    """What of a book is read."""

    book: Book  # only the chapters, or beginnings of chapters, that are read
    numbers: tuple[int, ...]  # of each of them: its number in the whole book, from 1
    note: str = ""  # one line for the reader; "" where the whole book is read


def select_part(book: Book, chapters: str = "", until: str = "") -> Part:
    """The part of a book that `--until` and `--chapters` leave.

    Args:
        book: the whole book.
        chapters: "" for all, or numbers and ranges as in "3-7,12".
        until: "" for the end, or a share of the words ("40%"), a chapter by number ("12") or by
            title ("Chapter 12"), or a page ("page:210"). The chapter or page named is still read.

    Raises:
        UsageError: not of these forms, or nothing of the book is left.
    """
    kept = list(enumerate(book.chapters, start=1))
    if until:
        kept = _until(book, until.strip())
    if chapters:
        wanted = _chapter_numbers(chapters, len(book.chapters))
        kept = [(number, chapter) for number, chapter in kept if number in wanted]
        if not kept:
            raise UsageError(f"--chapters {chapters} --until {until}: nothing is left to read.")
    notes = [f"until {until.strip()}" if until else "", f"chapters {chapters}" if chapters else ""]
    note = ", ".join(filter(None, notes))
    part = replace(book, chapters=tuple(chapter for _, chapter in kept))
    if until:
        # A recap says nothing of what comes after: neither how long the book is, nor what else is
        # in it.
        part = replace(part, left_out=())
        note = f"Read in part ({note}): {part.words:,} words."
    elif note:
        note = f"Read in part ({note}): {part.words:,} of {book.words:,} words."
    return Part(part, tuple(number for number, _ in kept), note)


def _chapter_numbers(text: str, count: int) -> set[int]:
    """The numbers in "3-7,12"."""
    numbers: set[int] = set()
    for item in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?", item, re.ASCII)
        if not match:
            raise UsageError(f"--chapters {text}: {item.strip()!r} is no number.", CHAPTERS_HINT)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise UsageError(
                f"--chapters {text}: {item.strip()} is not within 1-{count}, the chapters of the "
                "book.",
                CHAPTERS_HINT,
            )
        numbers.update(range(first, last + 1))
    return numbers


def _until(book: Book, until: str) -> list[tuple[int, Chapter]]:
    """Chapters up to a place, with their numbers; the last may be cut."""
    count = len(book.chapters)
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", until, re.ASCII):
        share = float(match[1])
        if not 0 < share <= 100:
            raise UsageError(f"--until {until}: must be above 0% and at most 100%.", UNTIL_HINT)
        return _first_words(book, share / 100 * book.words)
    if match := re.fullmatch(r"page:\s*(\d+)", until, re.ASCII | re.IGNORECASE):
        return _first_pages(book, int(match[1]), until)
    if re.fullmatch(r"\d+", until, re.ASCII):
        last = int(until)
        if not 1 <= last <= count:
            raise UsageError(f"--until {until}: the book has chapters 1-{count}.", UNTIL_HINT)
    else:
        last = _chapter_by_title(book, until)
    return list(enumerate(book.chapters[:last], start=1))


def _first_words(book: Book, words: float) -> list[tuple[int, Chapter]]:
    """Whole paragraphs within the first `words` words; at least one."""
    total = 0

    def inside(paragraph: Paragraph) -> bool:
        nonlocal total
        first = total == 0
        total += len(paragraph.text.split())
        return first or total <= words

    return _while(book, inside)


def _first_pages(book: Book, page: int, until: str) -> list[tuple[int, Chapter]]:
    """Paragraphs that begin on or before a page."""
    if book.pages is None:
        raise UsageError(f"--until {until}: this book has no page numbers.", UNTIL_HINT)
    kept = _while(book, lambda paragraph: paragraph.page is None or paragraph.page <= page)
    if not kept:
        raise UsageError(f"--until {until}: the text begins after that page.", UNTIL_HINT)
    return kept


def _while(book: Book, inside: Callable[[Paragraph], bool]) -> list[tuple[int, Chapter]]:
    """Chapters up to the first paragraph that is not `inside`."""
    kept: list[tuple[int, Chapter]] = []
    for number, chapter in enumerate(book.chapters, start=1):
        paragraphs = tuple(takewhile(inside, chapter.paragraphs))
        if paragraphs or not chapter.paragraphs:
            kept.append((number, replace(chapter, paragraphs=paragraphs)))
        if len(paragraphs) < len(chapter.paragraphs):
            break
    return kept


def _chapter_by_title(book: Book, text: str) -> int:
    """Number of the one chapter that `text` names."""
    wanted = _plain(text)
    titles = [_plain(chapter.title) for chapter in book.chapters]
    tests = (
        lambda title: title == wanted,
        lambda title: re.match(re.escape(wanted) + r"(?!\w)", title) is not None,
        lambda title: (
            title_number(wanted) is not None and title_number(title) == title_number(wanted)
        ),
        lambda title: bool(wanted) and wanted in title,
    )
    for test in tests:
        found = [number for number, title in enumerate(titles, start=1) if test(title)]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(map(str, found[:6])) + (", …" if len(found) > 6 else "")
            raise UsageError(
                f'--until "{text}": {len(found)} chapters are called so.',
                f"Name one by its number: {numbers}.",
            )
    raise UsageError(f'--until "{text}": no chapter of the book is called so.', UNTIL_HINT)


def title_number(title: str) -> int | None:
    """The number a chapter title begins with: 12 of "chapter xii. the whale" or "12 the whale"."""
    words = re.sub(r"^(?:chapter|chap\.)\s+", "", title).split(maxsplit=1)
    word = words[0].rstrip(".:,;—–-") if words else ""
    return number_value(word.upper()) if word else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
