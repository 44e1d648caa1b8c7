"""The Markdown form: what a reader gets by default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from infinisum.document.anchors import heading_anchors
from infinisum.document.phrases import (
    MARKS,
    OWN_WORDS,
    PEOPLE_SHOWN,
    PLACES_SHOWN,
    UNSUPPORTED,
    also,
    by_chapter,
    company,
    coverage,
    facts,
    first_place,
    grounding,
    heading,
    left_out,
    mark,
    nothing,
    numbered,
    origin,
    place,
    quotable,
    running,
    unsupported,
)
from infinisum.lines import one_line
from infinisum.summary.summary import (
    ChapterSummary,
    Passage,
    Person,
    Place,
    Summary,
    WrittenSentence,
)

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)")
_LINE_START = re.compile(r"^(\d{1,9})([.)])|^([#+=-])", re.MULTILINE)


def escape(text: str) -> str:
    """Text of a book such that Markdown shows it as it is."""
    text = _SPECIAL.sub(r"\\\g<0>", text)
    return _LINE_START.sub(lambda m: rf"{m[1]}\{m[2]}" if m[1] else rf"\{m[3]}", text)


def to_markdown(summary: Summary) -> str:
    """A summary as a Markdown document (CommonMark with tables)."""
    links = _Links(summary)
    blocks = [_title(summary)]
    if summary.author:
        blocks.append(f"by {escape(summary.author)}")
    blocks.append(f"> {escape(facts(summary))}")
    if summary.part:
        blocks.append(f"*{escape(summary.part)}*")
    if summary.text or summary.passages:
        blocks += ["## Summary", *_book(summary, links)]
    if summary.making.level != "book":
        blocks += ["## Chapter by chapter", *_chapters(summary.chapters)]
    if summary.people or summary.places:
        blocks += ["## People", *_people(summary, links)]
    blocks += ["## How well is this grounded", *_grounding(summary)]
    if summary.left_out:
        blocks += ["## Left out of the source", _list(map(_line, left_out(summary)))]
    return "\n\n".join(blocks) + "\n"


class _Links:
    """Links to the headings of the chapters; plain text where the chapters have none."""

    def __init__(self, summary: Summary) -> None:
        self._anchors: dict[int, str] = {}
        if summary.making.level != "book":
            before = [one_line(summary.title)]
            before += ["Summary"] if summary.text or summary.passages else []
            before += ["Chapter by chapter"]
            chapters = [one_line(heading(chapter)) for chapter in summary.chapters]
            anchors = heading_anchors([*before, *chapters])[len(before) :]
            numbers = (chapter.number for chapter in summary.chapters)
            self._anchors = dict(zip(numbers, anchors, strict=True))

    def to_chapter(self, number: int, text: str) -> str:
        """Text, already escaped, that leads to a chapter's heading."""
        anchor = self._anchors.get(number)
        return f"[{text}](#{anchor})" if anchor else text


def _title(summary: Summary) -> str:
    return f"# {_line(summary.title)}"


def _book(summary: Summary, links: _Links) -> list[str]:
    blocks = _written(summary.text, summary.sentences, links)
    if summary.sentences:
        blocks.append(f"*{MARKS}.*")
    if summary.passages:
        titles = {chapter.number: chapter.title for chapter in summary.chapters}
        note = "¶ is the paragraph of the chapter"
        blocks.append(f"*{OWN_WORDS}; {note}:*")
        for number, passages in by_chapter(summary.passages):
            title = _line(numbered(number, titles.get(number, "")))
            title = links.to_chapter(number, title)
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
        blocks += _written(chapter.text, chapter.sentences, None)
        if chapter.passages:
            blocks.append(_quotation(chapter.passages))
        if not chapter.text and not chapter.passages:
            blocks.append(f"*{nothing(chapter)}*")
    return blocks


def _written(text: str, sentences: Sequence[WrittenSentence], links: _Links | None) -> list[str]:
    """What the model wrote, each sentence with its evidence where that was looked for.

    Args:
        text: the whole of it.
        sentences: with their evidence; empty where none was looked for.
        links: to the chapters; None inside a chapter, where the paragraph alone says enough.
    """
    if not sentences:
        return [escape(one_line(part)) for part in text.split("\n") if part.strip()]
    pieces = []
    for sentence in sentences:
        shown = mark(sentence, with_chapter=links is not None)
        if sentence.evidence is None or not sentence.supported:
            shown = f"*{UNSUPPORTED}*"
        elif links is not None:
            shown = links.to_chapter(sentence.evidence.chapter, shown)
        pieces.append(f"{escape(one_line(sentence.text))} ({shown})")
    return [" ".join(pieces)]


def _people(summary: Summary, links: _Links) -> list[str]:
    """Tables of people and places."""
    blocks = []
    if summary.people:
        rows = [
            [*_named(person, links), escape(company(person))]
            for person in summary.people[:PEOPLE_SHOWN]
        ]
        header = ["name", "mentions", "first in", "most often with"]
        blocks.append(_table(header, rows, align=":-::"))
    if summary.places:
        rows = [_named(found, links) for found in summary.places[:PLACES_SHOWN]]
        blocks.append(_table(["place", "mentions", "first in"], rows, align=":-:"))
    return blocks


def _named(found: Person | Place, links: _Links) -> list[str]:
    """The first cells of a row: name and other names, mentions, first place."""
    others = also(found)
    name = f"**{_line(found.name)}**" + (f" ({escape(others)})" if others else "")
    return [name, f"{found.mentions:,}", links.to_chapter(found.chapter, first_place(found))]


def _grounding(summary: Summary) -> list[str]:
    blocks = [escape(origin(summary))]
    lines = [f"**{what}:** {escape(line)}" for what, line in grounding(summary)]
    if lines:
        blocks.append(_list(lines))
    missing = unsupported(summary)
    if missing:
        blocks += ["Sentences without support in the book:", _list(map(_line, missing))]
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


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A table; `align` has a letter a column, ":" for left and "-" for right (the default)."""
    rules = [":---" if side == ":" else "---:" for side in align or "-" * len(header)]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(text: str) -> str:
    """Escaped text for a heading or a list item; a # at the end would be taken for its close."""
    return re.sub(r"#+$", lambda m: "\\#" * len(m[0]), escape(one_line(text)))
