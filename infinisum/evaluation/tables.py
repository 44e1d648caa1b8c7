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
    if name == "evenness":
        return f"{estimate['mean']:.2f}"
    if estimate["low"] is None:
        return f"{100 * estimate['mean']:.1f} %"
    low, high = 100 * estimate["low"], 100 * estimate["high"]
    return f"{100 * estimate['mean']:.1f} % [{low:.0f}, {high:.0f}]"


def _continuation(results: dict[str, Any]) -> Shown:
    settings = results["settings"]
    notes = [
        f"{results['dataset']['name']}: the same passages of {settings['target_tokens']} tokens "
        "continued after more and more of their text; bits per byte",
        "own: the text itself; none: nothing before the window; other: as much of another text; "
        "over: bits a token that own saves, paired [95 % over texts]; names: tokens of names "
        f"last seen more than {settings['far_tokens']:,} tokens ago",
    ]
    columns = (
        *("", "read", "texts", "own", "none", "other", "perplexity"),
        *("over none", "over other", "names: over none", "over other"),
    )
    gains = ("gain_over_none", "gain_over_other", "name_gain_over_none", "name_gain_over_other")
    lines = [
        Line(
            (
                row["model"],
                f"{row['context_tokens']:,}",
                str(row["texts"]),
                *(_bits(row[condition]) for condition in ("own", "none", "other")),
                "" if row["own"] is None else f"{row['own']['perplexity']:,.1f}",
                *(_gained(row[gain], "name" in gain) for gain in gains),
            )
        )
        for row in results["continuation"]
    ]
    return Shown("continuation", "What memory is worth", columns, lines, notes)


def _bits(level: dict[str, Any] | None) -> str:
    if level is None:
        return ""
    return f"{level['bits_per_byte']['mean']:.3f}"


def _gained(gain: dict[str, Any] | None, tokens: bool) -> str:
    if gain is None:
        return ""
    count = f" ({gain['tokens']:,})" if tokens else ""
    return f"{gain['mean']:+.3f} {interval(gain, '+.3f')}".strip() + count


def _recall(results: dict[str, Any]) -> Shown:
    notes = [
        "Planted facts beyond the window. told: the whole text before was read; untold: without "
        "the paragraphs that have the phrase; none: the window alone; exact: every token of the "
        "phrase is the likeliest; bits: of the phrase"
    ]
    columns = ("", "facts", "read", "exact", "tokens", "bits", "gain of told over untold")
    lines = []
    for row in results["recall"]:
        facts = f"{row['beyond_window']} of {row['facts']}"
        for how in ("told", "untold", "none") if "told" in row else ():
            gain = row["bits_gained_by_being_told"] if how == "told" else None
            cells = (
                row["model"],
                facts,
                how,
                f"{100 * row[how]['exact']:.0f} %",
                f"{100 * row[how]['per_token']:.0f} %",
                f"{row[how]['bits']:.1f}",
                "" if gain is None else f"{gain['mean']:+.2f} {interval(gain, '+.2f')}".strip(),
            )
            lines.append(Line(cells))
    return Shown("recall", "Planted facts", columns, lines, notes)


def _passkey(results: dict[str, Any]) -> Shown:
    notes = [
        "Passkey: share of trials in which the key is said exactly, and of its digits in their "
        "place, by filler, length and depth"
    ]
    columns = ("", "filler", "length", "depth", "trials", "exact", "digits")
    lines = [
        Line(
            (
                row["model"],
                str(row["filler"]),
                f"{row['length_tokens']:,}",
                str(row["position"]),
                str(row["trials"]),
                f"{100 * row['exact']:.0f} %",
                f"{100 * row['per_digit']:.0f} %",
            )
        )
        for row in results["passkey"]
    ]
    return Shown("passkey", "Passkey", columns, lines, notes)


def _gates(results: dict[str, Any]) -> Shown:
    notes = [
        "Gates: weight of the memory in each head; below 0.1 a head is local, above 0.9 it reads "
        "memory, between it mixes"
    ]
    columns = ("", "layer", "gates by head", "local", "mixed", "memory")
    lines = [
        Line(
            (
                row["model"],
                f"{row['stack']} {row['layer']}",
                " ".join(f"{gate:.2f}" for gate in row["gates"]),
                *(str(row[kind]) for kind in ("local", "mixed", "memory")),
            )
        )
        for row in results["gates"]
    ]
    return Shown("gates", "Gates", columns, lines, notes)


_MAKERS = {
    "rows": _rouge,
    "faithfulness": _faithfulness,
    "continuation": _continuation,
    "recall": _recall,
    "passkey": _passkey,
    "gates": _gates,
}
