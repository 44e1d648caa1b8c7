"""Which texts a step trains on: by seed and step alone, by weight, by length, by token budget."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import Any

import pytest

from infinisum.errors import NotFoundError
from infinisum.training.datasets import Example
from infinisum.training.objectives import Draw, Objective, RowInfo
from infinisum.training.objectives.supervised import Salience, Summarize
from infinisum.training.plan import NO_ROW, WINDOWS, Curriculum, Pick, Plan
from tests.training.texts import example

ROWS = [RowInfo(segments=1 + n % 20, target_tokens=20, labelled=n % 3 == 0) for n in range(300)]


class OutOfNothing:
    """An objective that makes its own texts."""

    name = "nothing"
    needs_text = False

    def usable(self, row: RowInfo) -> bool:
        return False

    def texts(self, row: RowInfo, most_segments: int) -> int:
        return 1

    def target_tokens(self, row: RowInfo | None) -> int:
        return 5

    def make(self, example: Example | None, draw: Draw) -> Example:
        raise NotImplementedError


def plan(objectives: dict[Objective, float] | None = None, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "seed": 7,
        "steps": 200,
        "curriculum": Curriculum(2, 32, 0.3),
        "micro_batches": 1,
        "batch_texts": 8,
        "batch_tokens": 10_000,
        "segment_length": 100,
    }
    rows = changes.pop("rows", ROWS)
    return Plan(objectives or {Summarize(): 2.0, Salience(): 1.0}, rows, **{**settings, **changes})


def test_seed_and_step_decide_everything() -> None:
    batches = list(plan())
    assert batches == list(plan())
    assert batches != list(plan(seed=8))
    assert len(batches) == len(plan()) == 200
    assert [batch[0].step.number for batch in batches] == list(range(200))


def test_objectives_are_drawn_by_weight_and_get_what_they_can_use() -> None:
    batches = list(plan(steps=600))
    drawn = Counter(batch[0].step.objective for batch in batches)
    assert 330 < drawn["summarize"] < 470
    for batch in batches:
        if batch[0].step.objective == "salience":
            assert all(ROWS[pick.row].labelled for pick in batch)


def test_every_text_has_its_turn_in_a_pass() -> None:
    batches = plan({Summarize(): 1.0}, steps=400)
    rows = Counter(pick.row for batch in batches for pick in batch)
    assert set(rows) == set(range(300))
    assert max(rows.values()) - min(rows.values()) <= 4  # texts wait in the pool


def test_no_text_twice_in_a_step_while_others_wait() -> None:
    few = ROWS[:6]
    for batch in plan({Summarize(): 1.0}, rows=few, batch_texts=6, batch_tokens=10**9):
        assert len({pick.row for pick in batch}) == 6


def test_batches_keep_to_the_budget_and_to_like_lengths() -> None:
    padded = taken = 0
    for batch in plan({Summarize(): 1.0}, curriculum=Curriculum(32, 32, 0.0), steps=300):
        lengths = [ROWS[pick.row].segments for pick in batch]
        tokens = len(batch) * (100 * max(lengths) + 20)
        assert tokens <= 10_000 and len(batch) <= 8
        padded += len(batch) * max(lengths)
        taken += sum(lengths)
    assert taken / padded > 0.95
    for batch in plan(batch_tokens=1):
        assert len(batch) == 1


@pytest.mark.parametrize("micro_batches", [2, 4])
def test_a_step_may_be_many_micro_batches(micro_batches: int) -> None:
    steps: dict[int, list[Pick]] = {}
    batches = list(plan(steps=30, micro_batches=micro_batches, batch_texts=3))
    assert len(batches) == 30 * micro_batches
    for batch in batches:
        steps.setdefault(batch[0].step.number, []).extend(batch)
    for picks in steps.values():
        assert len({pick.step for pick in picks}) == 1
        assert [pick.place for pick in picks] == list(range(len(picks)))
        assert len({pick.row for pick in picks}) == len(picks)


def test_window_and_reservoir_are_drawn_anew() -> None:
    steps = [batch[0].step for batch in plan()]
    assert {step.window for step in steps} == set(WINDOWS)
    assert {step.reservoir for step in steps} == {step.taught for step in steps} == {True, False}


def test_the_curriculum_grows_and_stays_long() -> None:
    curriculum = Curriculum(2, 32, 0.3)
    rng = random.Random(0)
    early = [curriculum.draw(rng, 0, 1000) for _ in range(50)]
    late = [curriculum.draw(rng, 600, 1000) for _ in range(500)]
    assert set(early) == {2}
    assert min(late) == 8 and max(late) == 32
    assert 14 < sum(late) / len(late) < 20
    assert Curriculum(2, 1, 0.3).draw(rng, 5, 10) == 1


def test_objectives_that_need_no_text_get_none() -> None:
    batches = islice(plan({OutOfNothing(): 1.0}, rows=[]), 5)
    assert {pick.row for batch in batches for pick in batch} == {NO_ROW}


def test_data_without_labels_are_no_data_for_salience() -> None:
    with pytest.raises(NotFoundError, match="salience"):
        plan({Salience(): 1.0}, rows=[RowInfo(3, 20, False)])


def test_long_texts_are_cut_to_a_run_of_segments() -> None:
    starts = set()
    for number in range(60):
        made = Summarize().make(example(5), Draw(random.Random(number), 2))
        first = int(made.segments[0].token_ids[0])
        assert len(made.segments) == 2
        starts.add((first - 10) // 4)
    assert starts == {0, 1, 2, 3}
    assert len(Salience().make(example(5), Draw(random.Random(0), 9)).decoder_ids) == 0


def test_no_step_has_a_larger_window_than_the_network() -> None:
    drawn = {batch[0].step.window for batch in plan(most_window=1)}
    assert drawn == {0, 1}
    assert {batch[0].step.window for batch in plan(most_window=0)} == {0}


def test_a_fixed_window_is_the_largest_at_every_step() -> None:
    drawn = {batch[0].step.window for batch in plan(most_window=3, fixed_window=True)}
    assert drawn == {3}
