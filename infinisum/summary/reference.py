"""Comparing a summary with a reference by ROUGE: `--reference FILE`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infinisum.errors import InputError, UsageError
from infinisum.rouge import RougeScores, corpus_rouge, rouge
from infinisum.summary.summary import Rouge, Summary

FORMS_HINT = 'Give a text, or JSON: {"book": "…", "chapters": ["…", "…"]}.'


@dataclass(frozen=True, slots=True)
class Reference:
    """Summaries by people."""

    source: str  # the file
    book: str  # "" where there is none
    chapters: dict[int, str]  # by the chapter's number, from 1


def load_reference(path: Path) -> Reference:
    """Read a reference: a text is the summary of the book; JSON may have chapters too.

    In JSON, `book` is a text and `chapters` a list with one entry a chapter, in order: a text, an
    object with a text under `summary`, or null where there is none.

    Raises:
        InputError: missing, not UTF-8, or without any summary.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(f"{path}: cannot read the reference, {reason.lower()}.") from error
    reference = Reference(str(path), text.strip(), {})
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        reference = _from_json(path, text)
    if not reference.book and not reference.chapters:
        raise InputError(f"{path}: no summary in it.", FORMS_HINT)
    return reference


def compare(summary: Summary, reference: Reference) -> Summary:
    """The summary with its ROUGE scores: of the book, and the mean over its chapters.

    Raises:
        UsageError: no level has both a summary and a reference.
    """
    scores = []
    if reference.book and summary.running_text:
        scores.append(_scores("book", [rouge(summary.running_text, reference.book, lsum=False)]))
    pairs = [
        rouge(chapter.running_text, reference.chapters[chapter.number], lsum=False)
        for chapter in summary.chapters
        if chapter.running_text and chapter.number in reference.chapters
    ]
    if pairs:
        scores.append(_scores("chapters", pairs))
    if not scores:
        raise UsageError(
            f"{reference.source}: nothing to compare at --level {summary.making.level}.",
            "The reference has summaries of another level only.",
        )
    return replace(summary, rouge=tuple(scores))


def _scores(level: str, pairs: list[RougeScores]) -> Rouge:
    mean = corpus_rouge(pairs)
    return Rouge(level, len(pairs), mean.rouge1, mean.rouge2, mean.rougeL, mean.geometric_mean)


def _from_json(path: Path, text: str) -> Reference:
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: no JSON, {error}.", FORMS_HINT) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: no JSON object.", FORMS_HINT)
    book, chapters = content.get("book") or "", content.get("chapters") or []
    if not isinstance(book, str) or not isinstance(chapters, list):
        raise InputError(f"{path}: book is not a text, or chapters not a list.", FORMS_HINT)
    return Reference(str(path), book.strip(), dict(_chapters(path, chapters)))


def _chapters(path: Path, chapters: list[Any]) -> Iterator[tuple[int, str]]:
    for number, entry in enumerate(chapters, start=1):
        text = entry.get("summary") if isinstance(entry, dict) else entry
        if text is not None and not isinstance(text, str):
            raise InputError(f"{path}: chapter {number} is no text.", FORMS_HINT)
        if text and text.strip():
            yield number, text.strip()
