"""Summaries that take no model: the rows every figure is compared with.

Each takes a whole text and gives about as many of its own words as it is asked for.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = re.compile(r"(?<=[.!?])[\"”’')\]]*\s+|\n\s*\n")

_Key = TypeVar("_Key")
Baseline = Callable[[str, int], str]


def lead(text: str, words: int) -> str:
    """The first words of the text."""
    return " ".join(text.split()[:words])


def tail(text: str, words: int) -> str:
    """The last words of the text."""
    return " ".join(text.split()[-words:]) if words else ""


def lead_and_tail(text: str, words: int) -> str:
    """Half of the words from the start and half from the end; a short text once."""
    tokens = text.split()
    if len(tokens) <= words:
        return " ".join(tokens)
    first = (words + 1) // 2
    return " ".join([*tokens[:first], *tokens[len(tokens) - (words - first) :]])


def random_sentences(text: str, words: int, seed: int = 0) -> str:
    """Sentences drawn at random, in the order of the text."""
    sentences = simple_sentences(text)
    order = list(range(len(sentences)))
    random.Random(seed).shuffle(order)
    return take(sentences, order, words)


def centroid(text: str, words: int) -> str:
    """Sentences nearest the text's centroid of TF-IDF vectors, in the order of the text."""
    sentences = simple_sentences(text)
    counts = [Counter(WORD.findall(sentence.lower())) for sentence in sentences]
    frequency = Counter(word for count in counts for word in count)
    weight = {word: math.log(len(sentences) / n) for word, n in frequency.items()}
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    middle = {word: n * weight[word] for word, n in total.items()}

    def cosine(count: Counter[str]) -> float:
        vector = {word: n * weight[word] for word, n in count.items()}
        norm = math.sqrt(sum(value * value for value in vector.values()))
        return sum(value * middle[word] for word, value in vector.items()) / norm if norm else 0.0

    scores = [cosine(count) for count in counts]
    order = sorted(range(len(sentences)), key=lambda index: (-scores[index], index))
    return take(sentences, order, words)


BASELINES: dict[str, Baseline] = {
    "lead": lead,
    "tail": tail,
    "lead and tail": lead_and_tail,
    "random": random_sentences,
    "TF-IDF centroid": centroid,
}


def greedy_oracle(text: str, reference: str, words: int) -> str:
    """Sentences chosen greedily with the reference in hand: what extraction could reach.

    In each step the sentence that raises the mean of ROUGE-1 and ROUGE-2 F1 most is added, until
    none raises it or the words are used up. Sentences are returned in the order of the text.
    """
    sentences = simple_sentences(text)
    grams = [_Grams.of(sentence) for sentence in sentences]
    left = _Grams.of(reference)  # of the reference, not yet covered
    lengths = np.array([gram.words.total() for gram in grams])
    shared = np.array([gram.shared_with(left) for gram in grams]).reshape(-1, 2)
    length, total = 0, np.zeros(2)  # of the extract: words, and words and pairs shared
    reached = 0.0
    chosen: list[int] = []
    size = left.words.total()
    used = 0
    while used < words:
        # What was shared earlier is an upper bound now: few sentences are counted again.
        bounds = _mean_f1(length + lengths, total + shared, size)
        best = -1
        best_score = reached
        for index in np.argsort(-bounds, kind="stable"):
            if bounds[index] <= best_score:
                break
            shared[index] = grams[index].shared_with(left)
            score = float(_mean_f1(length + lengths[index], total + shared[index], size))
            if score > best_score:
                best, best_score = int(index), score
        if best < 0:
            break
        chosen.append(best)
        used += len(sentences[best].split())
        length, total, reached = length + lengths[best], total + shared[best], best_score
        left.words -= grams[best].words
        left.pairs -= grams[best].pairs
        lengths[best], shared[best] = 1 << 40, 0  # never again
    return " ".join(sentences[index] for index in sorted(chosen))


def simple_sentences(text: str) -> list[str]:
    """Sentences cut at stops and blank lines; fast, and good enough to draw from."""
    pieces = (" ".join(piece.split()) for piece in _split(text))
    return [piece for piece in pieces if piece]


def _split(text: str) -> Iterable[str]:
    start = 0
    for match in _ENDINGS.finditer(text):
        yield text[start : match.end()]
        start = match.end()
    yield text[start:]


def take(sentences: Sequence[str], order: Iterable[int], words: int) -> str:
    """Sentences, best first in `order`, until there are `words` words; in the text's order."""
    chosen: list[int] = []
    length = 0
    for index in order:
        if length >= words:
            break
        chosen.append(index)
        length += len(sentences[index].split())
    return " ".join(sentences[index] for index in sorted(chosen))


@dataclass(slots=True)
class _Grams:
    """Words and word pairs of a text, counted."""

    words: Counter[str]
    pairs: Counter[tuple[str, str]]

    @classmethod
    def of(cls, text: str) -> _Grams:
        words = WORD.findall(text.lower())
        return cls(Counter(words), Counter(pairwise(words)))

    def shared_with(self, other: _Grams) -> tuple[int, int]:
        """Words and pairs that both have."""
        return _overlap(self.words, other.words), _overlap(self.pairs, other.pairs)


def _overlap(counts: Counter[_Key], other: Counter[_Key]) -> int:
    return sum(min(n, other[key]) for key, n in counts.items() if key in other)


def _mean_f1(length: Any, shared: Any, reference: int) -> Any:
    """Mean of ROUGE-1 and ROUGE-2 F1, 0 to 1, of one extract or of many.

    Args:
        length: words of the extract, `[...]`.
        shared: words and pairs it shares with the reference, `[..., 2]`.
        reference: words of the reference.
    """
    total = np.maximum(length + reference, 3)
    return shared[..., 0] / total + shared[..., 1] / (total - 2)
