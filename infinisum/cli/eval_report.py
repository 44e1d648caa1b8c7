"""The work behind `infinisum eval`: files, bars and tables around an evaluation."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.atomic import check_writable, write_atomically
from infinisum.cli.console import Console, print_result, quiet_libraries
from infinisum.config import EvaluateOptions, References
from infinisum.errors import InfinisumError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.table import Table

    from infinisum.evaluation.common import Evaluation
    from infinisum.loading import LoadedModel

INTERRUPTED = 130
_WIDTH = 150  # of a table that goes into a file or a pipe

Form = Callable[[dict[str, Any]], str]


def to_json(results: dict[str, Any]) -> str:
    """Results as an indented JSON document."""
    return json.dumps(results, ensure_ascii=False, indent=1) + "\n"


def to_html(results: dict[str, Any]) -> str:
    """Results as one HTML file."""
    from infinisum.evaluation.report import to_html

    return to_html(results)


FORMS: dict[str, Form] = {".json": to_json, ".html": to_html}


@dataclass(slots=True)
class Evaluating:
    """One evaluation, with what is shown and written of it; an `evaluation.runner.Watcher`."""

    console: Console
    outputs: tuple[Path, ...]
    table: bool = True  # on stdout
    _bars: RichProgress | None = None
    _tasks: dict[str, Any] = field(default_factory=dict)

    def run(self, options: EvaluateOptions) -> dict[str, Any]:
        """Evaluate, write every output, print the table.

        Raises:
            UsageError: an output has an unknown ending.
            InfinisumError: interrupted (130), or what `evaluate` raises.
        """
        for path in self.outputs:
            if path.suffix.lower() not in FORMS:
                raise UsageError(
                    f"{path}: unknown kind of results.", f"End the name with {', '.join(FORMS)}."
                )
            check_writable(path)
        journal = beside(self.outputs[0], ".partial.jsonl") if self.outputs else None
        from infinisum.evaluation.evaluate import evaluate

        if options.models:
            quiet_libraries()
        try:
            with self._shown():
                evaluation = evaluate(options, journal=journal, watcher=self)
        except KeyboardInterrupt:
            raise _interrupted(journal) from None
        if self.table:
            print_result(results_text(evaluation.results))
        return evaluation.results

    def finished(self, evaluation: Evaluation) -> None:
        """Write every output; what was evaluated is kept until all are there."""
        for path in self.outputs:
            write_atomically(path, FORMS[path.suffix.lower()](evaluation.results))
            self.console.note(f"Written to {path}")
        if self.outputs and evaluation.predictions:
            path = beside(self.outputs[0], ".predictions.jsonl")
            lines = [json.dumps(row, ensure_ascii=False) for row in evaluation.predictions]
            write_atomically(path, "".join(f"{line}\n" for line in lines))
            self.console.note(f"Summaries in {path}")

    def step(self, what: str, done: int, total: int) -> None:
        """So many texts of a part are done."""
        if self._bars is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done)

    def loaded(self, model: LoadedModel) -> None:
        """A model was loaded."""
        self.console.note(
            f"Model {model.name} {model.version} on {model.device} in {model.dtype} ({model.why})"
        )

    @contextmanager
    def _shown(self) -> Iterator[None]:
        if not self.console.bars:
            yield
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
        rich = self.console.rich()
        counts = (MofNCompleteColumn(), Remaining(compact=True))
        with Progress(*columns, *counts, console=rich, transient=True) as bars:
            self._bars = bars
            yield


def beside(path: Path, ending: str) -> Path:
    """A file that goes with a result: results.json → results.predictions.jsonl."""
    return path.with_name(path.stem + ending)


def results_text(results: dict[str, Any]) -> str:
    """The tables of an evaluation, with what their figures mean around them."""
    from infinisum.evaluation.tables import tables

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    parts = []
    for shown in tables(results):
        table = _drawn(_table(shown.columns, [line.cells for line in shown.lines]), width)
        parts.append("\n".join([*shown.notes, table, *shown.remarks]).strip() + "\n")
    return "\n".join(parts)


def compare_files(
    paths: tuple[Path, Path], references: References, seed: int, as_json: bool
) -> None:
    """Print the paired differences of two result files."""
    from infinisum.evaluation.compare import compare
    from infinisum.evaluation.tables import interval

    content = compare(*paths, references=references, seed=seed)
    if as_json:
        print_result(json.dumps(content, ensure_ascii=False) + "\n")
        return
    columns = ("row", "A", "B", "A - B", "95 % interval", "p (A ≤ B)")
    rows = [
        (
            row["row"],
            f"{row['a']:.2f}",
            f"{row['b']:.2f}",
            f"{row['mean']:+.2f}",
            interval(row, "+.2f"),
            "" if row["p"] is None else f"{row['p']:.3f}",
        )
        for row in content["rows"]
    ]
    head = (
        f"A {paths[0]}, B {paths[1]}: {content['texts']:,} texts of {content['works']} works in "
        f"both; geometric mean of ROUGE, {content['rouge_said']}; {content['references_said']}"
    )
    print_result(f"{head}\n{_drawn(_table(columns, rows), _WIDTH)}")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if number else "left", no_wrap=bool(number))
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _drawn(table: Table, width: int) -> str:
    from rich.console import Console as RichConsole

    buffer = io.StringIO()
    colour = sys.stdout.isatty()
    RichConsole(file=buffer, width=width, force_terminal=colour, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _interrupted(journal: Path | None) -> InfinisumError:
    hint = "With -o FILE a second call would go on from here."
    if journal is not None:
        hint = f"The same command goes on from {journal}."
    error = InfinisumError("interrupted.", hint)
    error.exit_status = INTERRUPTED
    return error
