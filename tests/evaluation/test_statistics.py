from __future__ import annotations

import numpy as np
import pytest

from infinisum.evaluation.statistics import Clusters, geometric


def test_the_mean_counts_items_not_works() -> None:
    clusters = Clusters(["a", "a", "a", "b"])
    mean, drawn = clusters.means(np.array([[1.0], [1.0], [1.0], [5.0]]))
    assert mean[0] == 2.0
    # Two works are drawn with replacement: aa, ab, ba, bb give 1, 2, 2, 5.
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [1.0, 2.0, 5.0]
    assert counts / len(drawn) == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_works_are_drawn_whole() -> None:
    """Twenty equal chapters of one work tell no more than one: the interval must not shrink."""
    few = Clusters([f"work {n}" for n in range(8)], seed=1)
    many = Clusters([f"work {n}" for n in range(8) for _ in range(20)], seed=1)
    values = np.arange(8.0)[:, None]
    intervals = []
    for clusters, column in ((few, values), (many, values.repeat(20, axis=0))):
        mean, drawn = clusters.means(column)
        intervals.append(clusters.estimate(float(mean[0]), drawn[:, 0]))
    assert intervals[0] == intervals[1]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        values = generator.normal(10.0, 2.0, size=(30, 1))
        clusters = Clusters([str(n) for n in range(30)], draws=400)
        mean, drawn = clusters.means(values)
        interval = clusters.estimate(float(mean[0]), drawn[:, 0])
        assert interval.low is not None and interval.high is not None
        hits += interval.low <= 10.0 <= interval.high
    assert 0.88 < hits / 200 < 0.99


def test_a_paired_difference_of_rows_that_move_together_is_narrow() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(20, 5, size=(40, 1))
    better = base + generator.normal(1.0, 0.1, size=(40, 1))
    clusters = Clusters([str(n) for n in range(40)])
    (mean, drawn), (other, other_drawn) = clusters.means(better), clusters.means(base)
    difference = clusters.difference(float(mean[0] - other[0]), (drawn - other_drawn)[:, 0])
    assert difference["low"] is not None and difference["high"] is not None
    assert 0.9 < difference["low"] < difference["high"] < 1.1
    assert difference["p"] == pytest.approx(1 / 2_001, abs=1e-6)


def test_one_work_gives_no_interval() -> None:
    clusters = Clusters(["a", "a"])
    mean, drawn = clusters.means(np.array([[1.0], [3.0]]))
    assert clusters.estimate(float(mean[0]), drawn[:, 0]).as_dict() == {
        "mean": 2.0,
        "low": None,
        "high": None,
    }


def test_the_same_seed_draws_the_same() -> None:
    values = np.arange(6.0)[:, None]
    draws = [Clusters(list("aabbcc"), seed).means(values)[1] for seed in (4, 4, 5)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


def test_geometric_mean() -> None:
    assert geometric(np.array([[40.0, 8.0, 16.0]]))[0] == pytest.approx(5_120 ** (1 / 3))
