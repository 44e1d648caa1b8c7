"""Summaries made by hand for the tests of documents."""

from __future__ import annotations

from infinisum.books.book import LeftOut
from infinisum.config import PARTS
from infinisum.summary.summary import (
    BookMap,
    ChapterSummary,
    Evidence,
    Grounding,
    Making,
    Passage,
    Person,
    Place,
    Rouge,
    Summary,
    Together,
    WrittenSentence,
)


def passage(text: str, chapter: int = 1, paragraph: int = 1, page: int | None = None) -> Passage:
    return Passage(text, chapter, paragraph, page, salience=0.123456, position=0.25)


def written(text: str, score: float = 0.812345, page: int | None = None) -> WrittenSentence:
    """A sentence that paragraph 3 of chapter 1 supports if the score is above a half."""
    quote = "She waited at the quay | for *him*."
    return WrittenSentence(text, Evidence(1, 3, page, quote, score, supported=score > 0.5))


def parts(mentions: int) -> tuple[int, ...]:
    """All mentions in the first part of the book."""
    return (mentions, *[0] * (PARTS - 1))


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
        "sentences": (written("Anna waits."), written("Hale returns.", 0.1)),
        "passages": (passage("She waited.", 1, 3), passage("He came.", 2, 4, page=9)),
        "chapters": (
            ChapterSummary(
                1,
                "The Quay",
                ("Part One",),
                6_000,
                "Anna waits.",
                (passage("A."),),
                (written("Anna waits.", page=7),),
            ),
            ChapterSummary(2, "Chapter 2", ("Part Two",), 6_345, "", (passage("B.", 2),)),
        ),
        "people": (
            Person(
                "Anna Brook",
                ("Anna", "Anna Brook", "Miss Brook"),
                1_200,
                1,
                2,
                parts(1_200),
                (Together("Hale", 31),),
            ),
            Person("Hale", ("Hale",), 1, 2, 4, parts(1), (Together("Anna Brook", 31),)),
        ),
        "places": (Place("the Quay", ("the Quay", "Quay"), 12, 2, 1, parts(12)),),
        "map": BookMap(
            salience=(0.1, None, 0.7, 0.2),
            chapters=((1, 0.0), (2, 0.5)),
            encoder_gates=((0.1, 0.9), (0.5, 0.25)),
            decoder_gates=((0.3, 0.6),),
            attention_bytes_per_token=4_096,
        ),
        "grounding": Grounding(
            4, 2, ("Harry",), (), (0, 0, 6, 0, 0, 0, 0, 0, 0, 0), 3, ("Hale returns.",)
        ),
        "rouge": (Rouge("book", 1, 40.04, 8.8, 17.9, 18.5),),
        "left_out": (LeftOut("Imprint", "imprint", 120),),
        "making": Making("base", "0.1", 0, "both", "hybrid", "memory", 3, 1, 8_100_000),
    }
    return Summary(**(values | changes))  # type: ignore[arg-type]
