"""The Markdown form: what a reader gets by default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from infinisum.document.phrases import (
    OWN_WORDS,
    by_chapter,
    coverage,
    facts,
    grounding,
    heading,
    left_out,
    nothing,
    numbered,
    origin,
    place,
    quotable,
    running,
)
from infinisum.summary.summary import ChapterSummary, Passage, Summary, one_line

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)")
_LINE_START = re.compile(r"^(\d{1,9})([.)])|^([#+=-])", re.MULTILINE)


def escape(text: str) -> str:
    """Text of a book such that Markdown shows it as it is."""
    text = _SPECIAL.sub(r"\\\g<0>", text)
    return _LINE_START.sub(lambda m: rf"{m[1]}\{m[2]}" if m[1] else rf"\{m[3]}", text)


def to_markdown(summary: Summary) -> str:
    """A summary as a Markdown document (CommonMark with tables)."""
    blocks = [_title(summary)]
    if summary.author:
        blocks.append(f"by {escape(summary.author)}")
    blocks.append(f"> {escape(facts(summary))}")
    if summary.part:
        blocks.append(f"*{escape(summary.part)}*")
    if summary.text or summary.passages:
        blocks += ["## Summary", *_book(summary)]
    if summary.making.level != "book":
        blocks += ["## Chapter by chapter", *_chapters(summary.chapters)]
    blocks += ["## How well is this grounded", *_grounding(summary)]
    if summary.left_out:
        blocks += ["## Left out of the source", _list(map(_line, left_out(summary)))]
    return "\n\n".join(blocks) + "\n"


def _title(summary: Summary) -> str:
    return f"# {_line(summary.title)}"


def _book(summary: Summary) -> list[str]:
    blocks = _paragraphs(summary.text)
    if summary.passages:
        titles = {chapter.number: chapter.title for chapter in summary.chapters}
        note = "¶ is the paragraph of the chapter"
        blocks.append(f"*{OWN_WORDS}; {note}:*")
        for number, passages in by_chapter(summary.passages):
            title = _line(numbered(number, titles.get(number, "")))
            blocks.append(f"> **{title}** — {escape(running(passages))}")
    return blocks


def _chapters(chapters: Sequence[ChapterSummary]) -> list[str]:
    blocks: list[str] = []
    parts: tuple[str, ...] = ()
    for chapter in chapters:
        if chapter.parts != parts:
            parts = chapter.parts
            blocks.append(f"**{_line(' · '.join(parts))}**" if parts else "---")
        blocks.append(f"### {_line(heading(chapter))}")
        blocks += _paragraphs(chapter.text)
        if chapter.passages:
            blocks.append(_quotation(chapter.passages))
        if not chapter.text and not chapter.passages:
            blocks.append(f"*{nothing(chapter)}*")
    return blocks


def _grounding(summary: Summary) -> list[str]:
    blocks = [escape(origin(summary))]
    lines = [f"**{what}:** {escape(line)}" for what, line in grounding(summary)]
    if lines:
        blocks.append(_list(lines))
    tenths = coverage(summary)
    if tenths:
        blocks.append("Where in the book the quoted words stand:")
        blocks.append(_table([name for name, _ in tenths], [[share for _, share in tenths]]))
    if summary.rouge:
        blocks.append("ROUGE against the reference (F1, no stemmer, L without sentences):")
        rows = [
            [f"{r.level} ({r.texts})"]
            + [f"{value:.1f}" for value in (r.rouge1, r.rouge2, r.rouge_l, r.mean)]
            for r in summary.rouge
        ]
        blocks.append(_table(["texts", "ROUGE-1", "ROUGE-2", "ROUGE-L", "geometric mean"], rows))
    return blocks


def _quotation(passages: Sequence[Passage]) -> str:
    """Sentences of the book with their place, a paragraph each."""
    quoted = []
    for passage in passages:
        lines = [escape(line.strip()) for line in quotable(passage.text).split("\n")]
        quoted.append("\\\n> ".join(lines) + f" ({place(passage)})")
    return "> " + "\n>\n> ".join(quoted)


def _paragraphs(text: str) -> list[str]:
    return [escape(one_line(paragraph)) for paragraph in text.split("\n") if paragraph.strip()]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(text: str) -> str:
    """Escaped text for a heading or a list item; a # at the end would be taken for its close."""
    return re.sub(r"#+$", lambda m: "\\#" * len(m[0]), escape(one_line(text)))
