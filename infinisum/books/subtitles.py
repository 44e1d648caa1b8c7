"""Titles that stand below a bare chapter number, as a paragraph of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infinisum.books.headings import is_subtitle, parse_heading

_SHARE = 0.6  # of a book's bare headings that have a title below them: then these are titles


def titles_below(texts: Sequence[str], headings: Iterable[int]) -> list[int]:
    """Indices of the paragraphs that are the title of the bare heading ("IV") above them.

    Args:
        texts: paragraphs of the book.
        headings: indices of those that are headings, by the contents or by their look.

    Returns:
        None of them unless most bare headings of the book have a title: else what stands below
        is a date, a verse or a speaker.
    """
    bare: list[int] = []
    for index in headings:
        heading = parse_heading(texts[index])
        if heading and not heading.title and heading.kind in ("chapter", "numeral"):
            bare.append(index)
    below = [index + 1 for index in bare if index + 1 < len(texts)]
    titles = [index for index in below if is_subtitle(texts[index])]
    return titles if len(titles) >= _SHARE * len(bare) else []
