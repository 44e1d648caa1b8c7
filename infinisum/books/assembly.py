"""From the documents of a book and its contents to chapters, and what is left out of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from infinisum.books.book import Chapter, LeftOut, Paragraph
from infinisum.books.chapters import keep_body, matter_of, split_at_headings
from infinisum.books.contents import Entry, Section, divide, without_title
from infinisum.books.headings import letters, parse_heading
from infinisum.books.html import Block, Document
from infinisum.books.matter import PLAIN
from infinisum.books.subtitles import titles_below

_TITLE_PAGE_WORDS = 300
_HALF_TITLE_WORDS = 20
_STRAY_WORDS = 5  # before the first chapter
_START_SHARE = 0.15  # the text begins in the first 15 % of the words, or the guide is wrong
_BY_LENGTH = ("title page", "front matter")  # reasons that rest on there being more text
_SUBTITLE = 6  # level of a title below a chapter number
_NUMBER = re.compile(r"\d+")
_FEW_WORDS = 5000  # a text longer than this with one line of contents is divided by its headings


@dataclass(slots=True)
class File:
    """A file of the reading order, read."""

    name: str
    document: Document
    types: frozenset[str] = frozenset()  # what guide and landmarks call it
    offset: int = 0  # index of its first block in the book


@dataclass(frozen=True, slots=True)
class Target:
    """A line of the contents: title, depth, the file and place it points to."""

    title: str
    level: int
    name: str
    fragment: str = ""


@dataclass(slots=True)
class Source:
    """All that is known of a book before it is divided."""

    files: list[File]
    contents: list[Target] = field(default_factory=list)
    title: str = ""
    start: str = ""  # name of the file where the text begins, "" unknown
    blocks: list[Block] = field(init=False)
    words: list[int] = field(init=False)  # running number of words before each block

    def __post_init__(self) -> None:
        self.blocks = []
        for file in self.files:
            file.offset = len(self.blocks)
            self.blocks += file.document.blocks
        counts = (len(block.text.split()) for block in self.blocks)
        self.words = list(accumulate(counts, initial=0))


def assemble(source: Source) -> tuple[list[Chapter], list[LeftOut]]:
    """Divides a book into chapters by its contents, or by its headings where that says nothing.

    Returns:
        The chapters, and what was left out: front and back matter, notes, footnote marks.
    """
    entries = _entries(source)
    by_headings = _heading_entries(source.blocks)
    if _says_little(source, entries) and len(by_headings) > max(len(entries), 1):
        entries = by_headings
    if _says_little(source, entries):
        chapters, left_out = _without_entries(source)
    else:
        chapters, left_out = _with_entries(source, entries)
    if not chapters and source.blocks:  # nothing but what looks like front matter: that is the text
        text = tuple(Paragraph(block.text) for block in source.blocks)
        chapters, left_out = [Chapter(source.title, text)], []
    return chapters, left_out + _dropped(source)


def _says_little(source: Source, entries: Sequence[Entry]) -> bool:
    telling = {entry.start for entry in entries if not matter_of(entry.title, "")}
    return not telling or (len(telling) < 2 and source.words[-1] > _FEW_WORDS)


def _entries(source: Source) -> list[Entry]:
    """Lines of the contents as places in the text, with the files they do not name."""
    by_name = {file.name: file for file in source.files}
    entries: list[Entry] = []
    named: set[str] = set()
    pending: list[tuple[str, int]] = []  # lines without a link: parts over what follows
    for line in source.contents:
        if not line.name:
            pending.append((line.title, line.level))
            continue
        if (file := by_name.get(line.name)) is None:
            continue
        place = file.document.anchors.get(line.fragment, 0) if line.fragment else 0
        at = file.offset + place
        entries += [Entry(title, level, at) for title, level in pending if level < line.level]
        pending.clear()
        entries.append(Entry(line.title, line.level, at))
        if place == 0:
            named.add(line.name)
    entries.sort(key=lambda entry: entry.start)
    return _with_unnamed(source, entries, named) if entries else []


def _with_unnamed(source: Source, entries: list[Entry], named: set[str]) -> list[Entry]:
    """Entries with those files the contents do not name, but which are not part of a chapter.

    A file without a line of its own goes on with the chapter before it, unless it is front or back
    matter or begins with the heading of a chapter.
    """
    starts = {entry.start for entry in entries}
    merged = list(entries)
    for file in source.files:
        blocks = file.document.blocks
        if not blocks or file.name in named or file.offset in starts:
            continue
        heading = blocks[0].text if blocks[0].level and "\n" not in blocks[0].text else ""
        types = file.types | file.document.types
        text = "\n\n".join(block.text for block in blocks)
        known = parse_heading(heading) if heading else None
        new_chapter = known is not None and known.kind != "capitals"
        if new_chapter or matter_of(heading, text, epub_types=types, filename=file.name):
            after = next((e for e in entries if e.start > file.offset), None)
            merged.append(Entry(heading, after.level if after else 1, file.offset))
    merged.sort(key=lambda entry: entry.start)
    return merged


def _heading_entries(blocks: Sequence[Block]) -> list[Entry]:
    """Contents made of the headings in the text."""
    entries: list[Entry] = []
    last = -2
    for index, block in enumerate(blocks):
        if not block.level or not letters(block.text):
            continue
        title = " ".join(block.text.split())
        heading_next = index + 1 < len(blocks) and bool(blocks[index + 1].level)
        joins = bool(entries) and last == index - 1 and _is_title_of(entries[-1].title, title)
        # "Part I", "Arrival" and text: the first chapter. "Part I", "Home", "Chapter 1": a title.
        if joins and (heading_next or _rank_of(entries[-1].title) != "part"):
            entries[-1].title = f"{entries[-1].title}: {title}"
        else:
            entries.append(Entry(title, block.level, index))
        last = index
    return entries


def _rank_of(title: str) -> str:
    heading = parse_heading(title)
    return heading.kind if heading else ""


def _is_title_of(label: str, title: str) -> bool:
    """Whether a heading right after a bare "Chapter I" is its title."""
    above, below = parse_heading(label), parse_heading(title)
    labels = ("chapter", "numeral", "part", "named")
    bare = above is not None and above.kind in labels and not above.title
    return bare and (below is None or below.kind == "capitals")


def _mark_titles(source: Source, entries: Sequence[Entry]) -> None:
    """Marks as headings the titles below bare numbers ("IV") that the contents name alone."""
    texts = [block.text for block in source.blocks]
    printed = [
        entry.start
        for entry in entries
        if entry.start < len(texts) and letters(texts[entry.start]) == letters(entry.title)
    ]
    for index in titles_below(texts, printed):
        source.blocks[index].level = source.blocks[index].level or _SUBTITLE


def _with_entries(source: Source, entries: Sequence[Entry]) -> tuple[list[Chapter], list[LeftOut]]:
    _mark_titles(source, entries)
    own_title = frozenset({letters(source.title)})
    sections = divide(entries, source.words, not_parts=own_title | _matter_titles(entries))
    by_offset = {file.offset: file for file in source.files if file.document.blocks}
    begin = _beginning(source, sections)
    chapters: list[Chapter] = []
    reasons: list[str | None] = []
    ignored = _ignored_types(source, sections)
    for section, after in zip(sections, [*sections[1:], None], strict=False):
        chapter = _chapter(source, section)
        file = by_offset.get(section.start)
        named = _is_named_chapter(section.title, after.title if after else "")
        reason = _reason(source, section, chapter, file, ignored, named=named)
        if reason is None and section.start < begin and not _is_chapter(section.title):
            reason = "front matter"
        if reason is None and all(reasons) and not named and chapter.words <= _STRAY_WORDS:
            reason = "title page"  # a date, a name
        chapters.append(chapter)
        reasons.append(reason)
    if all(reasons):  # a book of one sentence: what looked like a title page is its text
        both = zip(chapters, reasons, strict=True)
        reasons = [None if r in _BY_LENGTH and c.words else r for c, r in both]
    return keep_body(chapters, reasons)


def _matter_titles(entries: Sequence[Entry]) -> frozenset[str]:
    return frozenset(letters(entry.title) for entry in entries if matter_of(entry.title, ""))


def _is_chapter(title: str) -> bool:
    heading = parse_heading(title)
    return heading is not None and heading.kind != "capitals"


def _is_named_chapter(title: str, after: str) -> bool:
    """Whether the contents call a section a chapter, or count on from it: "Day 1", "Day 2"."""
    heading = parse_heading(title)
    if heading is not None and heading.kind not in ("capitals", "part"):
        return True
    like = _NUMBER.sub("#", title)
    return "#" in like and title != after and like == _NUMBER.sub("#", after)


def _beginning(source: Source, sections: Sequence[Section]) -> int:
    """Index of the block where the guide says the text begins, 0 where it cannot be right."""
    file = next((file for file in source.files if file.name == source.start), None)
    if file is None or source.words[file.offset] > _START_SHARE * source.words[-1]:
        return 0
    return file.offset if any(section.start == file.offset for section in sections) else 0


def _chapter(source: Source, section: Section) -> Chapter:
    blocks = source.blocks[section.start : section.end]
    skip = without_title(
        [block.text for block in blocks],
        [block.level for block in blocks],
        [section.title, *section.parts, source.title],
    )
    title = section.title
    if title and skip < len(blocks) and blocks[skip].level:
        below = " ".join(blocks[skip].text.split())
        if _is_title_of(title, below):  # the contents say "I", the page "I", "The Mail"
            title, skip = f"{title}: {below}", skip + 1
    paragraphs = tuple(Paragraph(block.text) for block in blocks[skip:])
    return Chapter(title, paragraphs, len(section.parts) + 1, section.parts)


def _types(source: Source, section: Section) -> frozenset[str]:
    """What all of a section is called by the sections of the file around it."""
    blocks = source.blocks[section.start : section.end]
    return frozenset.intersection(*(block.types for block in blocks))


def _ignored_types(source: Source, sections: Sequence[Section]) -> frozenset[str]:
    """Types that say nothing in this book: it calls its imprint body matter too."""
    body = frozenset({"bodymatter", "chapter"})
    if any(
        matter_of(section.title, "") in PLAIN and body & _types(source, section)
        for section in sections
    ):
        return body
    return frozenset()


def _reason(
    source: Source,
    section: Section,
    chapter: Chapter,
    file: File | None,
    ignored: frozenset[str],
    *,
    named: bool,
) -> str | None:
    """Why a section is left out; `keep_body` has the last word."""
    blocks = source.blocks[section.start : section.end]
    types = _types(source, section) - ignored
    name = ""
    if file is not None:
        types |= file.types
        name = file.name if len(blocks) >= len(file.document.blocks) else ""
    text = chapter.text
    if reason := matter_of(section.title, text, epub_types=types, filename=name):
        return reason
    if section.is_part or not chapter.paragraphs:
        return "part title"
    untitled = letters(section.title) in ("", letters(source.title))
    first = section.start == 0
    most = _TITLE_PAGE_WORDS if untitled and first else _HALF_TITLE_WORDS
    if untitled or (first and not named):
        few = chapter.words <= most and section.end < len(source.blocks)
        return "title page" if few else None
    return None


def _without_entries(source: Source) -> tuple[list[Chapter], list[LeftOut]]:
    """No contents and no marked headings: front matter by file, the rest by its look."""
    kept: list[Paragraph] = []
    left_out: list[LeftOut] = []
    for file in source.files:
        blocks = file.document.blocks
        text = "\n\n".join(block.text for block in blocks)
        types = file.types | file.document.types
        title = blocks[0].text if blocks and blocks[0].level else ""
        reason = matter_of(title, text, epub_types=types, filename=file.name) if blocks else None
        if reason and len(source.files) > 1:
            left_out.append(LeftOut(title or file.name, reason, len(text.split())))
        else:
            kept += [Paragraph(block.text) for block in blocks]
    chapters, more = keep_body(split_at_headings(kept))
    return chapters, left_out + more


def _dropped(source: Source) -> list[LeftOut]:
    """Footnotes and their marks, and files without text."""
    dropped: list[LeftOut] = []
    titles = {line.name: line.title for line in reversed(source.contents) if not line.fragment}
    for file in source.files:
        what = titles.get(file.name, file.document.title or file.name)
        if file.document.note_words:
            inside = f"Footnotes of {what}" if file.document.blocks else what
            dropped.append(LeftOut(inside, "notes", file.document.note_words))
        elif not file.document.blocks:
            types = file.types | file.document.types
            reason = matter_of(what, "", epub_types=types, filename=file.name)
            dropped.append(LeftOut(what, reason or "page without text"))
    if marks := sum(file.document.marks for file in source.files):
        dropped.append(LeftOut(f"{marks} footnote marks", "footnote marks", marks))
    return dropped
