"""From the lines of a PDF's pages to paragraphs: by indents, gaps and short last lines."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from infinisum.books.clean import Vocabulary, join_lines
from infinisum.books.pdf_lines import Line, Page

_INDENT = 0.7  # of the font size: a line this far in begins a paragraph
_SAME_INDENT = 0.3  # of the font size
_GAP = 1.3  # of the usual distance of lines: more is a gap between paragraphs
_SLACK = 0.8  # of the font size: room at a line's end beyond the next word, before it is short
_OTHER_SIZE = 0.08  # of the font size: lines that differ by more are not one paragraph
_BODY = 0.06  # of the font size: lines this near are body text
_CAP_SIZE = 1.6  # of the body's font size: a letter set this large is an initial
_MARKED_SHARE = 0.5  # of paragraph ends that show by indent or gap: that is the book's way
_BLOCK_LINES = 3  # lines equally far in that make a block with a right margin of its own
_NARROW = frozenset("iljtfrI.,;:'’‘!|()[]- ")
_WIDE = frozenset("mwMW—…%@")
_ENDS = re.compile(r"[.!?…:;][”’\"')\]»]*$|[”’\"»—]$")
_CONTENTS_LINE = re.compile(r"(?:\s*[.·…]){4,}\s*(?:\d{1,4}|[ivxlc]{1,8})$")


@dataclass(slots=True)
class PdfParagraph:
    """A paragraph, and how it is set."""

    text: str
    page: int
    y: float  # baseline of its first line, points
    size: float
    bold: bool


@dataclass(slots=True)
class _Margins:
    """Where the text of a page begins and ends, points."""

    left: float
    right: float


class _Layout:
    """What is usual in a document: margins by page, distance of lines, how paragraphs show."""

    def __init__(self, pages: Sequence[Page], size: float) -> None:
        self.size = size
        self._sides = [_margins(pages[side::2], size) for side in (0, 1)]
        self._rights = {
            id(line): right for page in pages for line, right in self._block_rights(page)
        }
        pairs = [
            (above, below)
            for page in pages
            for above, below in pairwise(page.lines)
            if max(abs(above.size - size), abs(below.size - size)) < _BODY * size
        ]
        self.pitch = _usual_step(pairs, size)
        ends = [pair for pair in pairs if _ENDS.search(pair[0].text) and self.is_short(*pair)]
        self.spaced = sum(self.is_gap(*pair) for pair in ends) > _MARKED_SHARE * len(ends)
        indents = Counter(
            round(self.indent(below), 1) for _, below in ends if self.indent(below) > _INDENT
        )
        self.first_indent = indents.most_common(1)[0][0] if indents else 0.0
        indented = [pair for pair in ends if self.is_indented(pair[1])]
        self.indented = len(indented) > _MARKED_SHARE * len(ends) and not self.spaced

    def _margins_of(self, line: Line) -> _Margins:
        return self._sides[(line.page - 1) % 2]

    def indent(self, line: Line) -> float:
        """How far in a line begins, in font sizes."""
        return (line.x0 - self._margins_of(line).left) / self.size

    def is_indented(self, line: Line) -> bool:
        """Whether a line begins as far in as the first lines of paragraphs do."""
        return self.first_indent > 0 and abs(self.indent(line) - self.first_indent) < _SAME_INDENT

    def is_gap(self, above: Line, below: Line) -> bool:
        """Whether there is more room between two lines of a page than between any two."""
        pitch = self.pitch * max(above.size, below.size, self.size) / self.size
        return above.page == below.page and above.y - below.y > _GAP * pitch

    def is_short(self, line: Line, following: Line) -> bool:
        """Whether the first word of the following line had room at the end of this one."""
        word = following.text.split(maxsplit=1)[0]
        width = (following.x1 - following.x0) * _breadth(word) / _breadth(following.text)
        return self._rights[id(line)] - line.x1 > width + _SLACK * line.size

    def _block_rights(self, page: Page) -> Iterator[tuple[Line, float]]:
        """The right margin for each line: of the page, or of the indented block it is in."""
        block: list[Line] = []
        for line in [*page.lines, None]:
            if block and line is not None and abs(line.x0 - block[0].x0) < 0.2 * self.size:
                block.append(line)
                continue
            right = self._margins_of(block[0]).right if block else 0.0
            if len(block) >= _BLOCK_LINES and self.indent(block[0]) > _INDENT:
                right = max(item.x1 for item in block)
            yield from ((item, right) for item in block)
            block = [line] if line is not None else []


def _breadth(text: str) -> float:
    """About how wide a text is in any font, in widths of an "n"."""
    return sum(
        0.55 if c in _NARROW else 1.5 if c in _WIDE else 1.3 if c.isupper() else 1.0 for c in text
    )


def _margins(pages: Sequence[Page], size: float) -> _Margins:
    lefts = Counter[int]()
    rights: list[float] = []
    for page in pages:
        for line in page.lines:
            if abs(line.size - size) < _BODY * size:
                lefts[round(line.x0)] += 1
                rights.append(line.x1)
    if not rights:
        return _Margins(0.0, 0.0)
    # Of the two commonest places, the margin is the left one and the indent the other.
    most = lefts.most_common(1)[0][1]
    left = min(x for x, count in lefts.items() if count >= most / 4)
    right = statistics.quantiles(rights, n=40)[-1] if len(rights) > 40 else max(rights)
    return _Margins(float(left), right)


def _usual_step(pairs: Sequence[tuple[Line, Line]], size: float) -> float:
    """Distance of baselines within paragraphs, points."""
    steps = Counter(round((above.y - below.y) * 2) / 2 for above, below in pairs)
    usual = [(count, step) for step, count in steps.items() if 0.8 * size < step < 4 * size]
    return max(usual)[1] if usual else 1.2 * size


def paragraphs_of(pages: Sequence[Page], size: float) -> list[PdfParagraph]:
    """Paragraphs in order, those that go on over a page joined; lines of verse stay lines.

    Args:
        pages: without running heads and notes; changed where initials are joined to their words.
        size: font size of the body, points.
    """
    vocabulary = Vocabulary(line.text for page in pages for line in page.lines)
    for page in pages:
        _join_initials(page, size, vocabulary)
    layout = _Layout(pages, size)
    return [_paragraph(lines, vocabulary) for lines in _grouped(pages, layout)]


def _join_initials(page: Page, size: float, vocabulary: Vocabulary) -> None:
    """Gives a large initial back to the line beside it."""
    kept: list[Line] = []
    beside: Line | None = None  # the initial the lines stand beside
    for line in page.lines:
        if kept and _is_initial(kept[-1], line, size):
            beside = kept.pop()
            cap = beside.text
            first = re.match(r"[^\W\d_]*", line.text)
            rest = first[0] if first else ""
            alone = cap[-1] in "AIO" and not vocabulary.count(cap[-1] + rest)
            line.text = f"{cap}{' ' if alone or not rest else ''}{line.text}"
        if beside is not None and line.y >= beside.y - 0.3 * size and line.x0 > beside.x0:
            line.x0 = beside.x0
        else:
            beside = None
        kept.append(line)
    page.lines = kept


def _is_initial(cap: Line, line: Line, size: float) -> bool:
    letter = cap.text.strip("“‘\"'«")
    return (
        len(letter) == 1
        and letter.isalpha()
        and cap.size >= _CAP_SIZE * size
        and abs(line.size - size) < 0.3 * size
        and -0.3 * size <= line.y - cap.y <= cap.size
        and line.x0 >= cap.x0 + 0.3 * cap.size
    )


def _grouped(pages: Sequence[Page], layout: _Layout) -> Iterator[list[list[Line]]]:
    """Printed lines of each paragraph: one list, or one for each line of verse."""
    group: list[list[Line]] = []
    for line in (line for page in pages for line in page.lines):
        kind = _break(group, line, layout) if group else "paragraph"
        if kind == "paragraph":
            if group:
                yield group
            group = [[line]]
        elif kind == "line":
            group.append([line])
        else:
            group[-1].append(line)
    if group:
        yield group


def _break(group: list[list[Line]], line: Line, layout: _Layout) -> str:
    """What is between a paragraph so far and the next line: "", "line" or "paragraph"."""
    last = group[-1][-1]
    if _CONTENTS_LINE.search(last.text):
        return "paragraph"
    same_page = last.page == line.page
    if same_page and abs(last.y - line.y) < 0.5 * line.size and line.x0 >= last.x1:
        return ""
    other_size = abs(last.size - line.size) > _OTHER_SIZE * max(last.size, line.size)
    if other_size or last.bold != line.bold or layout.is_gap(last, line):
        return "paragraph"
    short = layout.is_short(last, line)
    ended = _ENDS.search(last.text) is not None
    further_in = layout.indent(line) - layout.indent(last)
    if further_in > _INDENT:
        begins = short or ended or (layout.indented and layout.is_indented(line))
        return "paragraph" if begins else ""
    if further_in < -_INDENT:
        # Further out: the second line of a paragraph with an indent, or the end of a block.
        return "" if len(group) == len(group[-1]) == 1 and not short else "paragraph"
    if layout.indented and layout.is_indented(line) and (short or ended):
        return "paragraph"
    if not short:
        return ""
    hidden = layout.spaced and not same_page  # a gap between paragraphs that a page's end hides
    shown = (layout.spaced or layout.indented) and not hidden
    return "line" if shown or not ended else "paragraph"


def _paragraph(groups: list[list[Line]], vocabulary: Vocabulary) -> PdfParagraph:
    lines = [line for group in groups for line in group]
    text = "\n".join(join_lines([line.text for line in group], vocabulary) for group in groups)
    first = lines[0]
    return PdfParagraph(text, first.page, first.y, first.size, all(line.bold for line in lines))
