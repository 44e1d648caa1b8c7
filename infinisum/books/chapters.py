"""From a flat run of paragraphs to chapters, by the headings among them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median

from infinisum.books.book import Chapter, LeftOut, Paragraph
from infinisum.books.headings import (
    Heading,
    heading_title,
    is_heading,
    is_subtitle,
    letters,
    notation,
    parse_heading,
)
from infinisum.books.matter import matter_of

__all__ = [
    "heading_title",
    "is_heading",
    "keep_body",
    "matter_of",
    "split_at_headings",
]

_FRONT_WORDS = 300  # text before the first heading up to this many words is a title page
_CONTENTS_GAP = 12  # words a contents line may have after its heading: a title, a page number
_CONTENTS_WITHIN = 400  # paragraphs from the beginning in which a contents page may be
_HEADING_LINES = 3  # lines of heading above the first paragraph of a chapter
_LISTED_LENGTH = 200  # characters of a line of contents
_LISTED_SHARE = 0.7  # share of the lines of a contents page that must come again as headings
_PAGE_NUMBER = re.compile(r"(?:\s*[.·…]{2,}|\s{2,}|\t)\s*(?:[0-9]{1,4}|[ivxlc]{1,6})?\s*$")
_RUN_SHARE = 0.5  # numbered headings begin in the first half of the book
_RUN_EVEN = 0.1  # and lie evenly: median of the words under them to the mean
_CAPITALS_BODY = 150  # mean words under a line in capitals for these lines to be chapters
# Left out by their title alone only as long as they are the smaller part of the book.
_SOFT = {"preface", "foreword", "introduction", "afterword", "appendix", "note", "notes", "index"}
_SOFT_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class _Found:
    """A heading and where it is."""

    heading: Heading
    at: int  # index of its paragraph
    after: int  # index of the first paragraph that is not heading any more


def _find(paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """All paragraphs that read as headings, bare ones with the title that follows them."""
    found: list[_Found] = []
    at = 0
    while at < len(paragraphs):
        heading = parse_heading(paragraphs[at].text)
        after = at + 1
        if heading is None:
            at += 1
            continue
        bare = heading.kind in ("chapter", "part", "numeral") and not heading.title
        if bare and after + 1 < len(paragraphs) and is_subtitle(paragraphs[after].text):
            title = heading_title(paragraphs[after].text)
            heading = replace(heading, title=title)
            after += 1
        found.append(_Found(heading, at, after))
        at = after
    return found


def _words_between(paragraphs: Sequence[Paragraph], start: int, end: int) -> int:
    return sum(len(paragraph.text.split()) for paragraph in paragraphs[start:end])


def _places(paragraphs: Sequence[Paragraph]) -> dict[str, list[int]]:
    """Where each short paragraph stands, by its letters."""
    places: dict[str, list[int]] = {}
    for at, paragraph in enumerate(paragraphs):
        if len(paragraph.text) <= _LISTED_LENGTH:
            places.setdefault(letters(paragraph.text), []).append(at)
    return places


def _contents_page(paragraphs: Sequence[Paragraph]) -> tuple[int, list[str]]:
    """Where the text begins after the contents page, and the titles listed there; (0, []) if none.

    The list ends where its first line comes again, which is the first chapter, or at a paragraph
    too long for a line of contents; the headings right above that are not lines of it either.
    """
    for at, paragraph in enumerate(paragraphs[:_CONTENTS_WITHIN]):
        first, *rest = paragraph.text.split("\n")
        if matter_of(first, "") != "contents":
            continue
        listed: list[str] = []
        for below in range(at, len(paragraphs)):
            lines = rest if below == at else paragraphs[below].text.split("\n")
            titles = [title for line in lines if (title := _PAGE_NUMBER.sub("", line).strip())]
            if listed and letters(paragraphs[below].text) == letters(listed[0]):
                return below, listed
            if any(len(title) > _LISTED_LENGTH for title in titles):
                return max(at + 1, below - _HEADING_LINES), listed
            listed += titles
    return 0, []


def _listed(paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """Headings that the contents page names word for word, whatever they look like."""
    at, titles = _contents_page(paragraphs)
    places = _places(paragraphs) if titles else {}
    found: list[_Found] = []
    for title in titles:
        spots = places.get(letters(title), [])
        index = bisect_left(spots, at)
        if index < len(spots):
            place = spots[index]
            text = " ".join(paragraphs[place].text.split())
            heading = parse_heading(text) or Heading("chapter", "", text)
            found.append(_Found(heading, place, place + 1))
            at = place + 1
    return found if len(found) >= max(2, _LISTED_SHARE * len(titles)) else []


def _without_contents(found: list[_Found], paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """The headings that have text under them: lines of a contents page come again later."""
    last = {item.heading.key: index for index, item in enumerate(found)}
    kept = []
    for index, item in enumerate(found):
        end = found[index + 1].at if index + 1 < len(found) else len(paragraphs)
        empty = _words_between(paragraphs, item.after, end) <= _CONTENTS_GAP
        if not (empty and last[item.heading.key] > index and item.heading.kind != "part"):
            kept.append(item)
    return kept


def _in_sequence(found: list[_Found]) -> list[_Found]:
    """The longest run whose numbers count up from one, again and again: chapters, not page numbers.

    One numeral may be missing (a misprint), and numbers written differently (I, 1, One) do not
    count together.
    """
    runs: dict[str, list[_Found]] = {}
    for item in found:
        run = runs.setdefault(notation(item.heading), [])
        before = run[-1].heading.number or 0 if run else 0
        if item.heading.number in (before + 1, before + 2 if run else 1, 1):
            run.append(item)
    return max(runs.values(), key=len, default=[])


def _divides(run: Sequence[_Found], paragraphs: Sequence[Paragraph]) -> bool:
    """Whether numbered headings divide the book, rather than number the lines of a list in it."""
    ends = [item.at for item in run[1:]] + [len(paragraphs)]
    under = [
        _words_between(paragraphs, item.after, end) for item, end in zip(run, ends, strict=True)
    ]
    all_words = _words_between(paragraphs, 0, len(paragraphs))
    return sum(under) >= _RUN_SHARE * all_words and median(under) >= _RUN_EVEN * mean(under)


def _choose(found: list[_Found], paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """The headings that divide this book: the strongest kind it uses as chapters."""
    of: dict[str, list[_Found]] = {}
    for item in found:
        of.setdefault(item.heading.kind, []).append(item)
    chapters = of.get("chapter", [])
    if len(chapters) < 2:
        for kind in ("numbered", "numeral"):
            run = _in_sequence(of.get(kind, []))
            if len(run) >= 2 and _divides(run, paragraphs):
                chapters = chapters + run
                break
        else:
            if len(of.get("part", [])) < 2:
                chapters = chapters + _capitals(of.get("capitals", []), paragraphs)
    # "Act II", and right under it "Prologue": a scene of it, not a chapter of its own.
    filled = {item.after for item in chapters}
    named = [item for item in of.get("named", []) if item.at not in filled]
    return sorted(of.get("part", []) + named + chapters, key=lambda item: item.at)


def _capitals(found: list[_Found], paragraphs: Sequence[Paragraph]) -> list[_Found]:
    """Title lines in capitals, where there are enough of them with enough text under each."""
    ends = [item.at for item in found[1:]] + [len(paragraphs)]
    with_text = [
        item
        for item, end in zip(found, ends, strict=True)
        if _words_between(paragraphs, item.after, end) > _CONTENTS_GAP
    ]
    if len(with_text) < 2:
        return []
    words = _words_between(paragraphs, with_text[0].at, len(paragraphs))
    return with_text if words / len(with_text) >= _CAPITALS_BODY else []


def split_at_headings(paragraphs: Iterable[Paragraph]) -> list[Chapter]:
    """Divides paragraphs at the headings among them; every paragraph but the headings is kept.

    A book that says "Chapter" is divided there; else at numbers that count up ("I", "IV. The
    Storm"), else at title lines in capitals. "Part", "Book" and "Volume" become `Chapter.parts`
    where chapters follow, and are chapters themselves where text follows. The lines of a contents
    page, which come again as headings, do not divide. What stands before the first heading is a
    chapter without title.

    Args:
        paragraphs: of the whole book, a heading in a paragraph of its own; lines of a heading may
            be one paragraph ("CHAPTER I\\nThe Storm") or follow one another.

    Returns:
        Sections in order, front and back matter still among them: see `keep_body`.
    """
    flat = list(paragraphs)
    chosen = _headings(flat)
    sections: list[Chapter] = []
    if lead := tuple(flat[: chosen[0].at] if chosen else flat):
        sections.append(Chapter("", lead))
    parts: list[tuple[str, str]] = []  # word of rank ("book", "part") and title, outermost first
    for index, item in enumerate(chosen):
        end = chosen[index + 1].at if index + 1 < len(chosen) else len(flat)
        body = tuple(flat[item.after : end])
        heading = item.heading
        if heading.kind == "part":
            word = heading.key[2]
            ranks = [rank for rank, _ in parts]
            parts = parts[: ranks.index(word)] if word in ranks else parts
            if not body:
                parts = [*parts, (word, heading.text)]
                continue
            if _holds_chapters(chosen, index):
                parts = [*parts, (word, heading.text)]
        elif heading.kind == "named" and matter_of(heading.text, ""):
            parts = []
        titles = tuple(title for _, title in parts)
        if heading.kind == "part" and titles and titles[-1] == heading.text:
            titles = titles[:-1]
        sections.append(Chapter(heading.text, body, len(titles) + 1, titles))
    return sections


def _headings(flat: Sequence[Paragraph]) -> list[_Found]:
    """The headings that divide a book: those its contents page lists, else by their look."""
    listed = _listed(flat)
    seen = _choose(_without_contents(_find(flat), flat), flat)
    if len(listed) <= len([item for item in seen if item.heading.kind not in ("part", "named")]):
        return seen
    taken = {item.at for item in listed}
    more = [
        # "Part II", "Kamala": no title of the part where the contents page knows it as a chapter.
        _Found(replace(i.heading, title=""), i.at, i.at + 1) if i.at + 1 in taken else i
        for i in seen
        if i.heading.kind in ("part", "named") and i.at not in taken
    ]
    return sorted(listed + more, key=lambda item: item.at)


def _holds_chapters(chosen: Sequence[_Found], index: int) -> bool:
    """Whether the heading after a part's is a chapter's, so that the part is above it."""
    return index + 1 < len(chosen) and chosen[index + 1].heading.kind not in ("part", "named")


def keep_body(
    sections: Iterable[Chapter], reasons: Sequence[str | None] | None = None
) -> tuple[list[Chapter], list[LeftOut]]:
    """Parts the text of a book from its front and back matter.

    Prefaces, introductions, notes and the like are left out only where they are the smaller part
    of what there is: a book of essays called "Notes" is read. Empty sections go without a word.

    Args:
        sections: in order.
        reasons: why each is to be left out, None where it is not; by title and text if not given.
    """
    given = list(sections)
    if reasons is None:
        reasons = [_reason(chapter, index, given) for index, chapter in enumerate(given)]
    total = sum(chapter.words for chapter in given)
    soft = sum(c.words for c, r in zip(given, reasons, strict=True) if r in _SOFT)
    if soft > _SOFT_SHARE * total:
        reasons = [None if reason in _SOFT else reason for reason in reasons]
    kept: list[Chapter] = []
    left_out: list[LeftOut] = []
    for chapter, reason in zip(given, reasons, strict=True):
        if reason is None:
            kept.append(chapter)
        elif chapter.paragraphs:
            left_out.append(LeftOut(chapter.title or "Beginning", reason, chapter.words))
    return kept, left_out


def _reason(chapter: Chapter, index: int, sections: Sequence[Chapter]) -> str | None:
    if not chapter.paragraphs:
        return "heading without text"
    if index == 0 and not chapter.title and len(sections) > 1 and chapter.words <= _FRONT_WORDS:
        return matter_of("", chapter.text) or "title page"
    return matter_of(chapter.title, chapter.text)
