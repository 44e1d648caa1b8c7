"""The work behind `infinisum summarize`: one book after the other with one model."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.books.book import Book
from infinisum.cli.console import Console, SummaryBars, print_result, quiet_libraries
from infinisum.cli.sources import read_source
from infinisum.config import DEFAULT_MODEL, TOKENS_PER_WORD, SummarizeOptions
from infinisum.document import to_markdown, write_document
from infinisum.document.json import to_dict
from infinisum.document.phrases import size
from infinisum.errors import InfinisumError
from infinisum.hub import find_model

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.summary.reference import Reference
    from infinisum.summary.summary import Summary


@dataclass(slots=True)
class Batch:
    """Summaries of several books; a book that fails does not stop the others."""

    console: Console
    options: SummarizeOptions
    model: str
    device: str
    dtype: str
    encoding: str | None
    reference: Path | None
    as_json: bool
    _loaded: LoadedModel | None = None
    _said_language: bool = False
    _reference: Reference | None = None
    _done: list[dict[str, Any]] = field(default_factory=list)
    _failed: list[dict[str, Any]] = field(default_factory=list)

    def run(
        self, sources: Sequence[str], outputs: Sequence[Path | None], skip_existing: bool
    ) -> int:
        """Summarise each source into its output.

        Returns:
            0, or 1 if one of several books failed.

        Raises:
            InfinisumError: the only book failed, or the model cannot be used.
        """
        started = time.perf_counter()
        find_model(self.model)  # a wrong name is found before any book is read
        if self.reference is not None:
            from infinisum.summary.reference import load_reference

            self._reference = load_reference(self.reference)
        for number, (source, output) in enumerate(zip(sources, outputs, strict=True), start=1):
            if skip_existing and output is not None and output.exists():
                self.console.note(f"{output}: is there already, {source} left alone.")
                continue
            if len(sources) > 1:
                self.console.note(f"[{number}/{len(sources)}] {source}")
            try:
                book = self._read(source)
            except InfinisumError as error:
                self._fail(source, error, alone=len(sources) == 1)
                continue
            loaded = self._load()
            try:
                self._summarize(book, loaded, source, output)
            except InfinisumError as error:
                self._fail(source, error, alone=len(sources) == 1)
        if self.as_json:
            run = {"total_s": round(time.perf_counter() - started, 3)}
            _print_json({"summaries": self._done, "failed": self._failed, "run": run})
        return 1 if self._failed else 0

    def expect(self, sources: Sequence[str]) -> int:
        """Print what summarising each source would take, without doing it."""
        from infinisum.bench.estimate import estimate

        folder = find_model(self.model)
        rows = []
        for source in sources:
            book = self._read(source)
            expected = estimate(book, folder, self.device, self.dtype, self.options)
            rows.append({"source": source, "title": book.title, **expected.as_dict()})
            if not self.as_json:
                print_result(f"{source}: {expected.sentence()}\n")
        if self.as_json:
            _print_json({"estimates": rows})
        return 0

    def _read(self, source: str) -> Book:
        started = time.perf_counter()
        with self.console.opening(source) as progress:
            book = read_source(source, self.encoding, progress)
        for warning in book.warnings:
            self.console.warning(warning)
        self._say_language(book)
        for item in book.left_out:
            self.console.detail(f"Left out: {item.what} ({item.reason}, {item.words:,} words)")
        self.console.detail(
            f"Opened {source} in {time.perf_counter() - started:.1f} s: {book.words:,} words, "
            f"{len(book.chapters):,} chapters"
        )
        return book

    def _say_language(self, book: Book) -> None:
        """Say once that the default model knows English, at the first book in another language."""
        foreign = book.language and not book.language.lower().startswith("en")
        if foreign and self.model == DEFAULT_MODEL and not self._said_language:
            self._said_language = True
            self.console.warning(
                f"{book.source}: a book in another language ({book.language}). It is read whole; "
                "the default model learned from English books and writes English."
            )

    def _load(self) -> LoadedModel:
        """The model, loaded once."""
        if self._loaded is None:
            with self.console.busy("Loading the model"):
                from infinisum.loading import load_model

                quiet_libraries()
                loaded = load_model(find_model(self.model), self.device, self.dtype)
            self._loaded = loaded
            self.console.note(
                f"Model {loaded.name} {loaded.version} on {loaded.device} in {loaded.dtype} "
                f"({loaded.why})"
            )
        return self._loaded

    def _summarize(self, book: Book, loaded: LoadedModel, source: str, output: Path | None) -> None:
        from infinisum.pipeline import summarize

        bars = SummaryBars(self.console, round(TOKENS_PER_WORD * book.words))
        with bars.shown():
            summary = summarize(book, loaded, self.options, bars)
        run = bars.run()
        self.console.note(_outcome(summary, run))
        if self._reference is not None:
            from infinisum.summary.reference import compare

            summary = compare(summary, self._reference)
        if output is not None:
            write_document(summary, output)
            self.console.note(f"Written to {output}")
        elif not self.as_json:
            rule = "\n---\n\n" if self._done else ""
            print_result(rule + to_markdown(summary))
        run |= {"device": loaded.device, "dtype": loaded.dtype}
        target = None if output is None else str(output)
        self._done.append({"source": source, "output": target, **to_dict(summary), "run": run})

    def _fail(self, source: str, error: InfinisumError, alone: bool) -> None:
        if alone:
            raise error
        self.console.error(error)
        self._failed.append(
            {"source": source, "message": str(error), "exit_status": error.exit_status}
        )


def _outcome(summary: Summary, run: dict[str, Any]) -> str:
    peak = f", {size(run['peak_bytes'])} in all" if run["peak_bytes"] else ""
    return (
        f"{summary.title}: {summary.source_tokens:,} tokens read in {run['reading_s']:.1f} s "
        f"({run['tokens_per_s']:,.0f} tokens/s), {summary.making.drafts_written} texts written in "
        f"{run['writing_s']:.1f} s; memory of the book {size(summary.making.state_bytes)}{peak}"
    )


def _print_json(content: dict[str, Any]) -> None:
    print_result(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
