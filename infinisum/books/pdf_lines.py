"""From runs of text on a page to its lines in reading order."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from infinisum.books.clean import clean_text
from infinisum.books.pdf_bidi import is_rtl, logical
from infinisum.books.pdf_text import Run

_SAME_LINE = 0.6  # of the smaller font size: baselines closer than this are one line
_BACK = 0.6  # of the font size: text may be drawn this far back and still go on
_COLUMN_GAP = 4.0  # of the font size: what follows is not the same line
_SMALL = 0.85  # of the line's font size: raised figures are smaller
_RAISED = 0.12  # of the line's font size
_HIGH = 0.7  # of the line's font size: nothing is raised further
_MARK = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3}|[a-z])[\])]?(?:,\s*\d{1,3})*")
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f]")
_JUMPS = 3  # times the text may go up on a page before its order is not trusted
_SPREAD = re.compile(r"(?:\S ){3,}\S")  # l e t t e r s  set apart
_MINOR_TURN = 0.2  # share of a page's characters that may be turned and are then left out


@dataclass(slots=True)
class Line:
    """One printed line."""

    text: str
    x0: float  # points from the left edge of the page
    x1: float
    y: float  # baseline, points from the bottom edge
    size: float  # font size of most of its characters, points
    bold: bool  # all of it
    page: int  # from 1
    cap: str = ""  # a large initial letter before it


@dataclass(slots=True)
class Page:
    """One page: its lines, and what was seen of it."""

    number: int  # from 1
    lines: list[Line] = field(default_factory=list)
    marks: int = 0  # footnote marks left out
    picture: bool = False  # whether it shows one, as a scanned page does
    dropped_words: int = 0  # words left out: turned text, running heads the file marks as such
    controls: int = 0  # control characters shown as letters, by fonts that do not say what they are


@dataclass(slots=True)
class _Open:
    """A line while its runs are coming in."""

    runs: list[Run]
    text: str
    x0: float
    x1: float
    y: float
    size: float


def page_of(runs: Sequence[Run], number: int, running_heads: Sequence[Run] = ()) -> Page:
    """The lines of a page in reading order, footnote marks left out.

    Args:
        runs: of the page in the order drawn.
        number: of the page, from 1.
        running_heads: runs that the file itself marks as running heads.
    """
    page = Page(number)
    page.controls = sum(len(_CONTROLS.findall(run.text)) for run in runs)
    page.lines = _lines(_level(runs, page), page)
    heads = _lines(running_heads, Page(number))
    page.dropped_words += sum(len(line.text.split()) for line in heads)
    _order(page)
    return page


def _lines(runs: Sequence[Run], page: Page) -> list[Line]:
    open_line: _Open | None = None
    lines: list[_Open] = []
    for run in runs:
        if open_line is not None and _is_same_line(open_line, run):
            _add(open_line, run, page)
        elif run.text.strip():
            open_line = _Open([run], run.text, run.x0, run.x1, run.y, run.size)
            lines.append(open_line)
    return [line for line in (_close(item, page.number) for item in lines) if line.text]


def _level(runs: Sequence[Run], page: Page) -> list[Run]:
    """The runs that read in the direction most of the page does; it may be printed sideways."""
    weights = Counter[int]()
    for run in runs:
        weights[run.turn] += len(run.text)
    if not weights:
        return []
    total = sum(weights.values())
    (main, _), *others = weights.most_common()
    kept = {main, *(turn for turn, weight in others if weight > _MINOR_TURN * total)}
    page.dropped_words += sum(len(run.text.split()) for run in runs if run.turn not in kept)
    return sorted((run for run in runs if run.turn in kept), key=lambda run: run.turn != main)


def _is_same_line(line: _Open, run: Run) -> bool:
    size = max(line.size, run.size)
    raised = run.y - line.y
    level = abs(raised) < _SAME_LINE * min(line.size, run.size) or _is_mark(line, run)
    blank = 0.0 if run.text.strip() else run.x1 - run.x0
    if level and line.runs[-1].turn == run.turn:
        if line.x1 - _BACK * size - blank < run.x0 < line.x1 + _COLUMN_GAP * size:
            return True
        if _goes_left(line, run):
            return True
    return _is_printed_twice(line, run)


def _goes_left(line: _Open, run: Run) -> bool:
    """Whether a run stands before the line, and both read from right to left."""
    size = max(line.size, run.size)
    before = line.x0 - _COLUMN_GAP * size < run.x1 < line.x0 + _BACK * size
    blank = not run.text.strip()
    return before and is_rtl(line.text) and (blank or is_rtl(run.text) or run.text[0].isdigit())


def _is_mark(line: _Open, run: Run) -> bool:
    """Whether a run is the mark of a footnote: a small raised figure."""
    raised = (run.y - line.y) / line.size
    small = run.size < _SMALL * line.size and _RAISED < raised < _HIGH
    return small and _MARK.fullmatch(run.text.strip()) is not None


def _is_printed_twice(line: _Open, run: Run) -> bool:
    """Whether a run only makes the one before it bolder."""
    last = line.runs[-1]
    near = abs(run.x0 - last.x0) + abs(run.y - last.y) < 0.15 * run.size
    return near and run.text == last.text and bool(run.text.strip())


def _add(line: _Open, run: Run, page: Page) -> None:
    if _is_printed_twice(line, run):
        return
    raised = run.y - line.y
    if _is_mark(line, run):
        page.marks += 1
        line.x1 = max(line.x1, run.x1)
        return
    gap = max(run.gap, line.runs[-1].gap)
    if run.x0 < line.x0 and _goes_left(line, run):
        apart = line.x0 - run.x1 > gap and not (line.text[0] == " " or run.text.endswith(" "))
        line.text = f"{run.text} {line.text}" if apart else run.text + line.text
        line.x0 = run.x0
    else:
        touching = run.x0 - line.x1 <= gap
        if not (touching or line.text.endswith(" ") or run.text.startswith(" ")):
            line.text += " "
        line.text += run.text
    line.x1 = max(line.x1, run.x1)
    if abs(raised) < 0.1 and run.text.strip():
        line.runs.append(run)
    if run.size > line.size and abs(raised) < 0.1:
        line.size = run.size


def _close(line: _Open, number: int) -> Line:
    text = logical(" ".join(clean_text(line.text).split()))
    if _SPREAD.fullmatch(text):
        text = text.replace(" ", "")
    sizes = Counter[float]()
    for run in line.runs:
        sizes[round(run.size, 1)] += len(run.text.strip())
    bold = all(run.bold for run in line.runs if run.text.strip())
    size = sizes.most_common(1)[0][0]
    return Line(text, line.x0, line.x1, line.y, size, bold, number)


def _order(page: Page) -> None:
    """Keeps the order drawn, which is how most books read, unless it jumps about."""
    lines = page.lines
    jumps = sum(
        after.y > before.y + max(before.size, after.size) and after.x0 < before.x1
        for before, after in itertools.pairwise(lines)
    )
    if jumps > _JUMPS and jumps > len(lines) // 5:
        lines.sort(key=lambda line: (-round(line.y), line.x0))
        return
    for first in range(len(lines) - 1):  # a page number drawn before its line of contents
        left, right = lines[first : first + 2]
        if abs(left.y - right.y) < 0.3 * right.size and right.x1 <= left.x0:
            lines[first : first + 2] = right, left
