"""Results as tables of text: what the terminal and the HTML report show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table."""

    cells: tuple[str, ...]
    kind: str = ""  # of the row it shows


@dataclass(frozen=True, slots=True)
class Shown:
    """A table with what its figures mean."""

    name: str
    title: str
    columns: Sequence[str]
    lines: list[Line]
    notes: list[str] = field(default_factory=list)  # above the table
    remarks: list[str] = field(default_factory=list)  # below it


def tables(results: dict[str, Any]) -> list[Shown]:
    """All tables of an evaluation, by what it holds."""
    return [make(results) for key, make in _MAKERS.items() if key in results]


def interval(estimate: dict[str, Any], form: str = ".1f") -> str:
    """A 95 % interval, or nothing where there is none."""
    if estimate["low"] is None:
        return ""
    return f"[{estimate['low']:{form}}, {estimate['high']:{form}}]"


def _rouge(results: dict[str, Any]) -> Shown:
    data, settings, rows = results["dataset"], results["settings"], results["rows"]
    halves = {name: len(works) for name, works in data["halves"].items()}
    notes = [
        f"{data['name']}, {data['split']}, {data['level']}s: {data['texts']:,} texts, "
        f"{data['pairs']:,} pairs, {data['works']} works (tuning {halves['tuning']}, reporting "
        f"{halves['reporting']}, dealt by a hash of the title); every row about "
        f"{settings['words']:,} words",
        f"ROUGE F1, {settings['rouge_said']}; {settings['references_said']}; mean: geometric, of "
        "R-1, R-2, R-L; [95 % interval over works]",
    ]
    remarks = []
    best = [row["against_best_trivial"]["row"] for row in rows if "against_best_trivial" in row]
    if best:
        remarks.append(f"against: paired difference to {best[0]}, the best row without a network.")
    if any(row["kind"] == "published" for row in rows):
        remarks.append("copied: published by others, on the harder test split; not measured here.")
    columns = ("", "R-1", "R-2", "R-L", "R-Lsum", "mean", "95 %", "tuning", "reporting", "words")
    lines = [Line(_rouge_cells(row), row["kind"]) for row in rows]
    return Shown("rouge", "ROUGE", (*columns, "against"), lines, notes, remarks)


def _rouge_cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["kind"] == "published":
        figures = [f"{row[name]:.1f}" for name in ("rouge1", "rouge2", "rougeL")]
        overall = "" if row["overall"] is None else f"{row['overall']:.1f}"
        return (f"{row['row']} (copied)", *figures, "", overall, "", "", "", "", "")
    figures = [f"{row[name]['mean']:.2f}" for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")]
    halves = [row["halves"][half] for half in ("tuning", "reporting")]
    against = row.get("against_best_trivial")
    return (
        row["row"],
        *figures,
        f"{row['overall']['mean']:.2f}",
        interval(row["overall"]),
        *("" if half is None else f"{half['mean']:.2f}" for half in halves),
        f"{row['prediction_words']:,.0f}",
        "" if against is None else f"{against['mean']:+.2f} {interval(against, '+.2f')}",
    )


def _faithfulness(results: dict[str, Any]) -> Shown:
    from infinisum.evaluation.faithfulness import SHARES

    notes = ["; ".join(f"{_heading(share.name)}: {share.said}" for share in SHARES)]
    lines = [
        Line((row["row"], *(_share(row[share.name], share.name) for share in SHARES)))
        for row in results["faithfulness"]
    ]
    columns = ("", *(_heading(share.name) for share in SHARES))
    return Shown("faithfulness", "Faithfulness", columns, lines, notes)


def _heading(name: str) -> str:
    return name.replace("_", " ").replace("4grams", "4-grams")


def _share(estimate: dict[str, Any] | None, name: str) -> str:
    """A share in per cent, or a ratio as it is."""
    if estimate is None:
        return "none"
    if name == "compression":
        return f"{estimate['mean']:,.0f}"
    if estimate["low"] is None:
        return f"{100 * estimate['mean']:.1f} %"
    low, high = 100 * estimate["low"], 100 * estimate["high"]
    return f"{100 * estimate['mean']:.1f} % [{low:.0f}, {high:.0f}]"


_MAKERS = {"rows": _rouge, "faithfulness": _faithfulness}
