"""What stands before chapter I of a numbered book and is none of its chapters."""

from __future__ import annotations

from collections.abc import Sequence

from infinisum.books.book import Chapter
from infinisum.books.headings import parse_heading

_FEWEST = 5  # numbered chapters; fewer prove no habit
_SHARE = 0.9  # of the words are in numbered chapters
_LEAD = 0.03  # share of the words that may be left out before the first
_LEAD_BEHIND = 0.05  # where it stands behind a preface: a letter of commendation
_PREFACES = {"preface", "foreword", "introduction"}


def unnumbered_before_first(
    chapters: Sequence[Chapter], reasons: Sequence[str | None]
) -> list[str | None]:
    """Reasons for leaving out, with those of titled sections before chapter I added.

    A book whose chapters are all numbered from one keeps lists, mottos and notes before the
    first ("Etymology", "A Note on the Maps"). Prologues, letters and everything else with a
    heading of text of its own stay, and so does what is more than a small part of the book.

    Args:
        chapters: all sections in order.
        reasons: why each is left out so far, None where it is not.
    """
    result = list(reasons)
    kept = [index for index, reason in enumerate(reasons) if reason is None]
    headings = {index: parse_heading(chapters[index].title) for index in kept}
    numbered = [
        index
        for index, heading in headings.items()
        if heading is not None
        and heading.number is not None
        and heading.kind in ("chapter", "numeral", "numbered")
    ]
    if len(numbered) < _FEWEST:
        return result
    first = headings[numbered[0]]
    total = sum(chapters[index].words for index in kept)
    inside = sum(chapters[index].words for index in numbered)
    before = [
        index
        for index in kept
        if index < numbered[0]
        and chapters[index].title
        and ((heading := headings[index]) is None or heading.kind == "capitals")
    ]
    lead = sum(chapters[index].words for index in before)
    behind = bool(before) and before[0] > 0 and reasons[before[0] - 1] in _PREFACES
    most = (_LEAD_BEHIND if behind else _LEAD) * total
    if first is None or first.number != 1 or inside < _SHARE * total or lead > most:
        return result
    for index in before:
        result[index] = "front matter"
    return result
