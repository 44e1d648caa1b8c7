"""Titles that stand below a bare chapter number, as a paragraph of their own."""

from __future__ import annotations

from collections import Counter
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
        is a date, a verse or a speaker. "Chapter" and "Letter" are counted each by itself.
    """
    bare: Counter[str] = Counter()  # by the word of the heading, "" for a number alone
    titles: list[tuple[str, int]] = []
    for index in sorted(headings):
        heading = parse_heading(texts[index])
        if not heading or heading.title or heading.kind not in ("chapter", "numeral"):
            continue
        if titles and titles[-1][1] == index:  # "Fifty-Two" below "IV": a title, no heading
            continue
        word = heading.key[2] if heading.kind == "chapter" else ""
        bare[word] += 1
        if index + 1 < len(texts) and is_subtitle(texts[index + 1], heading):
            titles.append((word, index + 1))
    titled = Counter(word for word, _ in titles)
    return [index for word, index in titles if titled[word] >= _SHARE * bare[word]]
