"""The work behind `infinisum summarize`: one book, or many, one after the other or side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infinisum.cli.console import print_result
from infinisum.cli.work import Done, Work
from infinisum.cli.workers import Task, side_by_side
from infinisum.errors import InfinisumError, StoppedError
from infinisum.hub import find_model

RULE = "\n---\n\n"  # between summaries on standard output


@dataclass(slots=True)
class Batch:
    """Summaries of several books; a book that fails does not stop the others."""

    work: Work
    as_json: bool
    jobs: int = 1
    _done: dict[int, Done] = field(default_factory=dict)
    _failed: dict[int, InfinisumError] = field(default_factory=dict)
    _printed: int = 0  # books whose turn on standard output is over

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
        for index, result in self._results(tasks):
            source, output = tasks[index]
            if isinstance(result, Done):
                self._done[index] = result
                self._say(source, output, result, len(tasks), several)
            elif not several:
                raise result
            else:
                self._failed[index] = result
                self.work.console.error(result)
            if not self.as_json:
                self._print_in_order()
        if several:
            self._table(tasks, skipped)
        if self.as_json:
            self._print_json(tasks, time.perf_counter() - started)
        return 1 if self._failed else 0

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

    def _results(self, tasks: list[Task]) -> Iterator[tuple[int, Done | InfinisumError]]:
        """What becomes of each task."""
        if self.jobs > 1 and len(tasks) > 1:
            yield from side_by_side(self.work, tasks, self.jobs, self.work.console)
            return
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
            done = self._done.get(self._printed)
            if done is not None and done.markdown:
                first = not any(index < self._printed for index in self._done)
                print_result(("" if first else RULE) + done.markdown)
            self._printed += 1

    def _table(self, tasks: list[Task], skipped: int) -> None:
        """What became of the books, under each other."""
        lines = [("book", "words", "chapters", "seconds", "")]
        for index, (source, _) in enumerate(tasks):
            name = Path(source).name
            if index in self._done:
                row = self._done[index].row
                counts = (f"{row['source_words']:,}", f"{row['source_chapters']:,}")
                lines.append((name, *counts, f"{row['run']['total_s']:.1f}", ""))
            else:
                lines.append((name, "", "", "", "failed"))
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            self.work.console.row("  ".join(cells).rstrip())
        left = f", {skipped} left alone" if skipped else ""
        self.work.console.note(f"{len(self._done)} done, {len(self._failed)} failed{left}")

    def _print_json(self, tasks: list[Task], seconds: float) -> None:
        failed = [
            {"source": tasks[index][0], "message": str(error), "exit_status": error.exit_status}
            for index, error in sorted(self._failed.items())
        ]
        done = [done.row for _, done in sorted(self._done.items())]
        print_json({"summaries": done, "failed": failed, "run": {"total_s": round(seconds, 3)}})


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object as a result."""
    print_result(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
