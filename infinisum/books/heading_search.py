"""Which of the lines that read as headings divide a book into its chapters."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, median

from infinisum.books.book import Paragraph
from infinisum.books.headings import (
    Heading,
    heading_title,
    is_subtitle,
    letters,
    notation,
    parse_heading,
)
from infinisum.books.matter import matter_of
from infinisum.books.subtitles import titles_below

_CONTENTS_GAP = 12  # words a contents line may have after its heading: a title, a page number
_CONTENTS_WITHIN = 400  # paragraphs from the beginning in which a contents page may be
_HEADING_LINES = 3  # lines of heading above the first paragraph of a chapter
_LISTED_LENGTH = 200  # characters of a line of contents
_LISTED_SHARE = 0.7  # share of the lines of a contents page that must come again as headings
_PAGE_NUMBER = re.compile(r"(?:\s*[.·…]{2,}|\s{2,}|\t)\s*(?:[0-9]{1,4}|[ivxlc]{1,6})?\s*$")
_NOTE = re.compile(r"(?:a )?note\.?", re.IGNORECASE)
_RUN_SHARE = 0.5  # numbered headings begin in the first half of the book
_RUN_EVEN = 0.1  # and lie evenly: median of the words under them to the mean
_UNDIVIDED = 10_000  # mean words of a chapter above which bare title lines are looked for:
_TITLE_WORDS = 8  # lines of up to this many words
_TEXT_WORDS = 20  # above a paragraph of at least this many
_TITLED_WORDS = 1000  # with at least this many under each, in the mean
_CAPITALS_BODY = 150  # mean words under a line in capitals for these lines to be chapters


@dataclass(frozen=True, slots=True)
class Found:
    """A heading and where it is."""

    heading: Heading
    at: int  # index of its paragraph
    after: int  # index of the first paragraph that is not heading any more


def _find(paragraphs: Sequence[Paragraph]) -> list[Found]:
    """All paragraphs that read as headings, bare ones with the title that follows them."""
    found: list[Found] = []
    at = 0
    while at < len(paragraphs):
        heading = parse_heading(paragraphs[at].text)
        after = at + 1
        if heading is None:
            at += 1
            continue
        bare = heading.kind in ("chapter", "part", "numeral") and not heading.title
        if bare and after + 1 < len(paragraphs) and is_subtitle(paragraphs[after].text, heading):
            title = heading_title(paragraphs[after].text)
            heading = replace(heading, title=title)
            after += 1
        found.append(Found(heading, at, after))
        at = after
    return found


def _words_between(paragraphs: Sequence[Paragraph], start: int, end: int) -> int:
    return sum(len(paragraph.text.split()) for paragraph in paragraphs[start:end])


def _words_under(found: Sequence[Found], paragraphs: Sequence[Paragraph]) -> list[int]:
    """Words between each heading and the next."""
    ends = [*(item.at for item in found), len(paragraphs)][1:]
    return [
        _words_between(paragraphs, item.after, end)
        for item, end in zip(found, ends, strict=bool(found))
    ]


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


def _listed(paragraphs: Sequence[Paragraph]) -> list[Found]:
    """Headings that the contents page names word for word, whatever they look like."""
    at, titles = _contents_page(paragraphs)
    places = _places(paragraphs) if titles else {}
    found: list[Found] = []
    for title in titles:
        spots = places.get(letters(title), [])
        index = bisect_left(spots, at)
        if index < len(spots):
            place = spots[index]
            text = " ".join(paragraphs[place].text.split())
            heading = parse_heading(text) or Heading("chapter", "", text)
            found.append(Found(heading, place, place + 1))
            at = place + 1
    return found if len(found) >= max(2, _LISTED_SHARE * len(titles)) else []


def _without_contents(found: list[Found], paragraphs: Sequence[Paragraph]) -> list[Found]:
    """The headings that have text under them: lines of a contents page come again later."""
    last = {item.heading.key: index for index, item in enumerate(found)}
    kept = []
    under = _words_under(found, paragraphs)
    for index, (item, words) in enumerate(zip(found, under, strict=True)):
        again = last[item.heading.key] > index and item.heading.kind != "part"
        if not (again and words <= _CONTENTS_GAP):
            kept.append(item)
    return kept


def _in_sequence(found: list[Found]) -> list[Found]:
    """The longest run whose numbers count up from one, again and again: chapters, not page numbers.

    One numeral may be missing (a misprint), and numbers written differently (I, 1, One) do not
    count together.
    """
    runs: dict[str, list[Found]] = {}
    for item in found:
        run = runs.setdefault(notation(item.heading), [])
        before = run[-1].heading.number or 0 if run else 0
        if item.heading.number in (before + 1, before + 2 if run else 1, 1):
            run.append(item)
    return max(runs.values(), key=len, default=[])


def _divides(run: Sequence[Found], paragraphs: Sequence[Paragraph]) -> bool:
    """Whether numbered headings divide the book, rather than number the lines of a list in it."""
    under = _words_under(run, paragraphs)
    all_words = _words_between(paragraphs, 0, len(paragraphs))
    return sum(under) >= _RUN_SHARE * all_words and median(under) >= _RUN_EVEN * mean(under)


def _choose(found: list[Found], paragraphs: Sequence[Paragraph]) -> list[Found]:
    """The headings that divide this book: the strongest kind it uses as chapters."""
    of: dict[str, list[Found]] = {}
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


def _capitals(found: list[Found], paragraphs: Sequence[Paragraph]) -> list[Found]:
    """Title lines in capitals, where there are enough of them with enough text under each."""
    under = _words_under(found, paragraphs)
    with_text = [item for item, words in zip(found, under, strict=True) if words > _CONTENTS_GAP]
    if len(with_text) < 2:
        return []
    words = _words_between(paragraphs, with_text[0].at, len(paragraphs))
    return with_text if words / len(with_text) >= _CAPITALS_BODY else []


def _bare_titles(paragraphs: Sequence[Paragraph], divisions: int) -> list[Found]:
    """Short lines that look like nothing but titles, each above a paragraph of text.

    The last resort, for a long book that marks its chapters in no other way.
    """
    if _words_between(paragraphs, 0, len(paragraphs)) / divisions < _UNDIVIDED:
        return []
    found = [
        Found(Heading("chapter", "", heading_title(paragraph.text)), at, at + 1)
        for at, paragraph in enumerate(paragraphs[:-1])
        if len(paragraph.text.split()) <= _TITLE_WORDS
        and is_subtitle(paragraph.text)
        and len(paragraphs[at + 1].text.split()) >= _TEXT_WORDS
    ]
    if len(found) < 3 or not _divides(found, paragraphs):
        return []
    words = _words_between(paragraphs, found[0].at, len(paragraphs))
    return found if words / len(found) >= _TITLED_WORDS else []


def _closing_note(seen: Sequence[Found], paragraphs: Sequence[Paragraph]) -> list[Found]:
    """A line "Note" in the last chapter, the only one in the book: what the author says at last."""
    chapters = [item for item in seen if item.heading.kind not in ("part", "named")]
    lines = [at for at, paragraph in enumerate(paragraphs) if _NOTE.fullmatch(paragraph.text)]
    if len(chapters) < 2 or len(lines) != 1 or lines[0] <= chapters[-1].after:
        return []
    (at,) = lines
    end = min((item.at for item in seen if item.at > chapters[-1].at), default=len(paragraphs))
    return [Found(Heading("named", paragraphs[at].text, ""), at, at + 1)] if at + 1 < end else []


def _without_chance_titles(seen: list[Found], paragraphs: Sequence[Paragraph]) -> list[Found]:
    """Headings of chapters without the line below them, unless most in the book have such a title.

    Asked of the headings that divide the book alone: lines of a contents page and page numbers
    have no title below them, and say nothing about the chapters.
    """
    texts = [paragraph.text for paragraph in paragraphs]
    titles = set(titles_below(texts, [item.at for item in seen]))
    return [
        Found(replace(item.heading, title=""), item.at, item.at + 1)
        if item.heading.kind in ("chapter", "numeral")
        and item.after > item.at + 1
        and item.at + 1 not in titles
        else item
        for item in seen
    ]


def dividing_headings(flat: Sequence[Paragraph]) -> list[Found]:
    """The headings that divide a book: those its contents page lists, else by their look."""
    listed = _listed(flat)
    seen = _choose(_without_contents(_find(flat), flat), flat)
    seen = _without_chance_titles(seen, flat)
    seen = sorted(seen + _closing_note(seen, flat), key=lambda item: item.at)
    chapters = [item for item in seen if item.heading.kind not in ("part", "named")]
    if not listed and not chapters:
        text = [item for item in seen if not matter_of(item.heading.text, "")]
        listed = _bare_titles(flat, max(len(text), 1))
    if len(listed) <= len(chapters):
        return seen
    taken = {item.at for item in listed}
    more = [
        # "Part II", "Kamala": no title of the part where the contents page knows it as a chapter.
        Found(replace(i.heading, title=""), i.at, i.at + 1) if i.at + 1 in taken else i
        for i in seen
        if i.heading.kind in ("part", "named") and i.at not in taken
    ]
    return sorted(listed + more, key=lambda item: item.at)
