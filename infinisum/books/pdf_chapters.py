"""Chapters of a PDF: by its outline, or by the size and weight of its headings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from infinisum.books.assembly import File, Source, Target, assemble
from infinisum.books.book import Chapter, LeftOut, Paragraph
from infinisum.books.chapters import split_at_headings
from infinisum.books.contents_page import find_contents
from infinisum.books.headings import letters, parse_heading
from infinisum.books.html import Block, Document
from infinisum.books.pdf_paragraphs import PdfParagraph
from infinisum.books.subtitles import titles_below

_LARGE = 1.12  # of the body's font size: a heading
_HEADING_WORDS = 30
_CLASSES = 5  # sizes of headings told apart
_STYLED_SHARE = 0.5  # of the headings by their words that also look like headings
_CHAPTER_WORDS = 300  # words a chapter has on average, or its headings are something else
_ABOVE = 3.0  # points an outline may point below the baseline of its heading
_SUBTITLE = 6  # level of a title below a chapter number
_NAME = "book.pdf"


@dataclass(frozen=True, slots=True)
class OutlineLine:
    """One line of a PDF's outline ("bookmarks")."""

    title: str
    level: int  # 1 at the top
    page: int  # from 1
    height: float | None  # points from the bottom edge it points to


def divide_pdf(
    paragraphs: Sequence[PdfParagraph],
    outline: Sequence[OutlineLine],
    title: str,
    size: float,
) -> tuple[list[Chapter], list[LeftOut]]:
    """Chapters of a PDF, each paragraph with its page, and what was left out.

    Args:
        paragraphs: of the whole file in order.
        outline: its lines, none where the file has no outline.
        title: of the book, "" where unknown.
        size: font size of the body, points.
    """
    listing = find_contents([paragraph.text for paragraph in paragraphs])
    left_out: list[LeftOut] = []
    if listing is not None:
        start, end = listing
        words = sum(len(paragraph.text.split()) for paragraph in paragraphs[start:end])
        left_out.append(LeftOut(paragraphs[start].text.partition("\n")[0], "contents", words))
        paragraphs = [*paragraphs[:start], *paragraphs[end:]]
    levels = _heading_levels(paragraphs, size)
    if not _levels_say_more(paragraphs, levels):
        levels = [0] * len(paragraphs)
    texts = [paragraph.text for paragraph in paragraphs]
    placed = [(line, _place(paragraphs, line)) for line in outline]
    placed = [(line, place) for line, place in placed if place < len(paragraphs)]
    printed = [place for line, place in placed if letters(texts[place]) == letters(line.title)]
    styled = [index for index, level in enumerate(levels) if level]
    below = titles_below(texts, printed if outline else styled)
    for index in below:
        levels[index] = _SUBTITLE
    document = Document([Block(text, level) for text, level in zip(texts, levels, strict=True)])
    contents = []
    for number, (line, place) in enumerate(placed):
        full = " ".join(texts[place + 1].split()) if place in printed and place + 1 in below else ""
        name = f"{line.title}: {full}" if full else line.title
        contents.append(Target(name, line.level, _NAME, str(number)))
        document.anchors[str(number)] = place
    chapters, matter = assemble(Source([File(_NAME, document)], contents, title))
    chapters = _with_pages(chapters, paragraphs)
    if len(chapters) == 1 and not chapters[0].title:
        chapters = [
            _titled(
                chapters[0],
                [text for text, level in zip(texts, levels, strict=True) if level],
                title,
            )
        ]
    return chapters, left_out + matter


def _titled(chapter: Chapter, headings: Sequence[str], title: str) -> Chapter:
    """The one chapter of a short piece with its heading as its title, else with the book's."""
    first = chapter.paragraphs[0].text
    if first in headings and len(chapter.paragraphs) > 1:
        return replace(chapter, title=" ".join(first.split()), paragraphs=chapter.paragraphs[1:])
    return replace(chapter, title=title)


def _heading_levels(paragraphs: Sequence[PdfParagraph], size: float) -> list[int]:
    """For each paragraph 1 to 6 where it looks like a heading, the largest first, else 0."""
    bold_body = sum(len(p.text) for p in paragraphs if p.bold) * 2 > sum(
        len(p.text) for p in paragraphs
    )
    looks: dict[tuple[float, bool], list[int]] = defaultdict(list)
    for index, paragraph in enumerate(paragraphs):
        large = paragraph.size >= _LARGE * size
        bold = paragraph.bold and not bold_body and paragraph.size >= 0.9 * size
        if (large or bold) and len(paragraph.text.split()) <= _HEADING_WORDS:
            looks[round(paragraph.size), paragraph.bold].append(index)
    classes = [
        look
        for look, found in looks.items()
        if len(found) > 1 or parse_heading(paragraphs[found[0]].text) is not None
    ]
    if not classes and len(looks) == 1:  # a short piece under its title
        classes = list(looks)
    levels = [0] * len(paragraphs)
    for level, look in enumerate(sorted(classes, reverse=True)[: _CLASSES + 1], start=1):
        for index in looks[look]:
            levels[index] = level
    return levels


def _levels_say_more(paragraphs: Sequence[PdfParagraph], levels: Sequence[int]) -> bool:
    """Whether the look of headings divides the book, rather than their words ("Chapter 4")."""
    by_words = split_at_headings([Paragraph(paragraph.text) for paragraph in paragraphs])
    titles = Counter(letters(section.title) for section in by_words if section.title)
    if len(titles) < 2:
        return any(levels)
    styled = sum(
        1
        for paragraph, level in zip(paragraphs, levels, strict=True)
        if level and any(title.startswith(letters(paragraph.text)) for title in titles)
    )
    if styled >= _STYLED_SHARE * len(titles):
        return True
    words = sum(len(paragraph.text.split()) for paragraph in paragraphs)
    count = sum(map(bool, levels))
    return len(titles) < count <= words / _CHAPTER_WORDS


def _place(paragraphs: Sequence[PdfParagraph], line: OutlineLine) -> int:
    """Index of the paragraph a line of the outline points to."""
    at = next((i for i, p in enumerate(paragraphs) if p.page >= line.page), len(paragraphs))
    on_page = [paragraph for paragraph in paragraphs[at:] if paragraph.page == line.page]
    said = [letters(paragraph.text) for paragraph in on_page]
    wanted = letters(line.title)
    if wanted in said:
        return at + said.index(wanted)
    for index, (first, second) in enumerate(pairwise(said)):
        if first and first + second == wanted:  # number and title, one below the other
            return at + index
    if line.height is not None:
        below = (i for i, paragraph in enumerate(on_page) if paragraph.y <= line.height + _ABOVE)
        return at + next(below, len(on_page))
    if wanted:
        begun = (i for i, text in enumerate(said) if text and wanted.startswith(text))
        return at + next(begun, 0)
    return at


def _with_pages(chapters: Sequence[Chapter], paragraphs: Sequence[PdfParagraph]) -> list[Chapter]:
    """The chapters with the page each paragraph begins on; they kept the order of the file."""
    at = 0
    numbered = []
    for chapter in chapters:
        own = []
        for paragraph in chapter.paragraphs:
            while at < len(paragraphs) and paragraphs[at].text != paragraph.text:
                at += 1
            page = paragraphs[at].page if at < len(paragraphs) else None
            own.append(replace(paragraph, page=page))
            at += 1
        numbered.append(replace(chapter, paragraphs=tuple(own)))
    return numbered
