"""Where links inside a Markdown document lead: to headings, by the names that renderers give them.

GitHub, GitLab, VS Code and pandoc (`gfm`) name a heading after its words: small letters, spaces
made hyphens, everything else but letters, digits and underscores dropped, a number behind a name
that was used before.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_KEPT = ("L", "M", "N")  # letters, their marks, numbers


def heading_anchors(headings: Iterable[str]) -> list[str]:
    """The names of the headings of one document.

    Args:
        headings: the words of all headings in order, without Markdown in them.
    """
    anchors: list[str] = []
    used: dict[str, int] = {}
    for heading in headings:
        name = anchor = _slug(heading)
        while anchor in used:
            used[name] += 1
            anchor = f"{name}-{used[name]}"
        used[anchor] = 0
        anchors.append(anchor)
    return anchors


def _slug(heading: str) -> str:
    """ "1 · The Quay" → "1--the-quay"."""
    kept = (
        letter
        for letter in heading.strip().lower()
        if letter in " -" or unicodedata.category(letter).startswith((*_KEPT, "Pc"))
    )
    return "".join(kept).replace(" ", "-")
