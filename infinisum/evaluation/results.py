"""From scores to results: averages, intervals and comparisons of every row.

`References` says how several references of a text count: "pairs" takes every pair of text and
reference once (as BookSum's figures are made), "mean" averages over a text's references first, and
"best" takes the best of each metric by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from infinisum.config import References
from infinisum.evaluation.cases import HALVES, Case
from infinisum.evaluation.published import PUBLISHED
from infinisum.evaluation.scoring import METRICS, ORACLE, Scored
from infinisum.evaluation.statistics import Clusters, Matrix, geometric, tidy

REFERENCES: tuple[References, ...] = get_args(References)
REFERENCES_SAID = {
    "pairs": "every pair of text and reference counts once",
    "mean": "mean over the references of each text",
    "best": "best reference of each text, metric by metric",
}
CONVENTIONS_SAID = {
    "scrolls": "SCROLLS: no stemmer, ROUGE-L over whole texts",
    "stemmed": "Porter's stemmer, ROUGE-L over whole texts",
}
_COLUMNS = 3  # of METRICS that make the overall figure: ROUGE-1, ROUGE-2, ROUGE-L

Scores = Mapping[str, Mapping[str, Scored]]  # case id → row → scores


def items(
    cases: Sequence[Case], scores: Scores, row: str, references: References
) -> tuple[Matrix, list[str]]:
    """What is averaged: values `[items, metrics]`, and the work of each."""
    values: list[Any] = []
    works: list[str] = []
    for case in cases:
        own = np.array(scores[case.id][row].scores)  # [references, metrics]
        if references != "pairs":
            own = (own.mean(0) if references == "mean" else own.max(0))[None]
        values.extend(own)
        works += [case.cluster] * len(own)
    return np.array(values).reshape(-1, len(METRICS)), works


def summarise(
    cases: Sequence[Case],
    scores: Scores,
    kinds: Mapping[str, str],
    references: References,
    seed: int,
) -> list[dict[str, Any]]:
    """The table: every row with its figures, in the order of `kinds`.

    Args:
        cases: what was evaluated, at least one.
        scores: of every case and row.
        kinds: of every row: "trivial", "oracle", "model", "given".
        references: how several references count.
        seed: of the bootstrap.
    """
    rows = [_row(cases, scores, name, kind, references, seed) for name, kind in kinds.items()]
    trivial = [row for row in rows if row["kind"] == "trivial"]
    best = max(trivial, key=lambda row: float(row["overall"]["mean"]), default=None)
    if best is not None:
        for row in rows:
            if row["kind"] in ("model", "given"):
                pair = (row["row"], best["row"])
                difference = paired(cases, scores, scores, pair, references, seed)
                row["against_best_trivial"] = {"row": best["row"], **difference}
    return rows


def _row(
    cases: Sequence[Case], scores: Scores, name: str, kind: str, references: References, seed: int
) -> dict[str, Any]:
    values, works = items(cases, scores, name, references)
    clusters = Clusters(works, seed)
    mean, drawn = clusters.means(values)
    row: dict[str, Any] = {"row": name, "kind": kind, "items": len(works)}
    for column, metric in enumerate(METRICS):
        row[metric] = clusters.estimate(mean[column], drawn[:, column]).as_dict()
    overall, its_draws = geometric(mean[:_COLUMNS]), geometric(drawn[:, :_COLUMNS])
    row["overall"] = clusters.estimate(float(overall), its_draws).as_dict()
    row["overall_by_references"] = {
        way: tidy(_overall(items(cases, scores, name, way)[0])) for way in REFERENCES
    }
    row["halves"] = {half: _half(cases, scores, name, half, references, seed) for half in HALVES}
    texts = [text for case in cases for text in scores[case.id][name].texts]
    row["prediction_words"] = tidy(sum(len(text.split()) for text in texts) / len(texts))
    if kind == "oracle":
        row["sees_reference"] = True
    return row


def _half(
    cases: Sequence[Case], scores: Scores, name: str, half: str, references: References, seed: int
) -> dict[str, Any] | None:
    own = [case for case in cases if case.half == half]
    if not own:
        return None
    values, works = items(own, scores, name, references)
    clusters = Clusters(works, seed)
    mean, drawn = clusters.means(values)
    overall, its_draws = geometric(mean[:_COLUMNS]), geometric(drawn[:, :_COLUMNS])
    return clusters.estimate(float(overall), its_draws).as_dict()


def paired(
    cases: Sequence[Case],
    first: Scores,
    second: Scores,
    rows: tuple[str, str],
    references: References,
    seed: int,
) -> dict[str, float | None]:
    """Difference of the overall figures of two rows on the same cases, over the same draws."""
    values, works = items(cases, first, rows[0], references)
    other, _ = items(cases, second, rows[1], references)
    clusters = Clusters(works, seed)
    mean, drawn = clusters.means(values)
    other_mean, other_drawn = clusters.means(other)
    return clusters.difference(
        float(geometric(mean[:_COLUMNS]) - geometric(other_mean[:_COLUMNS])),
        geometric(drawn[:, :_COLUMNS]) - geometric(other_drawn[:, :_COLUMNS]),
    )


def _overall(values: Matrix) -> float:
    return float(geometric(values.mean(0)[:_COLUMNS]))


def overall_by_work(results: dict[str, Any], row: str, other: str) -> list[tuple[str, float]]:
    """Difference of two rows' overall figures within each work, over its pairs."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for document in results["documents"]:
        scores = document["scores"]
        pairs = zip(scores[row], scores[other], strict=True)
        found.setdefault(document["work"] or document["id"], []).extend(pairs)
    return [
        (work, _overall(np.array(pairs)[:, 0]) - _overall(np.array(pairs)[:, 1]))
        for work, pairs in found.items()
    ]


def documents(cases: Sequence[Case], scores: Scores) -> list[dict[str, Any]]:
    """Every case with the scores of its rows: rounded to six places."""
    return [
        {
            "id": case.id,
            "work": case.work,
            "half": case.half,
            "words": len(case.text.split()),
            "references": {name: len(text.split()) for name, text in case.references.items()},
            "scores": {
                row: [[round(value, 6) for value in pair] for pair in scored.scores]
                for row, scored in scores[case.id].items()
            },
            "prediction_words": {
                row: [len(text.split()) for text in scored.texts]
                for row, scored in scores[case.id].items()
            },
        }
        for case in cases
    ]


def halves(cases: Sequence[Case]) -> dict[str, list[str]]:
    """The works of each half by title."""
    return {half: sorted({c.cluster for c in cases if c.half == half}) for half in HALVES}


def published(level: str) -> list[dict[str, Any]]:
    """Rows that were copied, marked as such."""
    return [
        {
            "row": row.name,
            "kind": "published",
            "copied_from": row.source,
            "split": "test",
            "rouge1": row.rouge1,
            "rouge2": row.rouge2,
            "rougeL": row.rougeL,
            "overall": row.overall,
        }
        for row in PUBLISHED.get(level, ())
    ]


def kinds_of(trivial: Sequence[str], model: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Rows of the table in their order, with their kinds."""
    kinds = {name: "oracle" if name == ORACLE else "trivial" for name in trivial}
    kinds |= dict.fromkeys(model, "model")
    return kinds | dict.fromkeys(given, "given")
