"""Figures other people published, copied: never measured here, and on the test split.

BookSum's test split is harder than its validation split: the best trivial row scores about 12.6
there against 14.2 here, so these belong beside ours for scale only.
"""

from __future__ import annotations

from dataclasses import dataclass

UNLIMIFORMER = "arXiv 2305.01625"
INFINI = "arXiv 2404.07143"


@dataclass(frozen=True, slots=True)
class Published:
    """One copied row: ROUGE F1 by the SCROLLS convention."""

    name: str
    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 - the name the field uses
    overall: float | None  # geometric mean, where it was published
    source: str


BOOKS: tuple[Published, ...] = (
    Published("BART", 36.4, 7.6, 15.3, 16.2, UNLIMIFORMER),
    Published("BART + Unlimiformer", 36.8, 8.3, 15.7, 16.9, UNLIMIFORMER),
    Published("PRIMERA", 38.6, 7.2, 15.6, 16.3, UNLIMIFORMER),
    Published("PRIMERA + Unlimiformer", 37.9, 8.2, 16.3, 17.2, UNLIMIFORMER),
    Published("Infini-Transformer 8B, linear", 37.9, 8.7, 17.6, 18.0, INFINI),
    Published("Infini-Transformer 8B, linear + delta", 40.0, 8.8, 17.9, 18.5, INFINI),
)
_CARD = "its model card on the Hugging Face hub"
CHAPTERS: tuple[Published, ...] = (
    Published("long-t5-tglobal-base-16384-book-summary", 36.2, 6.0, 16.6, None, _CARD),
    Published("pegasus-x-large-book-summary", 35.2, 6.9, 17.7, None, _CARD),
    Published("led-large-book-summary", 31.7, 5.3, 16.1, None, _CARD),
)
PUBLISHED = {"book": BOOKS, "chapter": CHAPTERS}
