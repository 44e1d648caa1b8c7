"""The whole way: a book → segments → a reading → summaries → `Summary`. Read this file first.

    book ─▶ segments ─▶ Engine ─▶ chapters with salience and contexts ─▶ drafts and passages
                           └────▶ context of the whole book ───────────▶ summary of the book

The engine's memory of the book has a constant size; chapters are decoded a few at a time while the
reading goes on, and their contexts are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from infinisum.books.book import Book
from infinisum.books.selection import select_part
from infinisum.config import BLOCK_SEGMENTS, CHAPTERS_AT_ONCE, SummarizeOptions
from infinisum.errors import InputError
from infinisum.summary.compose import Composer
from infinisum.summary.summary import Summary

if TYPE_CHECKING:
    from infinisum.engine import ChapterReading
    from infinisum.loading import LoadedModel


class Progress(Protocol):
    """What a caller may want to see while a book is summarised."""

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        """More was read: tokens of the last block, title of the chapter it belongs to."""

    def wrote(self, done: int, total: int) -> None:
        """More was written: texts so far, texts in all."""


class Silent:
    """Progress that nobody watches."""

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        """Say nothing."""

    def wrote(self, done: int, total: int) -> None:
        """Say nothing."""


def summarize(
    book: Book,
    loaded: LoadedModel,
    options: SummarizeOptions | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Summarise a book, as a whole and chapter by chapter.

    Args:
        book: from `read_book`.
        loaded: from `load_model`.
        options: level, length, method and the rest.
        progress: is told how far it is.

    Raises:
        InputError: the book has no text.
        UsageError: `--chapters` or `--until` leaves nothing, or names what the book does not have.
    """
    from infinisum.engine import Engine
    from infinisum.segments import book_segments

    options, progress = options or SummarizeOptions(), progress or Silent()
    part = select_part(book, options.chapters, options.until)
    if part.book.words == 0:
        raise InputError(f"{book.source or book.title}: there is no text in it to summarise.")
    composer = Composer(part, loaded, options, progress.wrote)
    engine = Engine(
        loaded.model,
        pad_id=loaded.tokenizer.pad_id,
        block_segments=BLOCK_SEGMENTS,
        on_block=lambda tokens: progress.read(tokens, composer.title, engine.state_bytes()),
    )
    segments = book_segments(part.book, loaded.tokenizer, loaded.model.config.segment_length)
    for chapters in _groups(engine.read(composer.announced(segments)), CHAPTERS_AT_ONCE):
        composer.add_chapters(chapters)
    composer.add_book(engine.book_context)
    return composer.summary(engine.state_bytes())


def _groups(readings: Iterable[ChapterReading], size: int) -> Iterator[list[ChapterReading]]:
    """Chapters in groups of `size`, as they are read."""
    group: list[ChapterReading] = []
    for reading in readings:
        group.append(reading)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
