"""Footnote marks that are nothing but a number stuck to a word: "the trees.2"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from infinisum.books.book import Chapter, LeftOut

_STUCK = re.compile(r"(?<=[^\W\d_]|…)([.,;:!?…’”\"')\]»]{0,4})(\d{1,3})(?=[\s.,;:!?’”\"')—]|$)")
_FEWEST = 2
_COUNTING = 0.8  # of the numbers that are one more than that before, or begin again at 1


def has_notes(left_out: Iterable[LeftOut]) -> bool:
    """Whether notes are among what is left out of a book."""
    return any(item.reason == "notes" for item in left_out)


def without_stuck_marks(chapters: Sequence[Chapter], *, noted: bool) -> tuple[list[Chapter], int]:
    """Chapters without numbers stuck to words, where these count up through the book.

    Args:
        chapters: of the book.
        noted: whether it has notes. Where it has none, numbers right behind letters ("room1",
            "room2") are labels, and only those behind stops ("the trees.2") are marks.

    Returns:
        The chapters and the number of marks taken out; "H2O" and "3rd" stay, and so does
        everything where the numbers do not count.
    """
    texts = [paragraph.text for chapter in chapters for paragraph in chapter.paragraphs]
    found = [match for text in texts for match in _STUCK.finditer(text)]
    numbers = [int(match[2]) for match in found]
    behind_stops = sum(bool(match[1]) for match in found)
    labels = not noted and behind_stops < _COUNTING * len(found)
    if len(numbers) < _FEWEST or labels:
        return list(chapters), 0
    counting = sum(
        after in (before + 1, 1) for before, after in zip([0, *numbers], numbers, strict=False)
    )
    if counting < _COUNTING * len(numbers):
        return list(chapters), 0
    return [_without(chapter) for chapter in chapters], len(numbers)


def _without(chapter: Chapter) -> Chapter:
    return replace(
        chapter,
        paragraphs=tuple(
            replace(paragraph, text=_STUCK.sub(r"\1", paragraph.text))
            for paragraph in chapter.paragraphs
        ),
    )
