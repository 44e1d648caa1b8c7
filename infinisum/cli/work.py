"""What is done with one book: opened, summarised, written. In this process or in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.cli.console import Console, SummaryBars, quiet_libraries
from infinisum.cli.sources import Source, language_notice, open_source
from infinisum.config import TOKENS_PER_WORD, SummarizeOptions
from infinisum.document import document_form, to_markdown
from infinisum.document.json import to_dict
from infinisum.document.phrases import counted, size
from infinisum.errors import InfinisumError, StoppedError
from infinisum.hub import find_model

if TYPE_CHECKING:
    from infinisum.books.book import Book
    from infinisum.loading import LoadedModel
    from infinisum.readings.snapshots import Snapshots
    from infinisum.summary.reference import Reference
    from infinisum.summary.summary import Summary

Task = tuple[str, Path | None]  # source and output


@dataclass(frozen=True, slots=True)
class Done:
    """A book that was summarised."""

    row: dict[str, Any]  # for --json
    outcome: str  # one line
    document: str  # what is to be written, or printed where no output was named


@dataclass(slots=True)
class Work:
    """Opens books and summarises them, one after the other, with one model."""

    console: Console
    options: SummarizeOptions
    model: str
    device: str = "auto"
    dtype: str = "auto"
    encoding: str | None = None
    reference: Path | None = None
    resume: bool = True
    folder: Path | None = None  # of the model; None: where its name leads
    stop: Event | None = None  # once set, work ends as on Ctrl-C
    limits: Limits = DEFAULT_LIMITS
    _loaded: LoadedModel | None = field(default=None, repr=False)
    _said_language: bool = False
    _reference: Reference | None = None

    def open(self, name: str, data: bytes | None = None) -> Source:
        """Open a book or a reading, and say what there is to say about it."""
        started = time.perf_counter()
        with self.console.opening(name) as progress:
            source = open_source(name, self.encoding, progress, data, self.limits)
        book = source.book
        for warning in book.warnings:
            self.console.warning(warning)
        self._say_language(book)
        for item in book.left_out:
            self.console.detail(f"Left out: {item.what} ({item.reason}, {item.words:,} words)")
        self.console.detail(
            f"Opened {name} in {time.perf_counter() - started:.1f} s: {book.words:,} words, "
            f"{len(book.chapters):,} chapters"
        )
        return source

    def load(self) -> LoadedModel:
        """The model, loaded once."""
        if self._loaded is None:
            with self.console.busy("Loading the model"):
                from infinisum.loading import load_model

                quiet_libraries()
                loaded = load_model(self.folder or find_model(self.model), self.device, self.dtype)
            self._loaded = loaded
            self.console.note(
                f"Model {loaded.name} {loaded.version} on {loaded.device} in {loaded.dtype} "
                f"({loaded.why})"
            )
        return self._loaded

    def load_reference(self) -> Reference | None:
        """What summaries are compared with, read once."""
        if self.reference is not None and self._reference is None:
            from infinisum.summary.reference import load_reference

            self._reference = load_reference(self.reference)
        return self._reference

    def summarize(self, source: Source, output: Path | None) -> Done:
        """Summarise one source into the document that its output asks for; nothing is written.

        Where the GPU's memory is too small even for the smallest blocks, the CPU goes on.

        Raises:
            InfinisumError: it failed.
            StoppedError: Ctrl-C; what was read by then is kept.
        """
        loaded = self.load()
        try:
            return self._summarize(source, output)
        except RuntimeError as error:  # torch's error for this is one; torch is not imported here
            if type(error).__name__ != "OutOfMemoryError" or loaded.device == "cpu":
                raise
        self.console.warning(
            f"{source.name}: the memory of {loaded.device} is full even with the smallest blocks; "
            "going on with the CPU."
        )
        self.device, self._loaded = "cpu", None
        return self._summarize(source, output)

    def _summarize(self, source: Source, output: Path | None) -> Done:
        from infinisum.pipeline import summarize, why_read_again
        from infinisum.readings.reading import Reading

        loaded = self.load()
        content = source.content(loaded)
        if isinstance(content, Reading) and (why := why_read_again(content, loaded, self.options)):
            self.console.note(f"{source.name}: {why}; its own text is read again.")
        bars = SummaryBars(self.console, round(TOKENS_PER_WORD * source.book.words), self.stop)
        with bars.shown(), kept(self.resume, self.console) as snapshots:
            summary = summarize(content, loaded, self.options, bars, snapshots=snapshots)
        run = bars.run() | {"device": loaded.device, "dtype": loaded.dtype}
        reference = self.load_reference()
        if reference is not None:
            from infinisum.summary.reference import compare

            summary = compare(summary, reference)
        form = to_markdown if output is None else document_form(output)
        target = None if output is None else str(output)
        row = {"source": source.name, "output": target, **to_dict(summary), "run": run}
        return Done(row, outcome(summary, run), form(summary))

    def attempt(
        self, name: str, output: Path | None, data: bytes | None = None
    ) -> Done | InfinisumError:
        """Open and summarise one book of many; what goes wrong with it is what comes back."""
        try:
            return self.summarize(self.open(name, data), output)
        except InfinisumError as error:
            return error
        except MemoryError:
            return InfinisumError(
                f"{name}: out of memory.", "Try fewer --jobs, or --dtype bfloat16."
            )
        except Exception as error:  # a bug of ours: the other books go on
            return InfinisumError(f"{name}: internal error, {type(error).__name__}: {error}")

    def settings(self) -> dict[str, Any]:
        """What a worker in another process needs for the same work with a console of its own."""
        names = ("options", "model", "device", "dtype", "encoding", "reference", "resume", "limits")
        return {name: getattr(self, name) for name in names}

    def _say_language(self, book: Book) -> None:
        """Say once that the default model knows English, at the first book in another language."""
        notice = language_notice(book, self.model)
        if notice and not self._said_language:
            self._said_language = True
            self.console.warning(notice)


@contextmanager
def kept(resume: bool, console: Console) -> Iterator[Snapshots | None]:
    """Snapshots for one book, if they are wanted; Ctrl-C writes the last one and says so.

    Raises:
        StoppedError: Ctrl-C.
    """
    from infinisum.readings.snapshots import Snapshots

    def going_on(chapters: int) -> None:
        finished = counted(chapters, "chapter")
        console.note(f"Going on after the {finished} that an interrupted run finished.")

    snapshots = Snapshots(on_resume=going_on) if resume else None
    try:
        yield snapshots
    except KeyboardInterrupt:
        hint = "Nothing is half-written; the same command starts anew."
        if snapshots is not None:
            snapshots.write()
            if snapshots.kept:
                chapters = counted(snapshots.kept, "chapter")
                hint = f"The same command goes on after the {chapters} that are finished."
        raise StoppedError("interrupted.", hint) from None


def outcome(summary: Summary, run: dict[str, Any]) -> str:
    """What a person wants to know of a book that is done, on one line."""
    peak = f", {size(run['peak_bytes'])} in all" if run["peak_bytes"] else ""
    read = (
        f"{summary.source_tokens:,} tokens read in {run['reading_s']:.1f} s "
        f"({run['tokens_per_s']:,.0f} tokens/s)"
    )
    if not run["reading_s"]:
        read = f"{summary.source_tokens:,} tokens, nothing had to be read again"
    return (
        f"{summary.title}: {read}, {summary.making.drafts_written} texts written in "
        f"{run['writing_s']:.1f} s; memory of the book {size(summary.making.state_bytes)}{peak}"
    )
