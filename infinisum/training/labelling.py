"""`label`: chapters with their summaries → chapters with a label for every sentence."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infinisum.config import LabelOptions
from infinisum.datasets.report import ReadReport
from infinisum.training.datasets import Row, read_rows
from infinisum.training.labels import SentenceEncoder, write_labels
from infinisum.training.overlap import held_out

Chapter = tuple[dict[str, Any], list[str]]  # a row with id, title, text; its summaries


def chapters_with_summaries(rows: Iterable[Row]) -> list[Chapter]:
    """Rows of the same text together, in the order in which the texts first appear."""
    found: dict[str, Chapter] = {}
    for row in rows:
        if not row.text or not row.summary:
            continue
        fields = {"id": row.id, "title": row.title, "text": row.text}
        found.setdefault(row.key, (fields, []))[1].append(row.summary)
    return list(found.values())


def in_turn(chapters: Iterable[Chapter], seed: int) -> Iterator[Chapter]:
    """One chapter of each work, then a second one, …; works and chapters shuffled by the seed.

    So any first part of the order is spread evenly over the works.
    """
    draw = random.Random(seed)
    works: dict[str, list[Chapter]] = {}
    for chapter in chapters:
        works.setdefault(chapter[0]["title"], []).append(chapter)
    rows = [works[title] for title in sorted(works)]
    draw.shuffle(rows)
    for row in rows:
        draw.shuffle(row)
    for turn in range(max(map(len, rows), default=0)):
        for row in rows:
            if turn < len(row):
                yield row[turn]


def label(
    options: LabelOptions, on_chapter: Callable[[int], None] = lambda _: None
) -> tuple[int, ReadReport]:
    """Label what the options name into `options.output`.

    Args:
        options: data, what stays out, how many chapters.
        on_chapter: called with the number of chapters labelled so far.

    Returns:
        The number of chapters, and what became of the rows read.

    Raises:
        NotFoundError: nothing usable in the data, or the sentence encoder is not installed.
        InputError: data that cannot be read.
    """
    encode = SentenceEncoder().encode if options.meaning else None
    report = ReadReport()
    held = held_out(options.held_out)
    rows = read_rows(options.data, held=held, report=report)
    order = list(in_turn(chapters_with_summaries(rows), options.seed))
    last = None if options.limit is None else options.skip + options.limit
    return write_labels(order[options.skip : last], options.output, encode, on_chapter), report
