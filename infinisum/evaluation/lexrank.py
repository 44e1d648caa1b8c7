"""LexRank by the sumy library: sentences central in a graph of similar sentences.

sumy is optional (`pip install "infinisum[lexrank]"`). Its matrix of similarities, a double loop in
Python, takes seconds on a long chapter; here it is one product, with the same result. Nothing is
downloaded: sentences and words are cut by our own rules, not by nltk's models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from infinisum.evaluation.baselines import WORD, simple_sentences, take


def has_lexrank() -> bool:
    """Whether the library is installed."""
    return find_spec("sumy") is not None


def lexrank(text: str, words: int) -> str:
    """The most central sentences, in the order of the text, about `words` words."""
    sentences = simple_sentences(text)
    if not sentences:
        return ""
    scores = lexrank_scores([WORD.findall(sentence.lower()) for sentence in sentences])
    order = sorted(range(len(sentences)), key=lambda index: (-round(scores[index], 12), index))
    return take(sentences, order, words)


def lexrank_scores(tokens: Sequence[list[str]]) -> list[float]:
    """Centrality of each sentence, given as its words."""
    ranker = _ranker()
    tf, idf = ranker._compute_tf(tokens), _idf(tokens)
    matrix = similarity_matrix(tokens, ranker.threshold, tf, idf)
    if not matrix.any():  # no sentence is like any other
        return [0.0] * len(tokens)
    scores: list[float] = ranker.power_method(matrix, ranker.epsilon).tolist()
    return scores


def similarity_matrix(
    tokens: Sequence[list[str]],
    threshold: float,
    tf: Sequence[dict[str, float]],
    idf: dict[str, float],
) -> Any:
    """What sumy's `_create_matrix` gives, `[n, n]`, by one product of `[n, vocabulary]`."""
    column = {word: number for number, word in enumerate(idf)}
    vectors = np.zeros((len(tokens), len(column)))
    for row, weights in enumerate(tf):
        for word, weight in weights.items():
            vectors[row, column[word]] = weight * idf[word]
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms > 0, norms, 1)
    linked = (vectors @ vectors.T > threshold).astype(float)
    degrees = linked.sum(1, keepdims=True)
    return linked / np.maximum(degrees, 1)


def _idf(tokens: Sequence[list[str]]) -> dict[str, float]:
    """As sumy's `_compute_idf`, with one pass over the sentences instead of one a word."""
    counts: dict[str, int] = {}
    for sentence in tokens:
        for word in dict.fromkeys(sentence):
            counts[word] = counts.get(word, 0) + 1
    return {word: float(np.log(len(tokens) / (1 + n))) for word, n in counts.items()}


@lru_cache(maxsize=1)
def _ranker() -> Any:
    from sumy.summarizers.lex_rank import LexRankSummarizer

    return LexRankSummarizer()
