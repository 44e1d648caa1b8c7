"""The work behind `infinisum eval`: files, bars and tables around an evaluation."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.cli.console import Console, print_result, quiet_libraries
from infinisum.config import EvaluateOptions, References
from infinisum.document.atomic import check_writable, write_atomically
from infinisum.errors import InfinisumError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.table import Table

    from infinisum.loading import LoadedModel

INTERRUPTED = 130
_WIDTH = 150  # of a table that goes into a file or a pipe

Form = Callable[[dict[str, Any]], str]


def to_json(results: dict[str, Any]) -> str:
    """Results as an indented JSON document."""
    return json.dumps(results, ensure_ascii=False, indent=1) + "\n"


FORMS: dict[str, Form] = {".json": to_json}


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
        from infinisum.evaluation.runner import evaluate

        if options.models:
            quiet_libraries()
        try:
            with self._shown():
                evaluation = evaluate(options, journal=journal, watcher=self)
        except KeyboardInterrupt:
            raise _interrupted(journal) from None
        for path in self.outputs:
            write_atomically(path, FORMS[path.suffix.lower()](evaluation.results))
            self.console.note(f"Written to {path}")
        if self.outputs:
            path = beside(self.outputs[0], ".predictions.jsonl")
            lines = [json.dumps(row, ensure_ascii=False) for row in evaluation.predictions]
            write_atomically(path, "".join(f"{line}\n" for line in lines))
            self.console.note(f"Summaries in {path}")
        if self.table:
            print_result(results_text(evaluation.results))
        return evaluation.results

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
    """The table of an evaluation, with what its figures mean around it."""
    data, settings = results["dataset"], results["settings"]
    halves = {name: len(works) for name, works in data["halves"].items()}
    lines = [
        f"{data['name']}, {data['split']}, {data['level']}s: {data['texts']:,} texts, "
        f"{data['pairs']:,} pairs, {data['works']} works (tuning {halves['tuning']}, reporting "
        f"{halves['reporting']}, dealt by a hash of the title); every row about "
        f"{settings['words']:,} words",
        f"ROUGE F1, {settings['rouge_said']}; {settings['references_said']}; mean: geometric, of "
        "R-1, R-2, R-L; [95 % interval over works]",
    ]
    rows = results["rows"]
    width = _WIDTH
    if sys.stdout.isatty():
        import shutil

        width = shutil.get_terminal_size().columns
    text = "\n".join(lines) + "\n" + _drawn(_rouge_table(rows), width)
    best = [row["against_best_trivial"]["row"] for row in rows if "against_best_trivial" in row]
    if best:
        text += f"against: paired difference to {best[0]}, the best row without a network.\n"
    if any(row["kind"] == "published" for row in rows):
        text += (
            "copied: published by others on the test split, which is harder; not measured here.\n"
        )
    return text


def compare_files(
    paths: tuple[Path, Path], references: References, seed: int, as_json: bool
) -> None:
    """Print the paired differences of two result files."""
    from infinisum.evaluation.compare import compare

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
            _interval(row, "+.2f"),
            "" if row["p"] is None else f"{row['p']:.3f}",
        )
        for row in content["rows"]
    ]
    head = (
        f"A {paths[0]}, B {paths[1]}: {content['texts']:,} texts of {content['works']} works in "
        f"both; geometric mean of ROUGE, {content['rouge_said']}; {content['references_said']}"
    )
    print_result(f"{head}\n{_drawn(_table(columns, rows), _WIDTH)}")


def _rouge_table(rows: Sequence[dict[str, Any]]) -> Table:
    columns = ("", "R-1", "R-2", "R-L", "R-Lsum", "mean", "95 %", "tuning", "reporting", "words")
    cells = []
    for row in rows:
        if row["kind"] == "published":
            figures = [f"{row[name]:.1f}" for name in ("rouge1", "rouge2", "rougeL")]
            overall = "" if row["overall"] is None else f"{row['overall']:.1f}"
            cells.append((f"{row['row']} (copied)", *figures, "", overall, "", "", "", "", ""))
            continue
        figures = [f"{row[n]['mean']:.2f}" for n in ("rouge1", "rouge2", "rougeL", "rougeLsum")]
        halves = [row["halves"][half] for half in ("tuning", "reporting")]
        against = row.get("against_best_trivial")
        cells.append(
            (
                row["row"],
                *figures,
                f"{row['overall']['mean']:.2f}",
                _interval(row["overall"]),
                *("" if half is None else f"{half['mean']:.2f}" for half in halves),
                f"{row['prediction_words']:,.0f}",
                "" if against is None else f"{against['mean']:+.2f} {_interval(against, '+.2f')}",
            )
        )
    return _table((*columns, "against"), cells)


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


def _interval(estimate: dict[str, Any], form: str = ".1f") -> str:
    if estimate["low"] is None:
        return ""
    return f"[{estimate['low']:{form}}, {estimate['high']:{form}}]"


def _interrupted(journal: Path | None) -> InfinisumError:
    hint = "With -o FILE a second call would go on from here."
    if journal is not None:
        hint = f"The same command goes on from {journal}."
    error = InfinisumError("interrupted.", hint)
    error.exit_status = INTERRUPTED
    return error
