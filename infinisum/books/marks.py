"""Footnote marks that are nothing but a number stuck to a word: "the trees.2"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from infinisum.books.book import Chapter

_STUCK = re.compile(r"(?<=[^\W\d_]|…)([.,;:!?…’”\"')\]»]{0,4})(\d{1,3})(?=[\s.,;:!?’”\"')—]|$)")
_FEWEST = 2
_COUNTING = 0.8  # of the numbers that are one more than that before, or begin again at 1


def without_stuck_marks(chapters: Sequence[Chapter]) -> tuple[list[Chapter], int]:
    """Chapters without numbers stuck to words, where these count up through the book.

    Returns:
        The chapters and the number of marks taken out; "H2O" and "3rd" stay, and so does
        everything where the numbers do not count.
    """
    texts = [paragraph.text for chapter in chapters for paragraph in chapter.paragraphs]
    numbers = [int(match[2]) for text in texts for match in _STUCK.finditer(text)]
    if len(numbers) < _FEWEST:
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
