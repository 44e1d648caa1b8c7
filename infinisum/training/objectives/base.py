"""What an objective is: a rule that makes a training text out of an example, or of nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from infinisum.training.datasets import IGNORED, Example


class RowInfo(NamedTuple):
    """What is known of an example without loading it."""

    segments: int
    target_tokens: int  # of the summary with its prompt; 0 without a summary
    labelled: bool  # whether its sentences have salience labels


@dataclass(frozen=True, slots=True)
class Draw:
    """What one text of one step is made with; the same seed and step give the same draw.

    Attributes:
        rng: the only source of chance an objective may use.
        segments: most segments the encoder should read.
    """

    rng: random.Random
    segments: int


class Objective(Protocol):
    """One objective. What it makes is an `Example`: segments, decoder ids, labels.

    Attributes:
        name: as `--objective` and the log call it.
        needs_text: whether `make` takes an example; without, it is called with None.
    """

    name: str
    needs_text: bool

    def usable(self, row: RowInfo) -> bool:
        """Whether an example can be used."""

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """How often an example is drawn in one pass over the data."""

    def target_tokens(self, row: RowInfo | None) -> int:
        """Most decoder tokens of what `make` gives; for batches by token budget."""

    def make(self, example: Example | None, draw: Draw) -> Example:
        """One text to train on; `example` is left as it is."""


def crop(example: Example, draw: Draw) -> Example:
    """A run of at most `draw.segments` segments; from the start as often as from anywhere else."""
    spare = max(0, len(example.segments) - draw.segments)
    start = draw.rng.choice((0, draw.rng.randint(0, spare)))
    return replace(example, segments=example.segments[start : start + draw.segments])


def with_target(
    example: Example, prompt: Sequence[int], target: Sequence[int] | npt.NDArray[np.int32]
) -> Example:
    """The example with another target: the loss counts `target`, not `prompt`."""
    decoder_ids = np.concatenate([np.asarray(prompt), np.asarray(target)]).astype(np.int32)
    labels = decoder_ids.copy()
    labels[: len(prompt)] = IGNORED
    return replace(example, decoder_ids=decoder_ids, labels=labels)


def without_target(example: Example) -> Example:
    """The example with nothing for the decoder to write."""
    none = np.zeros(0, dtype=np.int32)
    return replace(example, decoder_ids=none, labels=none)
