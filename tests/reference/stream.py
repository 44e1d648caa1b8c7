"""What the decoder may see of a text: window, reservoir, and what was written to cross memory.

A text is a list of segments in book order. This file only keeps the books: which segments are in
the window, which left it, and which sentences the reservoir holds. No tensors.
"""

from __future__ import annotations

from typing import NamedTuple


class Sentence(NamedTuple):
    """A sentence of a segment: tokens `start` to `end` of it, and its salience."""

    segment: int  # index among the segments of the text that are not empty
    start: int
    end: int
    score: float


class Segment(NamedTuple):
    """A segment: how many tokens it has, and its sentences."""

    length: int
    sentences: list[Sentence]


class View(NamedTuple):
    """What is left of the text after its last segment was read."""

    window: list[int]  # indices of segments, oldest first
    written: list[int]  # indices of segments that went to cross memory, in order
    reservoir: list[Sentence]  # in book order


def view(segments: list[Segment], window: int, reservoir: int) -> View:
    """Read the text segment by segment; `window` segments and `reservoir` states stay exact."""
    inside: list[int] = []
    left: list[int] = []
    for index, segment in enumerate(s for s in segments if s.length):
        del segment
        inside.append(index)
        while len(inside) > window:
            left.append(inside.pop(0))
    there = [s for s in segments if s.length]
    return View(inside, left, keep([x for i in left for x in there[i].sentences], reservoir))


def keep(sentences: list[Sentence], reservoir: int) -> list[Sentence]:
    """Best first, ties to the earlier; all that fit before the first that does not; book order."""
    order = sorted(sentences, key=lambda s: (-s.score, s.segment, s.start))
    kept, used = [], 0
    for sentence in order:
        used += sentence.end - sentence.start
        if used > reservoir:
            break
        kept.append(sentence)
    return sorted(kept, key=lambda s: (s.segment, s.start))
