"""From a flat run of paragraphs to chapters, by the headings among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from infinisum.books.book import Chapter, LeftOut, Paragraph
from infinisum.books.heading_search import Found, dividing_headings
from infinisum.books.headings import heading_title, is_heading, is_subtitle
from infinisum.books.matter import matter_of
from infinisum.books.unnumbered import unnumbered_before_first

__all__ = [
    "heading_title",
    "is_heading",
    "keep_body",
    "matter_of",
    "split_at_headings",
]

_NAMED = "named"  # rank of "Epilogue" above chapters
_UNTITLED = "Beginning"  # what stands before the first heading
_FRONT_WORDS = 300  # text before the first heading up to this many words is a title page
# Left out by their title alone only as long as they are the smaller part of the book.
_SOFT = {"preface", "foreword", "introduction", "afterword", "appendix", "note", "notes", "index"}
_SOFT_SHARE = 0.4


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
    chosen = dividing_headings(flat)
    sections: list[Chapter] = []
    if lead := tuple(flat[: chosen[0].at] if chosen else flat):
        sections.append(Chapter("", lead))
    parts: list[tuple[str, str]] = []  # word of rank ("book", "part") and title, outermost first
    used: set[str] = set()  # all words of rank so far
    for index, item in enumerate(chosen):
        end = chosen[index + 1].at if index + 1 < len(chosen) else len(flat)
        body = tuple(flat[item.after : end])
        heading = item.heading
        if heading.kind == "part":
            word = heading.key[2]
            if word in used and parts and parts[0][0] == _NAMED:
                parts = []  # "Part II" after an interlude of several chapters
            used.add(word)
            ranks = [rank for rank, _ in parts]
            parts = parts[: ranks.index(word)] if word in ranks else parts
            if not body:
                parts = [*parts, (word, heading.text)]
                continue
            if _holds_chapters(chosen, index):
                parts = [*parts, (word, heading.text)]
        elif heading.kind == "named":
            if matter_of(heading.text, ""):
                parts = []
            elif _is_part(chosen, index, flat):
                numbered = heading.number is not None  # "Second Epilogue", below "Epilogue"
                outer = parts[:1] if numbered and parts and parts[0][0] == _NAMED else []
                parts = [*outer, (_NAMED, ": ".join([heading.text, *(p.text for p in body)]))]
                continue
        titles = tuple(title for _, title in parts)
        if heading.kind == "part" and titles and titles[-1] == heading.text:
            titles = titles[:-1]
        sections.append(Chapter(heading.text, body, len(titles) + 1, titles))
    return sections


def _is_part(chosen: Sequence[Found], index: int, flat: Sequence[Paragraph]) -> bool:
    """Whether "Epilogue" stands above chapters of its own, which count from one again."""
    if index + 1 == len(chosen) or all(i.heading.kind in ("part", "named") for i in chosen[:index]):
        return False
    item, below = chosen[index], chosen[index + 1]
    between = flat[item.after : below.at]
    if len(between) > 1 or not all(is_subtitle(p.text, item.heading) for p in between):
        return False
    if below.heading.kind == "named":
        return below.heading.number is not None and _is_part(chosen, index + 1, flat)
    return below.heading.kind != "part" and below.heading.number == 1


def _holds_chapters(chosen: Sequence[Found], index: int) -> bool:
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
    reasons = unnumbered_before_first(given, reasons)
    kept: list[Chapter] = []
    left_out: list[LeftOut] = []
    for chapter, reason in zip(given, reasons, strict=True):
        if reason is None:
            untitled = not chapter.title and len(given) > 1
            kept.append(replace(chapter, title=_UNTITLED) if untitled else chapter)
        elif chapter.paragraphs:
            left_out.append(LeftOut(chapter.title or _UNTITLED, reason, chapter.words))
    return kept, left_out


def _reason(chapter: Chapter, index: int, sections: Sequence[Chapter]) -> str | None:
    if not chapter.paragraphs:
        return "heading without text"
    if index == 0 and not chapter.title and len(sections) > 1 and chapter.words <= _FRONT_WORDS:
        return matter_of("", chapter.text) or "title page"
    return matter_of(chapter.title, chapter.text)
