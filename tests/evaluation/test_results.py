from __future__ import annotations

import pytest

from infinisum.evaluation.cases import Case
from infinisum.evaluation.published import BOOKS
from infinisum.evaluation.results import items, paired, published, summarise
from infinisum.evaluation.scoring import Scored

# Work A has one text with two references, work B two texts with one.
CASES = [
    Case("a", "A", "", {"a1": "", "a2": ""}),
    Case("b", "B", "", {"b1": ""}),
    Case("c", "B", "", {"c1": ""}),
]
PLAIN = {
    "a": Scored(["one"], [[40.0, 8.0, 16.0, 30.0], [20.0, 12.0, 10.0, 20.0]]),
    "b": Scored(["one two"], [[30.0, 4.0, 10.0, 25.0]]),
    "c": Scored(["one two three"], [[10.0, 0.0, 4.0, 5.0]]),
}
BETTER = {
    name: Scored(row.texts, [[2 * value for value in pair] for pair in row.scores])
    for name, row in PLAIN.items()
}
SCORES = {name: {"lead": PLAIN[name], "model": BETTER[name]} for name in PLAIN}
KINDS = {"lead": "trivial", "model": "model"}


def test_how_references_count() -> None:
    # Worked by hand. Pairs: four items; mean and best: three.
    pairs, works = items(CASES, SCORES, "lead", "pairs")
    assert works == ["A", "A", "B", "B"]
    assert pairs.mean(0).tolist() == [25.0, 6.0, 10.0, 20.0]
    mean, works = items(CASES, SCORES, "lead", "mean")
    assert works == ["A", "B", "B"]
    assert mean[0].tolist() == [30.0, 10.0, 13.0, 25.0]
    best, _ = items(CASES, SCORES, "lead", "best")
    assert best[0].tolist() == [40.0, 12.0, 16.0, 30.0]


def test_a_row_of_the_table() -> None:
    row, model = summarise(CASES, SCORES, KINDS, "pairs", 0)
    assert row["rouge1"]["mean"] == 25.0
    assert row["overall"]["mean"] == pytest.approx((25 * 6 * 10) ** (1 / 3), abs=1e-6)
    assert row["overall_by_references"]["pairs"] == row["overall"]["mean"]
    assert row["prediction_words"] == 2.0
    low, high = row["rouge1"]["low"], row["rouge1"]["high"]
    assert (low, high) == (20.0, 30.0)  # draws of two works: AA 30, AB 25, BB 20
    against = model["against_best_trivial"]
    assert against["row"] == "lead"
    # Every score is doubled, so is the geometric mean.
    assert against["mean"] == pytest.approx(row["overall"]["mean"], abs=1e-6)
    assert against["low"] > 0
    assert "against_best_trivial" not in row


def test_halves_are_of_whole_works() -> None:
    row = summarise(CASES, SCORES, KINDS, "pairs", 0)[0]
    found = {half: value for half, value in row["halves"].items() if value is not None}
    by_work = {
        "A": (30 * 10 * 13) ** (1 / 3),
        "B": (20 * 2 * 7) ** (1 / 3),
    }
    for case in CASES[:2]:
        others = {c.work for c in CASES if c.half == case.half}
        if others == {case.work}:
            assert found[case.half]["mean"] == pytest.approx(by_work[case.work], abs=1e-6)
            assert found[case.half]["low"] is None


def test_a_row_against_itself_differs_by_nothing() -> None:
    same = paired(CASES, SCORES, SCORES, ("lead", "lead"), "pairs", 0)
    assert (same["mean"], same["low"], same["high"], same["p"]) == (0.0, 0.0, 0.0, 1.0)


def test_published_rows_say_what_they_are() -> None:
    rows = published("book")
    assert len(rows) == len(BOOKS)
    assert all(row["kind"] == "published" and row["split"] == "test" for row in rows)
    assert all(row["copied_from"] for row in rows + published("chapter"))
    for row in rows:  # averages of rounded figures: the overall agrees to a tenth or two
        mean = (row["rouge1"] * row["rouge2"] * row["rougeL"]) ** (1 / 3)
        assert row["overall"] == pytest.approx(mean, abs=0.6)
