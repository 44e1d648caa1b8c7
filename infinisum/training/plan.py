"""Which texts a step trains on, and how: a pure function of the seed and the step.

A step draws an objective by weight, a window, a reservoir, and the most segments a text may have;
then texts of about the same length, as many as fit the token budget. Nothing here loads data, so
that a resumed run finds its place by running the plan up to it.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch.utils.data

from infinisum.errors import NotFoundError
from infinisum.training.datasets import Example
from infinisum.training.objectives import Draw, Objective, RowInfo
from infinisum.training.shards import ShardDataset

WINDOWS = (0, 1, 2, 4)  # window sizes in segments that a step draws from
POOL = 256  # texts that those of a step are chosen from by length
NO_ROW = -1  # of texts an objective makes out of nothing


class Step(NamedTuple):
    """What all texts of a step have in common."""

    number: int
    objective: str
    segments: int  # most segments of a text
    window: int  # segments the decoder sees exactly
    reservoir: bool  # whether there is one
    taught: bool  # whether labels fill it, where there are any, or the salience head


class Pick(NamedTuple):
    """One text of a step."""

    row: int  # of the data, or NO_ROW
    place: int  # among the texts of the step; with the step it seeds the text's chance
    step: Step


@dataclass(frozen=True, slots=True)
class Curriculum:
    """How long the texts of a step may be, in segments.

    The upper limit grows from `least` to `most`, by the same factor each step, over the first
    `share` of the run; a step draws from the upper two octaves below it, so that once it has
    grown most of the training is at a quarter of `most` and above.
    """

    least: int
    most: int
    share: float

    def draw(self, rng: random.Random, step: int, steps: int) -> int:
        """Most segments of a text of this step."""
        least = min(self.least, self.most)
        grown = min(1.0, step / max(1.0, self.share * steps))
        upper = least * (self.most / least) ** grown
        lower = max(least, upper / 4)
        return round(math.exp(rng.uniform(math.log(lower), math.log(upper))))


class Plan(torch.utils.data.Sampler[list[Pick]]):
    """A batch sampler: the picks of every micro-batch of a run, in order.

    A step has `micro_batches` of them, whichever process takes which: one process that
    accumulates two, or two processes with one each, train on the same texts.

    Args:
        objectives: with the weights they are drawn with.
        rows: what is known of each example.
        seed: of everything drawn.
        steps: of the whole run.
        curriculum: how long texts may be.
        micro_batches: of a step, in all processes.
        batch_texts: most texts of a micro-batch.
        batch_tokens: most tokens of a micro-batch, padding included; a single longer text is
            taken all the same.
        segment_length: N.
        most_window: no step has a larger window, in segments.
        fixed_window: every step has this window; else each draws one.

    Raises:
        NotFoundError: an objective finds no usable example.
    """

    def __init__(
        self,
        objectives: dict[Objective, float],
        rows: Sequence[RowInfo],
        *,
        seed: int,
        steps: int,
        curriculum: Curriculum,
        micro_batches: int,
        batch_texts: int,
        batch_tokens: int,
        segment_length: int,
        most_window: int = max(WINDOWS),
        fixed_window: bool = False,
    ) -> None:
        self.objectives, self.rows = objectives, rows
        self.seed, self.steps, self.curriculum = seed, steps, curriculum
        self.micro_batches = micro_batches
        self.batch_texts, self.batch_tokens = batch_texts, batch_tokens
        self.segment_length = segment_length
        drawn = [window for window in WINDOWS if window <= most_window]
        self.windows = [most_window] if fixed_window else drawn
        self.usable = {
            objective.name: [n for n, row in enumerate(rows) if objective.usable(row)]
            for objective in objectives
            if objective.needs_text
        }
        for name, usable in self.usable.items():
            if not usable:
                raise NotFoundError(
                    f"The data have nothing for the objective {name}.",
                    "summarize needs summaries, salience needs labels of sentences.",
                )

    def __len__(self) -> int:
        return self.steps * self.micro_batches

    def __iter__(self) -> Iterator[list[Pick]]:
        streams = {objective.name: self._stream(objective) for objective in self.objectives}
        pools: dict[str, list[int]] = {name: [] for name in streams}
        for number in range(self.steps):
            objective, step = self._step(number)
            pool = pools[objective.name]
            place = 0
            for rows in self._micro_batches(objective, step, pool, streams[objective.name]):
                yield [Pick(row, place + i, step) for i, row in enumerate(rows)]
                place += len(rows)

    def _step(self, number: int) -> tuple[Objective, Step]:
        rng = random.Random(f"{self.seed} step {number}")
        (objective,) = rng.choices(list(self.objectives), list(self.objectives.values()))
        step = Step(
            number=number,
            objective=objective.name,
            segments=self.curriculum.draw(rng, number, self.steps),
            window=rng.choice(self.windows),
            reservoir=rng.random() < 0.5,
            taught=rng.random() < 0.5,
        )
        return objective, step

    def _stream(self, objective: Objective) -> Iterator[int]:
        """Rows without end: one shuffled pass over the data after the other."""
        if not objective.needs_text:
            while True:
                yield NO_ROW
        most = self.curriculum.most
        once = [
            row
            for row in self.usable[objective.name]
            for _ in range(objective.texts(self.rows[row], most))
        ]
        number = 0
        while True:
            order = list(once)
            random.Random(f"{self.seed} {objective.name} pass {number}").shuffle(order)
            yield from order
            number += 1

    def _micro_batches(
        self, objective: Objective, step: Step, pool: list[int], stream: Iterator[int]
    ) -> Iterator[list[int]]:
        """Rows of each micro-batch: the one that waits longest, and its nearest in length."""
        passing = len(self.usable.get(objective.name, ()))
        while len(pool) < max(min(POOL, passing), self.batch_texts * self.micro_batches):
            pool.append(next(stream))
        lengths = {row: self._length(objective, step, row) for row in set(pool)}
        anchor = lengths[pool[0]]
        seen: Counter[int] = Counter()
        keys = []
        for place, row in enumerate(pool):
            keys.append((seen[row], _distance(anchor, lengths[row]), place))  # no text twice
            seen[row] += 1
        near = [place for _, _, place in sorted(keys)]
        taken: list[int] = []
        for _ in range(self.micro_batches):
            batch: list[int] = []
            segments = target = 0
            for i in near[len(taken) : len(taken) + self.batch_texts]:
                length = lengths[pool[i]]
                segments, target = max(segments, length[0]), max(target, length[1])
                tokens = (len(batch) + 1) * (segments * self.segment_length + target)
                if batch and tokens > self.batch_tokens:
                    break
                batch.append(i)
            taken += batch
            yield [pool[i] for i in batch]
        for i in sorted(taken, reverse=True):
            del pool[i]

    def _length(self, objective: Objective, step: Step, row: int) -> tuple[int, int]:
        """Segments and decoder tokens of a text of this step."""
        if row == NO_ROW:
            return step.segments, objective.target_tokens(None)
        info = self.rows[row]
        return min(info.segments, step.segments), objective.target_tokens(info)


def _distance(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return abs(one[0] - other[0]), abs(one[1] - other[1])


class DrawnTexts(torch.utils.data.Dataset[tuple[Example, Pick]]):
    """The texts that picks stand for.

    Args:
        data: the examples.
        objectives: that the plan draws from.
        seed: as the plan has it.
    """

    def __init__(self, data: ShardDataset, objectives: dict[Objective, float], seed: int) -> None:
        self.data, self.seed = data, seed
        self.objectives = {objective.name: objective for objective in objectives}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, pick: Pick) -> tuple[Example, Pick]:
        rng = random.Random(f"{self.seed} text {pick.step.number} {pick.place}")
        example = None if pick.row == NO_ROW else self.data[pick.row]
        draw = Draw(rng, pick.step.segments)
        return self.objectives[pick.step.objective].make(example, draw), pick


def rows_of(data: ShardDataset) -> list[RowInfo]:
    """What the plan needs to know of each example."""
    return [
        RowInfo(data.segments[n], data.target_tokens[n], data.labelled(n)) for n in range(len(data))
    ]


def of_use(objectives: dict[Objective, float], data: ShardDataset) -> dict[Objective, float]:
    """The objectives that the data have something for; all of them where there is none."""
    rows = rows_of(data)
    found = {
        objective: weight
        for objective, weight in objectives.items()
        if not objective.needs_text or any(map(objective.usable, rows))
    }
    return found or objectives
