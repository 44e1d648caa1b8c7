"""Two result files of the same texts, row by row: paired differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infinisum.config import References
from infinisum.errors import InputError, NotFoundError, UsageError
from infinisum.evaluation import results as made
from infinisum.evaluation.cases import Case
from infinisum.evaluation.scoring import Scored
from infinisum.evaluation.statistics import geometric


def compare(
    first: Path, second: Path, *, references: References = "pairs", seed: int = 0
) -> dict[str, Any]:
    """Paired differences of all rows that both files have, over the texts that both have.

    Where each file has one model row that the other lacks, these two are compared as well.

    Raises:
        NotFoundError: a file is missing.
        InputError: it is no result file.
        UsageError: they have no text or no row in common, or other conventions.
    """
    a, b = _load(first), _load(second)
    if a["settings"]["rouge"] != b["settings"]["rouge"]:
        raise UsageError(
            f"{first} and {second}: ROUGE of two conventions.", "Run both with the same --rouge."
        )
    a_cases, b_cases = _documents(a), _documents(b)
    shared = [
        name
        for name, row in a_cases.items()
        if name in b_cases and row["references"] == b_cases[name]["references"]
    ]
    cases = [_case(a_cases[name]) for name in shared]
    if not cases:
        raise UsageError(f"{first} and {second}: no text in common.", "They must share data.")
    scores = [_scores(found, shared) for found in (a_cases, b_cases)]
    rows = [
        {
            "row": name_a if name_a == name_b else f"{name_a} | {name_b}",
            "a": _overall(cases, scores[0], name_a, references),
            "b": _overall(cases, scores[1], name_b, references),
            **made.paired(cases, scores[0], scores[1], (name_a, name_b), references, seed),
        }
        for name_a, name_b in _pairs(a, b)
    ]
    return {
        "texts": len(cases),
        "works": len({case.cluster for case in cases}),
        "rouge_said": a["settings"]["rouge_said"],
        "references_said": made.REFERENCES_SAID[references],
        "rows": rows,
    }


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file.", "Name results that infinisum eval -o wrote.")
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}).", "Is it a JSON file?") from error
    if not isinstance(content, dict) or content.get("format") != "infinisum-eval":
        raise InputError(f"{path}: no results of infinisum eval.", "Write them with -o FILE.json.")
    return content


def _documents(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in results["documents"]}


def _pairs(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows to compare: those of one name, and two models under different names."""
    rows = [
        {row["row"]: row["kind"] for row in results["rows"] if row["kind"] != "published"}
        for results in (a, b)
    ]
    pairs = [(name, name) for name in rows[0] if name in rows[1]]
    alone = [
        [name for name, kind in own.items() if name not in other and kind in ("model", "given")]
        for own, other in (rows, rows[::-1])
    ]
    if len(alone[0]) == len(alone[1]) == 1:
        pairs.append((alone[0][0], alone[1][0]))
    if not pairs:
        raise UsageError("The two results have no row in common.", "Rows pair by name.")
    return pairs


def _case(row: dict[str, Any]) -> Case:
    return Case(row["id"], row["work"], "", dict.fromkeys(row["references"], ""))


def _scores(rows: dict[str, dict[str, Any]], names: list[str]) -> dict[str, dict[str, Scored]]:
    return {
        name: {row: Scored([], pairs) for row, pairs in rows[name]["scores"].items()}
        for name in names
    }


def _overall(
    cases: list[Case], scores: dict[str, dict[str, Scored]], row: str, references: References
) -> float:
    values, _ = made.items(cases, scores, row, references)
    return float(geometric(values.mean(0)[:3]))
