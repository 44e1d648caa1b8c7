"""Running heads, footers, page numbers and footnotes of a PDF: found by repetition, taken out."""

from __future__ import annotations

import re
import statistics
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from infinisum.books.numbers import roman_value
from infinisum.books.pdf_lines import Line, Page

_EDGE_LINES = 3  # lines at the top and bottom of a page that may be furniture
_LEVEL = 4.0  # points: repeated lines stand at the same height
_REPEATS = 3  # times a text stands there before it is furniture
_REPEATS_SHORT = 2  # in a document of few pages
_SHORT = 8  # pages
_REPEATS_LONG = 4  # in a novel of many pages, where "“Yes.”" comes again by chance
_LONG = 300  # pages
_NEAR_PAGES = 12  # pages within which a running head comes again so often:
_FAR_SHARE = 0.05  # or on this share of all pages; "“Yes.”" comes again too, far away
_KNOWN_SHARE = 0.1  # of the lines at a height that are furniture: running heads stand there
_LEVEL_SHARE = 0.6  # of the lines at a height that are furniture: then all are
_NUMERAL_PAGES = 4  # pages within which a chapter's number comes again as a running head
_HEAD_WORDS = 12
_LARGE = 1.2  # of the body's font size: running heads are not set larger
_APART = 1.9  # of the font size, from baseline to baseline
_NUMBER_LINE = re.compile(
    r"(?:page|seite|pag\.?|p\.|s\.)?\s*[-–—\[(|]?\s*(?P<number>\d{1,4}|[ivxlc]{1,8}|[IVXLC]{1,8})"
    r"\s*[-–—\])|]?(?:\s*(?:/|of|de|von)\s*\d{1,4})?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+|(?:(?<=^)|(?<=\s))[ivxlc]+(?=$|\s)")
_NOTE_START = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3}|[a-z](?=[A-Z]))[\])]?[.\s]*[^\s\d]")
_NOTE_SIZE = 0.93  # of the body's font size: notes are set smaller
_NOTE_SHARE = 0.6  # of a page's lines that may be notes

_Edge = tuple[Page, Line, str]


def body_size(pages: Sequence[Page]) -> float:
    """Font size most of the text is set in, points; 0 where there is no text."""
    sizes = Counter[float]()
    for page in pages:
        for line in page.lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def remove_running_heads(pages: Sequence[Page]) -> int:
    """Takes running heads, footers and page numbers out of the pages.

    A line at the top or bottom edge goes when its text, numbers aside, stands at the same height
    on other pages too, when it is a number that counts the pages, or when nearly all lines at its
    height went. Where not a word a page would be left, all stays: slides, forms, lists of labels.
    Of a scan, whose pages show pictures, stamps are no text.

    Returns:
        The number of words taken out.
    """
    edges = [edge for page in pages for edge in _edges(page)]
    large = _LARGE * body_size(pages)
    furniture: set[int] = {id(line) for line in _repeated(edges, len(pages), large)}
    furniture |= {id(line) for line in _page_numbers(edges, len(pages))}
    furniture |= _at_their_height(edges, furniture)
    lines = [line for page in pages for line in page.lines]
    said = any(char.isalpha() for line in lines for char in line.text)
    scan = len(pages) > _SHORT and 2 * sum(page.picture for page in pages) > len(pages)
    words, left = _words(lines), _words(line for line in lines if id(line) not in furniture)
    if said and not scan and left < len(pages):
        return 0
    for page in pages:
        page.lines = [line for line in page.lines if id(line) not in furniture]
    return words - left


def _words(lines: Iterable[Line]) -> int:
    return sum(len(line.text.split()) for line in lines)


def _edges(page: Page) -> Iterator[_Edge]:
    """Lines at the top and bottom of a page, with the edge they are at."""
    ordered = sorted(page.lines, key=lambda line: -line.y)
    for name, near in (("top", ordered), ("bottom", ordered[::-1])):
        heights: list[float] = []
        for line in near:
            if not heights or abs(line.y - heights[-1]) > _LEVEL / 2:
                heights.append(line.y)
            if len(heights) > _EDGE_LINES:
                break
            yield page, line, name


def _signature(text: str) -> str:
    """What a running head and its like on another page share: all but the numbers."""
    return _DIGITS.sub("#", text.casefold())


def _repeated(edges: Sequence[_Edge], pages: int, large: float) -> Iterator[Line]:
    """Lines whose text, numbers aside, stands at the same height on other pages.

    Lines larger than `large` points are headings where only the number differs: "Act I", "Act II".
    """
    by_text: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for _, line, edge in edges:
        text = _signature(line.text) if line.size <= large else line.text
        # Numbers count the pages, or are the chapter's at the head of each of its pages.
        by_text[edge, text if text.strip("# ") else line.text].append(line)
    needed = _REPEATS if pages > _SHORT else _REPEATS_SHORT
    spoken = max(needed, _REPEATS_LONG) if pages > _LONG else needed
    for (_, text), lines in by_text.items():
        heights: dict[tuple[int, float], list[int]] = defaultdict(list)  # pages, counting up
        for line in lines:
            heights[round(line.y / _LEVEL), line.size].append(line.page)
        bare = not _signature(text).strip("# ")
        for line in lines:
            # The first chapters of three books are all headed "I", but not on pages in a row.
            if bare:
                near = sum(_is_alike(line, other) for other in lines)
            else:
                near = _times_at_height(line, heights, pages)
            if near >= (needed if bare else spoken):
                yield line


def _times_at_height(
    line: Line, heights: Mapping[tuple[int, float], Sequence[int]], pages: int
) -> int:
    """How often a line comes again at its height, on pages near it or throughout the book."""
    level = round(line.y / _LEVEL)
    near = total = 0
    for step in (-1, 0, 1):
        at = heights.get((level + step, line.size), [])
        total += len(at)
        near += bisect_right(at, line.page + _NEAR_PAGES) - bisect_left(at, line.page - _NEAR_PAGES)
    return total if total >= _FAR_SHARE * pages else near


def _is_alike(line: Line, other: Line) -> bool:
    """Whether two lines of the same text are set alike, on pages near each other."""
    return (
        abs(other.page - line.page) <= _NUMERAL_PAGES
        and abs(other.y - line.y) <= _LEVEL
        and other.size == line.size
    )


def _page_numbers(edges: Sequence[_Edge], pages: int) -> Iterator[Line]:
    """Lines that are a number as far from the page's own number as those of other pages."""
    offsets: dict[tuple[bool, int], list[Line]] = defaultdict(list)
    for page, line, _ in edges:
        if not (match := _NUMBER_LINE.fullmatch(line.text)):
            continue
        written = match["number"]
        roman = not written.isdecimal()
        number = roman_value(written) if roman else int(written)
        if number is not None:
            offsets[roman, number - page.number].append(line)
    needed = _REPEATS if pages > _SHORT else _REPEATS_SHORT
    for (roman, _), lines in offsets.items():
        if len({line.page for line in lines}) >= needed:
            # Chapter numbers can count like pages for a while, page numbers keep their height.
            height = statistics.median(line.y for line in lines)
            yield from (line for line in lines if not roman or abs(line.y - height) <= _LEVEL)


def _at_their_height(edges: Sequence[_Edge], furniture: set[int]) -> set[int]:
    """Lines at a height where running heads stand: those of short chapters, on one page only."""
    levels: dict[tuple[str, int], list[tuple[Page, Line]]] = defaultdict(list)
    for page, line, edge in edges:
        levels[edge, round(line.y / _LEVEL)].append((page, line))
    found: set[int] = set()
    for lines in levels.values():
        known = [line for _, line in lines if id(line) in furniture]
        if len(known) < max(_REPEATS, _KNOWN_SHARE * len(lines)):
            continue
        sizes = {line.size for line in known}
        many = len(known) >= _LEVEL_SHARE * len(lines)
        found |= {
            id(line)
            for page, line in lines
            if line.size in sizes and (many or _stands_alone(line, page))
        }
    return found


def _stands_alone(line: Line, page: Page) -> bool:
    """Whether there is more room around a short line than between lines of a paragraph."""
    others = [abs(other.y - line.y) for other in page.lines if other is not line]
    short = len(line.text.split()) <= _HEAD_WORDS
    return short and min(others, default=0.0) > _APART * line.size


def remove_footnotes(pages: Sequence[Page], size: float) -> int:
    """Takes footnotes out: small print at the foot of a page that begins with a mark.

    Args:
        pages: without running heads.
        size: font size of the body, points.

    Returns:
        The number of words taken out.
    """
    words = 0
    goes_on = False  # the page before ended in notes
    for page in pages:
        foot: list[Line] = []
        for line in sorted(page.lines, key=lambda line: line.y):
            if line.size > _NOTE_SIZE * size:
                break
            foot.append(line)
        foot.reverse()
        while foot and not (goes_on or _NOTE_START.match(foot[0].text)):
            foot.pop(0)
        # After a page with notes there may be one with nothing else.
        goes_on = bool(foot) and (goes_on or len(foot) <= _NOTE_SHARE * len(page.lines))
        if goes_on:
            notes = {id(line) for line in foot}
            words += sum(len(line.text.split()) for line in foot)
            page.lines = [line for line in page.lines if id(line) not in notes]
    return words
