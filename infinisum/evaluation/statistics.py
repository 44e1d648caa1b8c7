"""Averages with intervals: a bootstrap that draws whole works, paired between rows.

Chapters of one work, and several summaries of one text, say less than as many independent texts
would; drawing works keeps that in the interval. All rows of one evaluation are averaged over the
same draws, so differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2_000
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; the interval is None where there is only one work."""

    mean: float
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        """As results hold it, rounded."""
        return {"mean": tidy(self.mean), "low": tidy(self.low), "high": tidy(self.high)}


class Clusters:
    """The draws of one evaluation.

    Args:
        clusters: the work of every item.
        seed: of the draws.
        draws: how many.
    """

    def __init__(self, clusters: Sequence[str], seed: int = 0, draws: int = DRAWS) -> None:
        names = sorted(set(clusters))
        self.count = len(names)
        index = {name: number for number, name in enumerate(names)}
        self._of = np.array([index[name] for name in clusters], dtype=np.int64)
        generator = np.random.default_rng(seed)
        chance = np.full(self.count, 1 / max(1, self.count))
        self._weights = generator.multinomial(self.count, chance, size=draws).astype(np.float64)

    def means(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Mean of each column, and its means over the draws.

        Args:
            values: `[items, K]`.

        Returns:
            `[K]` and `[draws, K]`.
        """
        sums = np.zeros((self.count, values.shape[1]))
        np.add.at(sums, self._of, values)
        sizes = np.bincount(self._of, minlength=self.count).astype(np.float64)
        drawn = (self._weights @ sums) / (self._weights @ sizes)[:, None]
        return values.mean(0), drawn

    def estimate(self, mean: float, drawn: Matrix) -> Estimate:
        """A mean with the interval of its `[draws]`."""
        if self.count < 2:
            return Estimate(float(mean), None, None)
        low, high = np.percentile(drawn, [2.5, 97.5])
        return Estimate(float(mean), float(low), float(high))

    def difference(self, mean: float, drawn: Matrix) -> dict[str, float | None]:
        """A paired difference: its mean, its interval, and how often it was not above 0.

        Args:
            mean: the difference.
            drawn: `[draws]` of it.
        """
        content = self.estimate(mean, drawn).as_dict()
        # One more than counted: no difference is ever seen 0 times in infinitely many draws.
        p = (1 + int((drawn <= 0).sum())) / (1 + len(drawn))
        content["p"] = None if self.count < 2 else tidy(p)
        return content


def geometric(means: Matrix) -> Matrix:
    """Geometric mean along the last axis."""
    return np.asarray(np.prod(means, axis=-1) ** (1 / means.shape[-1]))


def tidy(value: float | None) -> float | None:
    """Rounded to what a result file holds."""
    return None if value is None else round(float(value), 6)
