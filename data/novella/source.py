"""The novella as it was written: Markdown chapters and JSON beside them, parsed once for all forms.

A chapter is `# Title`, then one paragraph a line between blank lines. Known inside a paragraph:
`*italic*` and footnote marks `[^1]`. Lines that start with `> ` are verse, one line each, a blank
line between stanzas. Footnotes, `[^1]: text`, stand at the end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

INLINE = re.compile(r"\*([^*]+)\*|\[\^(\w+)\]")
NOTE = re.compile(r"\[\^(\w+)\]:\s+(.*)")
SENTENCE_END = re.compile(r"(?<=[.!?])[”’]?\s+(?=[“‘A-Z])")
ABBREVIATIONS = ("Mr.", "Mrs.", "Dr.", "St.", "Rev.", "Capt.", "No.")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text of one kind; `note` is the number of a footnote mark, which has no text."""

    text: str
    italic: bool = False
    note: int = 0


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (one line) or a stanza of verse (several)."""

    lines: tuple[Line, ...]
    verse: bool = False

    @property
    def plain(self) -> str:
        """The text alone, verse with its line breaks."""
        return "\n".join("".join(span.text for span in line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter; `number` runs through the book from 1, notes are numbered from 1 in each."""

    number: int
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[Line, ...]

    @property
    def plain(self) -> str:
        """Paragraphs joined by blank lines, without footnotes and their marks."""
        return "\n\n".join(block.plain for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Part:
    """A part and its chapters."""

    title: str  # "Part One: The Staff"
    chapters: tuple[Chapter, ...]

    @property
    def ordinal(self) -> str:
        """The number of the part: "Part One"."""
        return self.title.partition(": ")[0]

    @property
    def name(self) -> str:
        """The title without the number: "The Staff"."""
        return self.title.partition(": ")[2]


@dataclass(frozen=True, slots=True)
class Novella:
    """The whole book with its reference summaries."""

    title: str
    author: str
    language: str
    rights: str
    date: str  # a year or a day, ISO 8601: the only date that any built file carries
    parts: tuple[Part, ...]
    book_summary: str
    chapter_summaries: tuple[str, ...]

    @property
    def day(self) -> tuple[int, int, int]:
        """The date as year, month and day, the first of January where it is only a year."""
        year, month, day = (*map(int, self.date.split("-")), 1, 1)[:3]
        return year, month, day

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """All chapters in reading order."""
        return tuple(chapter for part in self.parts for chapter in part.chapters)


def parse_line(text: str, numbers: dict[str, int]) -> Line:
    """Split a line into spans; `numbers` gives the number of each footnote by its label."""
    spans: list[Span] = []
    end = 0
    for match in INLINE.finditer(text):
        if match.start() > end:
            spans.append(Span(text[end : match.start()]))
        italic, label = match.groups()
        spans.append(Span(italic, italic=True) if italic else Span("", note=numbers[label]))
        end = match.end()
    if end < len(text):
        spans.append(Span(text[end:]))
    return tuple(spans)


def parse_chapter(markdown: str, number: int) -> Chapter:
    """Parse one chapter file."""
    heading, _, body = markdown.partition("\n")
    texts = {match[1]: match[2] for match in NOTE.finditer(body)}
    numbers = {label: index for index, label in enumerate(texts, start=1)}
    blocks: list[Block] = []
    for chunk in re.split(r"\n\s*\n", NOTE.sub("", body).strip()):
        lines = chunk.splitlines()
        verse = chunk.startswith("> ")
        if verse:
            lines = [line.removeprefix("> ").rstrip() for line in lines]
        parsed = tuple(parse_line(line.strip(), numbers) for line in lines)
        blocks.append(Block(parsed, verse))
    notes = tuple(parse_line(text, numbers) for text in texts.values())
    return Chapter(number, heading.removeprefix("# ").strip(), tuple(blocks), notes)


def load(folder: Path) -> Novella:
    """Read `metadata.json`, `summaries.json` and the chapters that the parts name."""
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    summaries = json.loads((folder / "summaries.json").read_text(encoding="utf-8"))

    def chapter(number: int) -> Chapter:
        path = folder / "chapters" / f"{number:02d}.md"
        return parse_chapter(path.read_text(encoding="utf-8"), number)

    parts = tuple(
        Part(part["title"], tuple(chapter(number) for number in part["chapters"]))
        for part in metadata["parts"]
    )
    return Novella(
        title=metadata["title"],
        author=metadata["author"],
        language=metadata["language"],
        rights=metadata["rights"],
        date=metadata["date"],
        parts=parts,
        book_summary=summaries["book"],
        chapter_summaries=tuple(summaries["chapters"]),
    )


def roman(number: int) -> str:
    """A number from 1 to 3999 in Roman numerals."""
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    symbols = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    out = ""
    for value, symbol in zip(values, symbols, strict=True):
        count, number = divmod(number, value)
        out += symbol * count
    return out


def sentences(text: str) -> list[str]:
    """The sentences of a summary of ours: enough for our own prose, not for any text."""
    out: list[str] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        sentence = text[start : match.end()].strip()
        if sentence.endswith(ABBREVIATIONS):
            continue
        out.append(sentence)
        start = match.end()
    out.append(text[start:].strip())
    return [sentence for sentence in out if sentence]
