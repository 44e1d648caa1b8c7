"""Texts with some of their tokens replaced, and the places of their sentences after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from infinisum.segments import Segment, SentenceSpan
from infinisum.training.datasets import Example


class Edit(NamedTuple):
    """Tokens `start` to `end` of a segment give way to one other."""

    segment: int
    start: int
    end: int
    token: int


def edited(example: Example, edits: Sequence[Edit]) -> Example:
    """The example with edits that do not overlap; a sentence that is gone has no span any more.

    Labels of sentences are dropped: they are of sentences the encoder no longer reads.
    """
    segments = []
    for number, segment in enumerate(example.segments):
        own = sorted(edit for edit in edits if edit.segment == number)
        segments.append(_edit_segment(segment, own) if own else segment)
    return replace(
        example,
        segments=tuple(segments),
        salience=np.zeros(0, dtype=np.float32),
        vectors=example.vectors[:0],
    )


def head_of(segment: Segment, length: int) -> Segment:
    """The first `length` tokens of a segment."""
    spans = tuple(
        SentenceSpan(span.sentence, span.start, min(span.end, length))
        for span in segment.spans
        if span.start < length
    )
    return replace(segment, token_ids=segment.token_ids[:length], spans=spans)


def _edit_segment(segment: Segment, edits: Sequence[Edit]) -> Segment:
    tokens = segment.token_ids
    # Where each place between two tokens goes; places inside an edit go behind its token.
    moved = np.arange(len(tokens) + 1)
    parts, at, shift = [], 0, 0
    for edit in edits:
        parts += [tokens[at : edit.start], np.array([edit.token], dtype=tokens.dtype)]
        behind = edit.start + 1 - shift
        moved[edit.start] = edit.start - shift
        moved[edit.start + 1 : edit.end + 1] = behind
        shift = edit.end - behind
        moved[edit.end + 1 :] = np.arange(edit.end + 1, len(tokens) + 1) - shift
        at = edit.end
    parts.append(tokens[at:])
    spans = []
    for span in segment.spans:
        start, end = int(moved[span.start]), int(moved[span.end])
        if end > start:
            spans.append(SentenceSpan(span.sentence, start, end))
    return replace(segment, token_ids=np.concatenate(parts), spans=tuple(spans))
