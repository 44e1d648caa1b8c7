"""The row a network must beat: sentences chosen by a dozen features of how they look.

A linear model of `infinisum.features`, fitted by ridge regression on BookSum's training chapters
(`benchmarks/fit_surface.py`); the weights are in `surface.json`. It knows no word's meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinisum.evaluation.baselines import simple_sentences, take
from infinisum.features import FEATURE_NAMES, sentence_features

USED = (
    *("place", "near_start", "near_end"),  # place
    *("length", "clauses"),
    *("name_share", "name_weight"),  # capitals
    *("third_person", "first_second_person", "opens_with_pronoun"),
    "quoted",
    *("frequency", "coverage"),
)
SHORTEST, LONGEST = 6, 60  # words of a sentence worth taking
_PART_SENTENCES = 200  # about a chapter: features are relative to the text they are counted in

Matrix = NDArray[np.float64]


def surface_features(sentences: Sequence[str], paragraph_of: Sequence[int]) -> Matrix:
    """Features of the sentences of one text, `[sentences, 2 · len(USED)]`: each and its square."""
    parts = [np.zeros((0, len(USED)))]
    columns = [FEATURE_NAMES.index(name) for name in USED]
    for start, end in _parts(len(sentences)):
        rows = sentence_features(sentences[start:end], paragraph_of[start:end])
        parts.append(np.asarray(rows, dtype=np.float64)[:, columns])
    values = np.concatenate(parts)
    return np.concatenate([values, np.square(values)], axis=1)


def surface_extract(text: str, words: int) -> str:
    """Sentences of the highest fitted score, in the order of the text, about `words` words."""
    sentences, paragraph_of = _split(text)
    if not sentences:
        return ""
    weights = _weights()
    scores = surface_features(sentences, paragraph_of) @ weights
    lengths = np.array([len(sentence.split()) for sentence in sentences])
    fit = (lengths >= SHORTEST) & (lengths <= LONGEST)
    scores = np.where(fit, scores, scores - 1e3)  # only where nothing else is left
    order = np.argsort(-scores, kind="stable")
    return take(sentences, order.tolist(), words)


def fit_ridge(features: Matrix, labels: Matrix, penalty: float = 1.0) -> Matrix:
    """Weights of a linear model without intercept (a constant changes no order).

    Args:
        features: `[n, F]`.
        labels: `[n]`.
        penalty: of the squared weights, in units of the features' variance.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-9
    X = (features - mean) / scale
    A = X.T @ X + penalty * np.eye(X.shape[1])
    weights: Matrix = np.linalg.solve(A, X.T @ (labels - labels.mean())) / scale
    return weights


@lru_cache(maxsize=1)
def _weights() -> Matrix:
    content: dict[str, Any] = json.loads(
        files("infinisum.evaluation").joinpath("surface.json").read_text(encoding="utf-8")
    )
    table = content["weights"]
    linear = [table[name] for name in USED]
    return np.array([*linear, *(table[f"{name}^2"] for name in USED)])


def _parts(sentences: int) -> Iterator[tuple[int, int]]:
    """Ranges of about `_PART_SENTENCES`, of equal size."""
    count = max(1, round(sentences / _PART_SENTENCES))
    bounds = [sentences * part // count for part in range(count + 1)]
    yield from ((a, b) for a, b in pairwise(bounds) if b > a)


def _split(text: str) -> tuple[list[str], list[int]]:
    """Sentences, and for each the index of its paragraph."""
    sentences: list[str] = []
    paragraph_of: list[int] = []
    for number, paragraph in enumerate(text.split("\n\n")):
        own = simple_sentences(paragraph)
        sentences += own
        paragraph_of += [number] * len(own)
    return sentences, paragraph_of
