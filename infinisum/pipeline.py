"""The whole way: a book → segments → a reading → `Summary`. Read this file first.

    book ─▶ segments ─▶ Engine ─▶ Reading: state, salience of every sentence ─▶ Summary
                           └────▶ contexts of chapters ─▶ drafts ─▶ ┘

The engine's memory of the book has a constant size; chapters are written about a few at a time
while the reading goes on, and their contexts are dropped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from infinisum.books.book import Book
from infinisum.books.joining import joined
from infinisum.books.selection import Part, select_part
from infinisum.config import SummarizeOptions
from infinisum.errors import InputError, UsageError
from infinisum.lines import one_line
from infinisum.readings.reader import read_on
from infinisum.readings.reading import Mark, Reading
from infinisum.summary.annotate import annotate
from infinisum.summary.compose import Composer
from infinisum.summary.drafts import Drafts
from infinisum.summary.summary import Summary

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.readings.snapshots import Snapshots


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


def read(
    book: Book,
    loaded: LoadedModel,
    options: SummarizeOptions | None = None,
    progress: Progress | None = None,
    *,
    onto: Reading | None = None,
    snapshots: Snapshots | None = None,
) -> Reading:
    """Read a book; the reading answers `summarize` without reading again.

    Args:
        book: from `read_book`.
        loaded: from `load_model`.
        options: of summaries to come: of a model that writes, what it writes about chapters is
            written now, while what it sees of them is at hand. Anything else can be asked later.
        progress: is told how far it is.
        onto: a reading that this book continues; the result is as if both were one book.
        snapshots: where what was read is kept against interruptions.

    Raises:
        InputError: the book has no text, or another model made the reading.
        UsageError: `--chapters` or `--until` leaves nothing, or names what the book does not
            have; or the book is in the reading already.
    """
    options, progress = _possible(options or SummarizeOptions(), loaded), progress or Silent()
    book = _part(book, options).book
    start = Reading(book, Mark.of(loaded))
    if onto is not None:
        onto.mark.check(start.mark, onto.book.source or onto.book.title)
        book = joined(onto.book, book)
        start = replace(_going_on(onto, start), book=book)
    drafts = Drafts(loaded, options, book, progress.wrote)
    reading = _read(start, loaded, drafts, progress, snapshots)
    if snapshots is not None:
        snapshots.end()
    return reading


def summarize(
    source: Book | Reading,
    loaded: LoadedModel,
    options: SummarizeOptions | None = None,
    progress: Progress | None = None,
    *,
    snapshots: Snapshots | None = None,
) -> Summary:
    """Summarise a book, as a whole and chapter by chapter.

    From a reading the summary is the same as from its book. Where the reading does not hold what
    is asked for (see `why_read_again`), its text is read again.

    Args:
        source: a book from `read_book`, or what is left of one from `read`.
        loaded: from `load_model`.
        options: level, length, method and the rest.
        progress: is told how far it is.
        snapshots: where what was read is kept against interruptions.

    Raises:
        InputError: the book has no text, or another model made the reading.
        UsageError: `--chapters` or `--until` leaves nothing, or names what the book does not have.
    """
    options, progress = _possible(options or SummarizeOptions(), loaded), progress or Silent()
    part = _part(source.book if isinstance(source, Reading) else source, options)
    drafts = Drafts(loaded, options, part.book, progress.wrote)
    if isinstance(source, Reading) and not _missing(source, part, drafts):
        reading = replace(source.first(len(part.book.chapters)), book=part.book)
    else:
        start = Reading(part.book, Mark.of(loaded))
        reading = _read(start, loaded, drafts, progress, snapshots)
    summary = Composer(part, reading, loaded, options, drafts).summary()
    summary = annotate(summary, part, evidence=options.evidence)
    if snapshots is not None:
        snapshots.end()
    return summary


def why_read_again(reading: Reading, loaded: LoadedModel, options: SummarizeOptions) -> str:
    """Why `summarize` has to read the text of a reading again; "" where it does not.

    Raises:
        InputError: another model made the reading.
        UsageError: as `summarize`.
    """
    options = _possible(options, loaded)
    part = _part(reading.book, options)
    return _missing(reading, part, Drafts(loaded, options, part.book, Silent().wrote))


def _possible(options: SummarizeOptions, loaded: LoadedModel) -> SummarizeOptions:
    """The options, without quotations where the model does not mark sentences to quote.

    Raises:
        UsageError: nothing but quotations was asked for.
    """
    if loaded.marks_sentences or options.method == "abstractive":
        return options
    if options.method == "extractive":
        raise UsageError(
            f"{loaded.name}: this model marks no key sentences, so it cannot quote.",
            "Use --method abstractive.",
        )
    return replace(options, method="abstractive")


def _missing(reading: Reading, part: Part, drafts: Drafts) -> str:
    """What a reading lacks to answer for a part of its book, in words; "" for nothing."""
    mark, own = reading.mark, Mark.of(drafts.loaded)
    mark.check(own, reading.book.source or reading.book.title)
    if not mark.computes_like(own):
        return f"it was read on {mark.device} in {mark.dtype}"
    count = len(part.book.chapters)
    if part.book.chapters != reading.book.chapters[:count] or part.numbers[-1] != count:
        return "it answers for the whole book and for its first chapters only"
    first = reading.first(count)
    if count < len(reading.chapters) and drafts.loaded.reader.config.memory_rule == "knn":
        return "the memory of this model grows with the book"
    if drafts.of_book and drafts.options.strategy == "memory" and first.state is None:
        return "it holds the memory at the end of the book only"
    has_text = [chapter.tokens > 0 for chapter in first.chapters]
    if any(key not in first.drafts for key in drafts.all_keys(has_text)):
        return "its chapter summaries were written with other options"
    return ""


def _going_on(reading: Reading, anew: Reading) -> Reading:
    """Where a reading goes on when its book does; `anew` if it cannot."""
    if not reading.mark.computes_like(anew.mark):
        return anew
    if reading.settled is not None:
        reading = reading.first(reading.settled.chapters)
    return reading if reading.state is not None else anew


def _part(book: Book, options: SummarizeOptions) -> Part:
    part = select_part(book, options.chapters, options.until)
    if part.book.words == 0:
        raise InputError(f"{book.source or book.title}: there is no text in it to summarise.")
    return part


def _read(
    start: Reading,
    loaded: LoadedModel,
    drafts: Drafts,
    progress: Progress,
    snapshots: Snapshots | None,
) -> Reading:
    """Read what `start` lacks of its book, from where an interrupted run stopped if there was."""
    if snapshots is not None:
        kept = snapshots.begin(start.book, loaded, drafts.options)
        if kept is not None and len(kept.chapters) > len(start.chapters):
            start = kept
    return read_on(
        start,
        loaded,
        write=drafts.write_chapters if drafts.of_chapters else None,
        on_block=lambda tokens, title, size: progress.read(tokens, one_line(title), size),
        keep=snapshots.keep if snapshots is not None else None,
    )
