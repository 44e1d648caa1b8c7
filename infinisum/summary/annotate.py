"""What a second look at the text adds to a summary: evidence, people and places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from infinisum.books.book import Chapter
from infinisum.books.selection import Part
from infinisum.books.sentences import split_sentences
from infinisum.summary.evidence import find_evidence
from infinisum.summary.people import find_people
from infinisum.summary.summary import Summary


def annotate(summary: Summary, part: Part, *, evidence: bool = True) -> Summary:
    """Add people and places, and the evidence of every written sentence.

    Args:
        summary: of the text that was read.
        part: that text, from the book or from a reading; no more of the book is looked at.
        evidence: whether to look for evidence.
    """
    people, places = find_people(lambda: _chapters(part), part.book.language)
    summary = replace(summary, people=people, places=places)
    return _with_evidence(summary, part) if evidence else summary


def _chapters(part: Part) -> Iterator[tuple[int, Chapter]]:
    """The chapters that were read, with their numbers in the book."""
    return zip(part.numbers, part.book.chapters, strict=True)


def _with_evidence(summary: Summary, part: Part) -> Summary:
    levels = [(None, summary.text), *((c.number, c.text) for c in summary.chapters)]
    book, *of_chapters = find_evidence(
        [(number, split_sentences(text)) for number, text in levels],
        lambda: _chapters(part),
        part.book.language,
    )
    chapters = tuple(
        replace(chapter, sentences=sentences)
        for chapter, sentences in zip(summary.chapters, of_chapters, strict=True)
    )
    written = [sentence for sentences in (book, *of_chapters) for sentence in sentences]
    grounding = replace(
        summary.grounding,
        sentences=len(written),
        unsupported_sentences=tuple(s.text for s in written if not s.supported),
    )
    return replace(summary, sentences=book, chapters=chapters, grounding=grounding)
