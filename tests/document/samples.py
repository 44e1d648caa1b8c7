"""Summaries made by hand for the tests of documents."""

from __future__ import annotations

from infinisum.books.book import LeftOut
from infinisum.summary.summary import (
    ChapterSummary,
    Grounding,
    Making,
    Passage,
    Rouge,
    Summary,
)


def passage(text: str, chapter: int = 1, paragraph: int = 1, page: int | None = None) -> Passage:
    return Passage(text, chapter, paragraph, page, salience=0.123456, position=0.25)


def sample(**changes: object) -> Summary:
    values: dict[str, object] = {
        "title": "The Small Harbour",
        "author": "A. Tester",
        "language": "en",
        "source_format": "epub",
        "source_words": 12_345,
        "source_chapters": 2,
        "source_tokens": 16_000,
        "part": "",
        "text": "Anna waits. Hale returns.",
        "passages": (passage("She waited.", 1, 3), passage("He came.", 2, 4, page=9)),
        "chapters": (
            ChapterSummary(1, "The Quay", ("Part One",), 6_000, "Anna waits.", (passage("A."),)),
            ChapterSummary(2, "Chapter 2", ("Part Two",), 6_345, "", (passage("B.", 2),)),
        ),
        "grounding": Grounding(4, 2, ("Harry",), (), (0, 0, 6, 0, 0, 0, 0, 0, 0, 0)),
        "rouge": (Rouge("book", 1, 40.04, 8.8, 17.9, 18.5),),
        "left_out": (LeftOut("Imprint", "imprint", 120),),
        "making": Making("base", "0.1", 0, "both", "hybrid", "memory", 3, 1, 8_100_000),
    }
    return Summary(**(values | changes))  # type: ignore[arg-type]
