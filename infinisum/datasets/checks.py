"""What is wrong with a document, as far as its text and its summary show."""

from __future__ import annotations

from functools import lru_cache

from infinisum.datasets.document import Document
from infinisum.summary.grounding import BookWords, supported

# Measured on BookSum's training chapters: of summaries of another book 96.6 % are below, of
# summaries of their own chapter 1 %.
LEAST_OVERLAP = 0.25
LEAST_NAMES = 3  # fewer say nothing


def refusal(document: Document) -> str:
    """Why a document is of no use; "" where it is of use."""
    if not document.text:
        return "no text"
    if not document.summary:
        return "no summary"
    if len(document.summary.split()) > len(document.text.split()):
        return "summary longer than text"
    overlap = name_overlap(document.summary, document.text)
    if overlap is not None and overlap < LEAST_OVERLAP:
        return "summary of another book"
    return ""


def name_overlap(summary: str, text: str) -> float | None:
    """Share of the summary's names that occur in the text, 0 … 1; None with too few names."""
    names, found, _, _ = supported(summary, _words(text))
    return found / names if names >= LEAST_NAMES else None


@lru_cache(maxsize=8)  # a text with several summaries is read once
def _words(text: str) -> BookWords:
    words = BookWords()
    words.add(text)
    return words
