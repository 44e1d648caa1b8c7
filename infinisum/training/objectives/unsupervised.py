"""Objectives that need nothing but texts; `pretrain` mixes them.

They share the tokenizer's task tokens: `<infill>` with a length asks for whole sentences that were
taken out, `<infill>` alone for short spans, `<continue>` for what comes next.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from infinisum.segments import Segment
from infinisum.tokenizer import Tokenizer
from infinisum.training.datasets import Example
from infinisum.training.objectives.base import Draw, RowInfo, crop, with_target
from infinisum.training.objectives.editing import Edit, edited, head_of

GAP_SHARE = 0.2  # of a text's sentences, at most, that are taken out
INFILL_SHARE = 0.15  # of a text's tokens that are taken out, as far as the placeholders reach
SPAN_TOKENS = (3, 12)  # mean length of a span, in short and in long texts
SUMMARY_SHARE = 0.5  # of language modelling on texts with a summary that is of the summary


class TextObjective:
    """What the objectives here have in common.

    Args:
        tokenizer: of the model.
        most_target: most decoder tokens.
    """

    name = ""
    needs_text = True

    def __init__(self, tokenizer: Tokenizer, most_target: int = 512) -> None:
        self.tokenizer, self.most_target = tokenizer, most_target

    def usable(self, row: RowInfo) -> bool:
        """Every text."""
        return row.segments > 0

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """Once for each run of segments that a step can take of the text."""
        return math.ceil(row.segments / most_segments)

    def target_tokens(self, row: RowInfo | None) -> int:
        """The same for all texts."""
        return self.most_target


class Gaps(TextObjective):
    """Gap sentences (PEGASUS, arXiv 1912.08777) over a long context.

    Sentences that matter are taken out, each leaves `<mask>` behind, and the decoder writes them
    one after the other. Those with a high salience label matter, or, without labels, those whose
    words come again elsewhere in the text.
    """

    name = "gaps"

    def make(self, example: Example | None, draw: Draw) -> Example:
        """The text with gaps, and what was in them."""
        assert example is not None
        text = crop(example, draw)
        whole = _whole_sentences(text, self.tokenizer.mask_id)
        score = _importance(text, whole)
        # Chance in the order: other sentences each time a text is drawn.
        order = sorted(whole, key=lambda i: -score[i] * draw.rng.uniform(0.5, 1.0))
        room = self.most_target - 4
        taken: list[int] = []
        for sentence in order[: max(1, round(GAP_SHARE * len(whole)))]:
            place = whole[sentence]
            if place.end - place.start <= room:
                taken.append(sentence)
                room -= place.end - place.start
        ids: list[int] = []
        words = 0
        for sentence in sorted(taken):
            place = whole[sentence]
            ids += text.segments[place.segment].token_ids[place.start : place.end].tolist()
            words += text.sentences[sentence].words
        masked = edited(text, [whole[sentence] for sentence in taken])
        prompt = self.tokenizer.prompt("infill", words)
        return with_target(masked, prompt, [*ids, self.tokenizer.eos_id])


class Continuation(TextObjective):
    """What comes after the segments read, from the state alone."""

    name = "continue"

    def make(self, example: Example | None, draw: Draw) -> Example:
        """A run of segments, and the one after it; of a short text its halves."""
        assert example is not None
        n = len(example.segments)
        if n == 1:
            (segment,) = example.segments
            half = max(1, len(segment.token_ids) // 2)
            after = segment.token_ids[half:]
            segments: Sequence[Segment] = (head_of(segment, half),)
        else:
            length = min(draw.segments, n - 1)
            start = draw.rng.choice((0, draw.rng.randint(0, n - 1 - length)))
            segments = example.segments[start : start + length]
            after = example.segments[start + length].token_ids
        prompt = self.tokenizer.prompt("continue", 1)[:2]
        target = after[: self.most_target - len(prompt)]
        return with_target(replace(example, segments=segments), prompt, target)


class Infill(TextObjective):
    """Short spans (T5, arXiv 1910.10683), spread over the whole text."""

    name = "infill"

    def make(self, example: Example | None, draw: Draw) -> Example:
        """The text with placeholders, and after each placeholder what stood there."""
        assert example is not None
        text = crop(example, draw)
        sentinels = self.tokenizer.sentinel_ids
        tokens = sum(len(segment.token_ids) for segment in text.segments)
        least, most = SPAN_TOKENS
        mean = min(most, max(least, INFILL_SHARE * tokens / len(sentinels)))
        wanted = min(len(sentinels), max(1, round(INFILL_SHARE * tokens / mean)))
        edits: list[Edit] = []
        target: list[int] = []
        places = _spans(text, draw.rng, wanted, mean)
        for sentinel, (number, start, end) in zip(sentinels, places, strict=False):
            span = text.segments[number].token_ids[start:end].tolist()
            if len(target) + len(span) + 4 > self.most_target:
                break
            edits.append(Edit(number, start, end, sentinel))
            target += [sentinel, *span]
        prompt = self.tokenizer.prompt("infill", 1)[:2]
        return with_target(edited(text, edits), prompt, [*target, self.tokenizer.eos_id])


class Language(TextObjective):
    """Language modelling by the decoder, with nothing to read: of the summary, or of the text."""

    name = "language"

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """Once a pass."""
        return 1

    def make(self, example: Example | None, draw: Draw) -> Example:
        """A summary with its prompt, or a piece of the text after `<continue>`."""
        assert example is not None
        blank = replace(
            example, segments=(), salience=example.salience[:0], vectors=example.vectors[:0]
        )
        if len(example.decoder_ids) and draw.rng.random() < SUMMARY_SHARE:
            return blank
        start = draw.rng.randrange(len(example.segments))
        ids: list[int] = []
        for segment in example.segments[start:]:
            ids += segment.token_ids.tolist()
            if len(ids) >= self.most_target:
                break
        prompt = self.tokenizer.prompt("continue", 1)[:2]
        return with_target(blank, prompt, ids[: self.most_target - len(prompt)])


def _whole_sentences(text: Example, mask: int) -> dict[int, Edit]:
    """Sentences that one segment holds whole, each with what takes it out."""
    parts = Counter(span.sentence for segment in text.segments for span in segment.spans)
    return {
        span.sentence: Edit(number, span.start, span.end, mask)
        for number, segment in enumerate(text.segments)
        for span in segment.spans
        if parts[span.sentence] == 1
    }


def _importance(text: Example, whole: dict[int, Edit]) -> dict[int, float]:
    """How much each sentence matters, above 0."""
    if len(text.salience):
        return {i: 0.05 + float(text.salience[i]) for i in whole}
    ids = np.concatenate([segment.token_ids for segment in text.segments])
    count = np.bincount(ids)
    # A word that comes again counts, the less the more common it is.
    weight = np.where(count > 1, 1 / np.log2(count + 2), 0)
    scores = {}
    for i, place in whole.items():
        own = text.segments[place.segment].token_ids[place.start : place.end]
        scores[i] = 0.05 + float(weight[np.unique(own)].sum()) / math.sqrt(max(1, len(own)))
    return scores


def _spans(
    text: Example, rng: random.Random, wanted: int, mean: float
) -> list[tuple[int, int, int]]:
    """Up to `wanted` spans (segment, start, end) in order, at least a token apart."""
    lengths = [len(segment.token_ids) for segment in text.segments]
    found = []
    for _ in range(wanted):
        number = rng.choices(range(len(lengths)), lengths)[0]
        size = 1 + min(int(rng.expovariate(1 / mean)), 3 * round(mean), lengths[number] - 1)
        start = rng.randint(0, lengths[number] - size)
        found.append((number, start, start + size))
    found.sort()
    apart = found[:1]
    for span in found[1:]:
        last = apart[-1]
        if span[0] != last[0] or span[1] > last[2]:
            apart.append(span)
    return apart
