"""How much of anything a book may have, before it counts as made to do harm.

The defaults read every real book that was tried and stop what is made to exhaust a machine. Each
can be changed: `read_book(path, limits=Limits(pages=50_000))`, or `--limit pages=50000`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Final

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.errors import InputError, UsageError

_VALUE = re.compile(r"(\d{1,15})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SENTENCE_END = re.compile(r"[.!?…。！？][”’\"')\]»]*\s")
_HINT = "Write it as in --limit pages=50000 or --limit memory_bytes=2G."


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one book. Sizes are bytes, times are seconds of processor time."""

    file_bytes: int = 2**30  # of the book's file
    entries: int = 20_000  # files in an EPUB
    entry_bytes: int = 64 * 2**20  # of one text file of an EPUB, unpacked
    unpacked_bytes: int = 512 * 2**20  # of all text files of an EPUB together
    ratio: int = 400  # unpacked to packed bytes of a text file over 8 MiB; prose stays under 20
    stream_bytes: int = 50_000_000  # of one PDF stream, unpacked; a page of text has some thousand
    pages: int = 20_000  # of a PDF
    text_characters: int = 200_000_000  # of the whole text
    paragraph_characters: int = 100_000  # longer paragraphs are cut at sentences or spaces
    memory_bytes: int = 2**30  # of the process that reads the book, beside the size of its file
    step_seconds: int = 15  # for one page, one file of an EPUB, one stage of reading a text
    total_seconds: int = 600  # for the whole book

    def __post_init__(self) -> None:
        """Refuse what no book can be read with.

        Raises:
            UsageError: a limit below 1.
        """
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise UsageError(f"limit {field.name}: must be at least 1.", _HINT)


DEFAULT_LIMITS: Final = Limits()
NAMES: Final = tuple(field.name for field in fields(Limits))


def parse_limits(values: Iterable[str]) -> Limits:
    """Limits from the command line.

    Args:
        values: each "NAME=VALUE"; K, M, G and T after the number multiply by 1024.

    Raises:
        UsageError: no such limit, or no number.
    """
    limits = DEFAULT_LIMITS
    for text in values:
        name, _, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in NAMES:
            raise UsageError(f"--limit {text}: no such limit.", f"There are {', '.join(NAMES)}.")
        match = _VALUE.fullmatch(value.strip())
        if match is None:
            raise UsageError(f"--limit {text}: no number.", _HINT)
        limits = replace(limits, **{name: int(match[1]) << _UNITS[match[2].lower()]})
    return limits


def within(limits: Limits, book: Book) -> Book:
    """The book with overlong paragraphs cut, which is said in a warning; every word stays.

    Raises:
        InputError: there is more text than any book has.
    """
    characters = sum(len(p.text) for chapter in book.chapters for p in chapter.paragraphs)
    if characters > limits.text_characters:
        raise InputError(
            f"{book.source}: {characters:,} characters of text, more than any book has.",
            "--limit text_characters=N allows more.",
        )
    longest = limits.paragraph_characters
    overlong = sum(len(p.text) > longest for chapter in book.chapters for p in chapter.paragraphs)
    if not overlong:
        return book
    chapters = tuple(
        replace(chapter, paragraphs=tuple(_cut(chapter, longest))) for chapter in book.chapters
    )
    warning = cut_warning(book.source, overlong, limits)
    return replace(book, chapters=chapters, warnings=(*book.warnings, warning))


def cut_warning(name: str, overlong: int, limits: Limits) -> str:
    """What is said where paragraphs were cut."""
    many = "a paragraph" if overlong == 1 else f"{overlong:,} paragraphs"
    return f"{name}: cut {many} of more than {limits.paragraph_characters:,} characters."


def cut_lines(text: str, limits: Limits) -> tuple[str, int]:
    """A text whose overlong lines became paragraphs, and how many there were."""
    longest = limits.paragraph_characters
    lines = text.split("\n")
    overlong = sum(len(line) > longest for line in lines)
    if not overlong:
        return text, 0
    kept = ("\n\n".join(_pieces(line, longest)) if len(line) > longest else line for line in lines)
    return "\n".join(kept), overlong


def _cut(chapter: Chapter, longest: int) -> Iterator[Paragraph]:
    for paragraph in chapter.paragraphs:
        for piece in _pieces(paragraph.text, longest):
            yield replace(paragraph, text=piece)


def _pieces(text: str, longest: int) -> Iterator[str]:
    start = 0
    while len(text) - start > longest:
        end = _end_of_piece(text, start, start + longest)
        yield text[start:end].strip()
        start = end
    if rest := text[start:].strip():
        yield rest


def _end_of_piece(text: str, start: int, most: int) -> int:
    """Where a piece ends best: after its last sentence, else at its last space, else anywhere."""
    near = max(start + 1, most - 2_000)
    ends = [match.end() for match in _SENTENCE_END.finditer(text, near, most)]
    space = text.rfind(" ", near, most)
    return ends[-1] if ends else space if space > 0 else most
