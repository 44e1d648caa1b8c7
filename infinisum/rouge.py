"""ROUGE with its conventions named, so that no figure is compared with another kind of figure.

`scrolls` (default): no stemmer, ROUGE-1, ROUGE-2 and ROUGE-L over whole texts. `stemmed`: the same
with Porter's stemmer, as most papers on chapters report. Both give F1 in per cent. The overall
figure is the geometric mean of the three corpus averages. ROUGE-Lsum, over sentences, is about
twice as large as ROUGE-L and carries its own name.

The tokens are rouge-score's, and so are the figures, to the last digit; its tables in pure Python,
which take seconds on long texts, are replaced (`infinisum.lcs`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, Protocol

from infinisum.errors import UsageError
from infinisum.lcs import lcs_length, lcs_places, places

Convention = Literal["scrolls", "stemmed"]
CONVENTIONS: tuple[Convention, ...] = ("scrolls", "stemmed")

_LATIN = re.compile(r"[a-z0-9]")  # all that rouge-score's own tokenizer keeps
_LETTER = re.compile(r"[^\W_]")
# Scripts written without spaces (Han, kana, Thai, Lao, Burmese, Khmer): one token a character.
_UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_ANY_SCRIPT = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})[^\W_])+")


@dataclass(frozen=True, slots=True)
class RougeScores:
    """F1 scores in per cent, of one text or averaged over a corpus."""

    convention: Convention
    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 - the name the field uses
    rougeLsum: float | None = None  # noqa: N815 - None where it was not asked for

    @property
    def geometric_mean(self) -> float:
        """Geometric mean of ROUGE-1, ROUGE-2 and ROUGE-L: the overall figure of a corpus."""
        return float((self.rouge1 * self.rouge2 * self.rougeL) ** (1 / 3))


def rouge(
    prediction: str,
    references: str | Sequence[str],
    *,
    convention: Convention = "scrolls",
    reduce: Literal["best", "mean"] = "best",
    lsum: bool = True,
) -> RougeScores:
    """Score one text against one or more references.

    A reference in a script that rouge-score's tokenizer drops is cut into words or, where the
    script has no spaces, characters.

    Args:
        prediction: the text to score.
        references: one reference or several.
        convention: `scrolls` or `stemmed`.
        reduce: with several references, the best or the mean of each score by itself.
        lsum: also compute ROUGE-Lsum, which takes longer than the others together.

    Raises:
        UsageError: unknown convention, or no reference.
    """
    if convention not in CONVENTIONS:
        raise UsageError(
            f"Unknown ROUGE convention {convention!r}.", f"Choose one of: {', '.join(CONVENTIONS)}."
        )
    texts = [references] if isinstance(references, str) else list(references)
    if not texts:
        raise UsageError("ROUGE needs at least one reference summary.")
    rows = [_score_pair(prediction, text, convention, lsum) for text in texts]
    columns = list(zip(*rows, strict=True))
    values = [max(column) if reduce == "best" else sum(column) / len(column) for column in columns]
    return RougeScores(convention, *values)


def corpus_rouge(scores: Sequence[RougeScores]) -> RougeScores:
    """Average of each score over a corpus; its `geometric_mean` is the corpus's overall figure.

    Raises:
        UsageError: nothing to average, or scores of several conventions.
    """
    if not scores:
        raise UsageError("There are no ROUGE scores to average.")
    conventions = {score.convention for score in scores}
    if len(conventions) > 1:
        raise UsageError(f"ROUGE of several conventions cannot be averaged: {sorted(conventions)}.")
    sums = [score.rougeLsum for score in scores if score.rougeLsum is not None]
    return RougeScores(
        scores[0].convention,
        rouge1=_mean([score.rouge1 for score in scores]),
        rouge2=_mean([score.rouge2 for score in scores]),
        rougeL=_mean([score.rougeL for score in scores]),
        rougeLsum=_mean(sums) if len(sums) == len(scores) else None,
    )


class Tokenizer(Protocol):
    """What rouge-score asks of a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        """Tokens of a text."""


class _RememberingStemmer:
    """Porter's stemmer, which is slow, asked once for every word."""

    def __init__(self, stemmer: Any) -> None:
        self.stem = lru_cache(maxsize=1 << 17)(stemmer.stem)


class _AnyScriptTokenizer:
    """Words of any script; characters of scripts written without spaces."""

    def tokenize(self, text: str) -> list[str]:
        return _ANY_SCRIPT.findall(text.lower())


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A text cut and counted once, however many texts it is compared with."""

    words: list[str]
    unigrams: Counter[str]
    bigrams: Counter[tuple[str, str]]
    sentences: list[list[str]]  # empty where ROUGE-Lsum is not wanted
    places: list[dict[str, int]]  # of the words of each sentence


@lru_cache(maxsize=4)
def _tokenizer(convention: Convention, latin: bool) -> Tokenizer:
    if not latin:
        return _AnyScriptTokenizer()
    from rouge_score.tokenizers import DefaultTokenizer

    tokenizer: Any = DefaultTokenizer(use_stemmer=convention == "stemmed")
    if convention == "stemmed":
        tokenizer._stemmer = _RememberingStemmer(tokenizer._stemmer)
    return tokenizer  # type: ignore[no-any-return]


@lru_cache(maxsize=32)
def _prepare(text: str, convention: Convention, latin: bool, lsum: bool) -> _Prepared:
    tokenizer = _tokenizer(convention, latin)
    words = tokenizer.tokenize(text)
    lines = _sentence_lines(text) if lsum else []
    sentences = [tokenizer.tokenize(line) for line in lines]
    return _Prepared(
        words, Counter(words), Counter(pairwise(words)), sentences, [places(s) for s in sentences]
    )


def _score_pair(prediction: str, reference: str, convention: Convention, lsum: bool) -> list[float]:
    """ROUGE-1, ROUGE-2, ROUGE-L and, if asked for, ROUGE-Lsum, in per cent."""
    latin = _is_latin(reference)
    target = _prepare(reference, convention, latin, lsum)
    own = _prepare(prediction, convention, latin, lsum)
    n, m = len(own.words), len(target.words)
    values = [
        _f1((own.unigrams & target.unigrams).total(), n, m),
        _f1((own.bigrams & target.bigrams).total(), n - 1, m - 1),
        _f1(lcs_length(target.words, own.words), n, m),
    ]
    if lsum:
        values.append(_rouge_lsum(target, own))
    return [100.0 * value for value in values]


def _rouge_lsum(target: _Prepared, own: _Prepared) -> float:
    """F1 of the union of common subsequences, sentence by sentence of the reference."""
    left_target = Counter(word for sentence in target.sentences for word in sentence)
    left_own = Counter(word for sentence in own.sentences for word in sentence)
    n, m = left_own.total(), left_target.total()
    hits = 0
    for sentence in target.sentences:
        union: set[int] = set()
        for other, where in zip(own.sentences, own.places, strict=True):
            if not where.keys().isdisjoint(sentence):
                lcs_places(sentence, len(other), where, union)
        for place in sorted(union):  # no word counts more often than it occurs in either text
            word = sentence[place]
            if left_own[word] > 0 and left_target[word] > 0:
                hits += 1
                left_own[word] -= 1
                left_target[word] -= 1
    return _f1(hits, n, m)


def _f1(shared: int, prediction: int, reference: int) -> float:
    """F1 in rouge-score's order of operations, so that the last digit agrees."""
    precision, recall = shared / max(prediction, 1), shared / max(reference, 1)
    if precision + recall > 0:
        return 2 * precision * recall / (precision + recall)
    return 0.0


def _is_latin(reference: str) -> bool:
    """Whether rouge-score's own tokenizer keeps at least half of the letters and digits."""
    lower = reference.lower()
    return 2 * len(_LATIN.findall(lower)) >= len(_LETTER.findall(lower))


@lru_cache(maxsize=32)
def _sentence_lines(text: str) -> list[str]:
    """The sentences of a text, as ROUGE-Lsum expects them."""
    from syntok import segmenter

    lines: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        starts = [
            sentence[0].offset for paragraph in segmenter.analyze(line) for sentence in paragraph
        ]
        cuts = [0, *starts[1:], len(line)]
        lines += [line[start:end] for start, end in pairwise(cuts)]
    return lines


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
