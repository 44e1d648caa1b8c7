"""ROUGE with its conventions named, so that no figure is compared with another kind of figure.

`scrolls` (default): no stemmer, ROUGE-1, ROUGE-2 and ROUGE-L over whole texts. `stemmed`: the same
with Porter's stemmer, as most papers on chapters report. Both give F1 in per cent. The overall
figure is the geometric mean of the three corpus averages. ROUGE-Lsum, over sentences, is about
twice as large as ROUGE-L and carries its own name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

from infinisum.errors import UsageError

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

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
        lsum: also compute ROUGE-Lsum, which takes seconds on texts of a thousand words.

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


class _AnyScriptTokenizer:
    """Words of any script; characters of scripts written without spaces."""

    def tokenize(self, text: str) -> list[str]:
        return _ANY_SCRIPT.findall(text.lower())


@lru_cache(maxsize=8)
def _scorer(convention: Convention, latin: bool, lsum: bool) -> tuple[RougeScorer, Tokenizer]:
    from rouge_score import rouge_scorer, tokenizers

    tokenizer: Tokenizer = _AnyScriptTokenizer()
    if latin:
        tokenizer = tokenizers.DefaultTokenizer(use_stemmer=convention == "stemmed")
    names = ["rouge1", "rouge2", "rougeLsum"] if lsum else ["rouge1", "rouge2"]
    return rouge_scorer.RougeScorer(names, tokenizer=tokenizer), tokenizer


def _score_pair(prediction: str, reference: str, convention: Convention, lsum: bool) -> list[float]:
    """ROUGE-1, ROUGE-2, ROUGE-L and, if asked for, ROUGE-Lsum, in per cent."""
    scorer, tokenizer = _scorer(convention, _is_latin(reference), lsum)
    if lsum:
        scores = scorer.score(_sentence_lines(reference), _sentence_lines(prediction))
    else:
        scores = scorer.score(reference, prediction)
    longest = _rouge_l(tokenizer.tokenize(reference), tokenizer.tokenize(prediction))
    values = [scores["rouge1"].fmeasure, scores["rouge2"].fmeasure, longest]
    if lsum:
        values.append(scores["rougeLsum"].fmeasure)
    return [100.0 * value for value in values]


def _rouge_l(reference: Sequence[str], prediction: Sequence[str]) -> float:
    """F1 of the longest common subsequence.

    The same figure as rouge-score's, whose table in pure Python takes seconds on long texts: one
    row of the table is one integer here (Hyyrö's bit-parallel recurrence).
    """
    if not reference or not prediction:
        return 0.0
    places: dict[str, int] = {}
    for index, token in enumerate(reference):
        places[token] = places.get(token, 0) | 1 << index
    everything = (1 << len(reference)) - 1
    row = everything  # a zero bit: the common subsequence grows at this place
    for token in prediction:
        matches = row & places.get(token, 0)
        row = ((row + matches) | (row - matches)) & everything
    length = len(reference) - row.bit_count()
    return 2.0 * length / (len(reference) + len(prediction))


def _is_latin(reference: str) -> bool:
    """Whether rouge-score's own tokenizer keeps at least half of the letters and digits."""
    lower = reference.lower()
    return 2 * len(_LATIN.findall(lower)) >= len(_LETTER.findall(lower))


def _sentence_lines(text: str) -> str:
    """One sentence a line, as ROUGE-Lsum expects them."""
    from syntok import segmenter

    lines = []
    for line in filter(str.strip, text.splitlines()):
        starts = [
            sentence[0].offset for paragraph in segmenter.analyze(line) for sentence in paragraph
        ]
        cuts = [0, *starts[1:], len(line)]
        lines += [line[start:end] for start, end in pairwise(cuts)]
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
