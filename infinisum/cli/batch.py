"""The work behind `infinisum summarize`: one book, or many, one after the other or side by side."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infinisum.atomic import write_atomically
from infinisum.cli.books_bar import BooksBar
from infinisum.cli.console import print_result
from infinisum.cli.work import Done, Task, Work
from infinisum.cli.workers import side_by_side
from infinisum.document.phrases import counted
from infinisum.errors import InfinisumError, OutputError, StoppedError
from infinisum.hub import find_model

RULE = "\n---\n\n"  # between summaries on standard output
MOST_ROWS = 100  # of the table at the end

Result = tuple[int, Done | InfinisumError]


@dataclass(frozen=True, slots=True)
class _Counts:
    """What is told of a book that is done."""

    words: int
    chapters: int
    seconds: float


@dataclass(slots=True)
class Batch:
    """Summaries of several books; a book that fails does not stop the others.

    What is kept of a book that is done is what will be told or printed of it, and no more: there
    may be a million.
    """

    work: Work
    as_json: bool
    jobs: int | None = None  # books at once; None: one, or with Ray as many as there is room for
    ray: str = ""  # cluster that works: "auto", "local" or its address; "": this machine
    _done: dict[int, _Counts] = field(default_factory=dict)
    _failed: dict[int, InfinisumError] = field(default_factory=dict)
    _rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # for --json
    _texts: dict[int, str] = field(default_factory=dict)  # not printed yet
    _printed: int = 0  # books whose turn on standard output is over
    _places: str = ""  # where many books at once were summarised

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
        find_model(self.work.model)  # a wrong name is found before any book is read
        self.work.load_reference()
        tasks, skipped = self._tasks(sources, outputs, skip_existing)
        several = len(sources) > 1
        try:
            with contextlib.closing(self._results(tasks)) as results:
                for index, result in results:
                    self._take(tasks[index], index, result, len(tasks), several)
        except KeyboardInterrupt:
            if not several:
                raise
            raise StoppedError(
                f"interrupted; {counted(len(self._done), 'book')} done.",
                "The same command with --skip-existing goes on with the others.",
            ) from None
        seconds = time.perf_counter() - started
        if several:
            self._table(tasks, skipped, seconds)
        if self.as_json:
            self._print_json(tasks, seconds)
        return 1 if self._failed else 0

    def _take(
        self, task: Task, index: int, result: Done | InfinisumError, tasks: int, several: bool
    ) -> None:
        """Write what became of a book, and say so."""
        source, output = task
        result = _written(result, output)
        if isinstance(result, Done):
            self._note(index, result, output)
            self._say(source, output, result, tasks, several)
        elif not several:
            raise result
        else:
            self._failed[index] = result
            self.work.console.error(result)
        if not self.as_json:
            self._print_in_order()

    def expect(self, sources: Sequence[str]) -> int:
        """Print what summarising each source would take, without doing it."""
        from infinisum.bench.estimate import estimate

        work = self.work
        folder = find_model(work.model)
        rows = []
        for name in sources:
            book = work.open(name).book
            expected = estimate(book, folder, work.device, work.dtype, work.options)
            rows.append({"source": name, "title": book.title, **expected.as_dict()})
            if not self.as_json:
                print_result(f"{name}: {expected.sentence()}\n")
        if self.as_json:
            print_json({"estimates": rows})
        return 0

    def _tasks(
        self, sources: Sequence[str], outputs: Sequence[Path | None], skip_existing: bool
    ) -> tuple[list[Task], int]:
        """What is to be done, and how many are left alone."""
        tasks: list[Task] = []
        for source, output in zip(sources, outputs, strict=True):
            if skip_existing and output is not None and output.exists():
                self.work.console.note(f"{output}: is there already, {source} left alone.")
            else:
                tasks.append((source, output))
        return tasks, len(sources) - len(tasks)

    def _results(self, tasks: list[Task]) -> Generator[Result]:
        """What becomes of each task."""
        if self.ray and tasks:
            yield from self._across(tasks)
        elif (self.jobs or 1) > 1 and len(tasks) > 1:
            jobs = min(self.jobs or 1, len(tasks))
            results = side_by_side(self.work, tasks, jobs, self.work.console)
            yield from self._watched(results, tasks, lambda: counted(jobs, "worker"))
        else:
            yield from self._one_by_one(tasks)

    def _one_by_one(self, tasks: list[Task]) -> Generator[Result]:
        for index, (name, output) in enumerate(tasks):
            try:
                source = self.work.open(name)
            except InfinisumError as error:
                yield index, error
                continue
            self.work.load()  # a device that is not there fails all books, not one
            try:
                yield index, self.work.summarize(source, output)
            except StoppedError:
                raise
            except InfinisumError as error:
                yield index, error

    def _across(self, tasks: list[Task]) -> Generator[Result]:
        """On a Ray cluster."""
        from infinisum.cli.ray_cluster import connected
        from infinisum.cli.ray_workers import RayPool

        console = self.work.console
        with connected(self.ray, console) as ray:
            pool = RayPool(ray, self.work, tasks, self.jobs, console)
            yield from self._watched(pool.results(), tasks, lambda: pool.places)

    def _watched(
        self, results: Generator[Result], tasks: list[Task], places: Callable[[], str]
    ) -> Generator[Result]:
        """Many books at once, with a bar and the speed of all together."""
        bar = BooksBar(self.work.console, len(tasks))
        with bar.shown(), contextlib.closing(results):
            for index, result in results:
                words = 0
                if isinstance(result, Done):
                    words, self._places = result.row["source_words"], places()
                bar.finished(words, self._places)
                yield index, result

    def _note(self, index: int, done: Done, output: Path | None) -> None:
        row = done.row
        self._done[index] = _Counts(
            row["source_words"], row["source_chapters"], row["run"]["total_s"]
        )
        if self.as_json:
            self._rows[index] = row
        elif output is None:
            self._texts[index] = done.document

    def _say(self, source: str, output: Path | None, done: Done, tasks: int, several: bool) -> None:
        """One line for a book among several, two for one alone."""
        console = self.work.console
        if several:
            number = len(self._done) + len(self._failed)
            where = "" if output is None else f" → {output}"
            seconds = done.row["run"]["total_s"]
            words = done.row["source_words"]
            console.note(f"[{number}/{tasks}] {source}: {words:,} words, {seconds:.1f} s{where}")
            console.detail(done.outcome)
            return
        console.note(done.outcome)
        if output is not None:
            console.note(f"Written to {output}")

    def _print_in_order(self) -> None:
        """Print the summaries whose turn has come: the order is that of the sources."""
        while self._printed in self._done or self._printed in self._failed:
            text = self._texts.pop(self._printed, "")
            if text:
                first = not any(index < self._printed for index in self._done)
                print_result(("" if first else RULE) + text)
            self._printed += 1

    def _table(self, tasks: list[Task], skipped: int, seconds: float) -> None:
        """What became of the books, under each other; of very many, what failed."""
        lines = [("book", "words", "chapters", "seconds", "")]
        for index, (source, _) in enumerate(tasks):
            name = Path(source).name
            if (done := self._done.get(index)) is None:
                lines.append((name, "", "", "", "failed"))
            elif len(tasks) <= MOST_ROWS:
                counts = (f"{done.words:,}", f"{done.chapters:,}", f"{done.seconds:.1f}")
                lines.append((name, *counts, ""))
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        for line in lines if len(lines) > 1 else []:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            self.work.console.row("  ".join(cells).rstrip())
        if self._places:
            words = sum(done.words for done in self._done.values())
            speed = f"{words / seconds:,.0f} words/s"
            self.work.console.note(f"{words:,} words in {seconds:.1f} s, {speed}; {self._places}")
        left = f", {skipped} left alone" if skipped else ""
        self.work.console.note(f"{len(self._done)} done, {len(self._failed)} failed{left}")

    def _print_json(self, tasks: list[Task], seconds: float) -> None:
        failed = [
            {"source": tasks[index][0], "message": str(error), "exit_status": error.exit_status}
            for index, error in sorted(self._failed.items())
        ]
        done = [row for _, row in sorted(self._rows.items())]
        print_json({"summaries": done, "failed": failed, "run": {"total_s": round(seconds, 3)}})


def _written(result: Done | InfinisumError, output: Path | None) -> Done | InfinisumError:
    """What becomes of a result once its document is written, where it is to be."""
    if isinstance(result, Done) and output is not None:
        try:
            write_atomically(output, result.document)
        except OutputError as error:
            return error
    return result


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object as a result."""
    print_result(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
