"""Which sentences to quote: the most salient that can stand alone, spread over the text.

The settings were chosen on BookSum's training books. Spreading evens out scores that are not
comparable from one part of a book to the next and gained 0.2 to 0.3 points of ROUGE there. The
rules for what can stand alone cost 0.3 points on validation books, and make an extract readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from statistics import pstdev

from infinisum.summary.references import adjustments

_SHORTEST, _LONGEST = 10, 60  # words of a sentence worth quoting
_WORDS_A_PART = 100  # of the extract; the text is cut into as many parts of equal length
_ENDING = 0.03  # of the text: how things end is there
_ENDING_SHARE = 0.5  # of a part's words, kept for the ending before all others choose
_FEWEST_PARTS = 3  # a shorter extract has no words to keep
_MOST_SHARED = 0.7  # of the words of the shorter of two quoted sentences

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]")
_LOWER_START = re.compile(r"[\W_]*[a-zà-öø-ÿ]")
_CUT_END = re.compile(r"[,;:–—-][\"”’')\]]*$")
_STOPPED = re.compile(r"[.!?…。！？｡\])][\"”’»』」')\]]*$")
_HEADING = re.compile(
    r"[\W_]*(?:chapter|book|part|act|scene|canto|letter|volume)\s+(?:[ivxlc]+|\d+)\b", re.IGNORECASE
)
_PRONOUN = re.compile(
    r"he|she|it|they|him|her|them|his|hers|its|their|theirs|this|that|these|those", re.IGNORECASE
)
_OPENS_SPEECH = ('"', "“", "‘", "„", "«", "「", "『")
_QUOTES = (("“", "”"), ("«", "»"), ("「", "」"), ("『", "』"))


def select(
    sentences: Sequence[str], scores: Sequence[float], words: int, *, parts: int | None = None
) -> list[int]:
    """Choose sentences to quote.

    The text is cut into parts of equal length, and each gives its share of the words, highest
    score first (the earlier of two that are equal); the last pages have some words to themselves,
    so that the ending is told. Scores are raised or lowered a little by how well a sentence is
    understood by itself (see `references`). A sentence is passed over that nearly repeats
    one already chosen, or that cannot stand alone (see `stands_alone`); where no sentence of the
    text can, all may be chosen.

    Args:
        sentences: all sentences of the text, in order.
        scores: the salience of each; higher is more.
        words: length of the extract, met to about half a sentence.
        parts: into how many parts to cut; None: one for every 100 words of the extract.

    Returns:
        Indices of the chosen sentences, in the order of the text. At least one, unless there is
        no sentence.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(sentences) != len(scores):
        raise ValueError(f"{len(sentences)} sentences but {len(scores)} scores")
    if parts is None:
        parts = max(1, round(words / _WORDS_A_PART))
    lengths = [_length(sentence) for sentence in sentences]
    able = [index for index, sentence in enumerate(sentences) if stands_alone(sentence)]
    candidates = able or [index for index, length in enumerate(lengths) if length]
    worth = _worth(sentences, scores)
    ordered = sorted(candidates, key=lambda index: (-worth[index], index))
    extract = _Extract(sentences, lengths)
    reserved = 0
    if parts >= _FEWEST_PARTS:  # the ending first, so that nothing else takes its words
        ending = _ending(ordered, lengths)
        extract.fill(ending, round(words / parts * _ENDING_SHARE))
        reserved = extract.spent
    for number, part in enumerate(_by_part(ordered, lengths, parts), start=1):
        # What a part leaves unused goes to the next; the last one has had its ending already.
        extract.fill(part, min(words, reserved + round(words * number / parts)))
    return sorted(extract.chosen) or ordered[:1]  # however few words were asked for


class _Extract:
    """What was chosen so far."""

    def __init__(self, sentences: Sequence[str], lengths: Sequence[int]) -> None:
        self.chosen: list[int] = []
        self.spent = 0
        self._sentences = sentences
        self._lengths = lengths
        self._seen: list[frozenset[str]] = []

    def fill(self, ordered: Sequence[int], budget: int) -> None:
        """Take sentences in their order until `budget` words are spent, to half a sentence."""
        for index in ordered:
            if index in self.chosen:
                continue
            if self.spent + self._lengths[index] / 2 > budget:
                break
            own = frozenset(_WORD.findall(self._sentences[index].lower()))
            if not any(_repeats(own, other) for other in self._seen):
                self.chosen.append(index)
                self._seen.append(own)
                self.spent += self._lengths[index]


def _worth(sentences: Sequence[str], scores: Sequence[float]) -> list[float]:
    """Salience, and how well each sentence can be understood by itself."""
    deviation = pstdev(scores) if scores else 0.0
    added = adjustments(sentences)
    return [score + deviation * extra for score, extra in zip(scores, added, strict=True)]


def _ending(ordered: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """The ordered sentences of the last `_ENDING` of the text."""
    total = sum(lengths)
    starts = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    return [index for index in ordered if starts[index] >= (1 - _ENDING) * total]


def stands_alone(sentence: str) -> bool:
    """Whether a sentence reads well outside its place.

    Not too short or long, no heading, no fragment, no half of a quotation, no speech whose speaker
    is elsewhere, and no opening pronoun: what it stands for is elsewhere too.
    """
    words = _WORD.findall(sentence)
    length = _length(sentence)
    if not words or not _SHORTEST <= length <= _LONGEST:
        return False
    if sentence.isupper() or _HEADING.match(sentence):
        return False
    if _LOWER_START.match(sentence) or _CUT_END.search(sentence):
        return False
    if sentence.lstrip()[:1] in _OPENS_SPEECH:
        return False
    if length < _SHORTEST + 2 and not _STOPPED.search(sentence):
        return False  # a title, a caption, a line of a list
    if sentence.count('"') % 2:
        return False
    if any(sentence.count(opening) != sentence.count(closing) for opening, closing in _QUOTES):
        return False
    return not _PRONOUN.fullmatch(words[0])


def _length(sentence: str) -> int:
    """Words; in scripts without spaces two characters count as one."""
    return max(len(sentence.split()), len(_UNSPACED.findall(sentence)) // 2)


def _by_part(ordered: Sequence[int], lengths: Sequence[int], parts: int) -> Iterator[list[int]]:
    """The ordered sentences of each of `parts` parts of equal length in words."""
    total = max(sum(lengths), 1)
    starts = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    rows: list[list[int]] = [[] for _ in range(parts)]
    for index in ordered:
        rows[min(starts[index] * parts // total, parts - 1)].append(index)
    yield from rows


def _repeats(words: frozenset[str], other: frozenset[str]) -> bool:
    return len(words & other) > _MOST_SHARED * max(1, min(len(words), len(other)))
