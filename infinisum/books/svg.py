"""What of an SVG is prose: the words that it shows, in `text` or as (X)HTML within it.

Not its ids, styles and definitions; and not `title` and `desc`, which say what a picture shows to
those who do not see it, as `alt` does for other pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infinisum.books.tags import tag_of

_NOT_SHOWN = frozenset(
    {
        *("title", "desc", "metadata", "style", "script", "defs", "symbol", "clippath", "mask"),
        *("pattern", "marker", "filter", "lineargradient", "radialgradient"),
    }
)
_LINE_WORDS = 5  # a line with so many is no label
_ENDS = tuple(".!?…:;\"”’')»。！？")


def shown(svg: Any) -> Iterator[Any]:
    """Its `text` and `foreignObject` elements that are shown; of a `switch` one branch."""
    from lxml import etree

    branches: dict[Any, Any] = {}  # of each `switch` the child that is shown
    steps = etree.iterwalk(svg, events=("start",))
    for _, element in steps:
        tag = tag_of(element)
        if tag in _NOT_SHOWN or not _is_visible(element):
            steps.skip_subtree()
        elif tag in ("text", "foreignobject"):
            steps.skip_subtree()
            if _is_chosen(element, svg, branches):
                yield element


def _is_chosen(element: Any, svg: Any, branches: dict[Any, Any]) -> bool:
    """Whether no `switch` around an element shows another of its children: the first with words."""
    branch = element
    while branch is not svg:
        parent = branch.getparent()
        if tag_of(parent) == "switch" and branches.setdefault(parent, branch) is not branch:
            return False
        branch = parent
    return True


def _is_visible(element: Any) -> bool:
    style = (element.get("style") or "").replace(" ", "")
    said = (element.get("display"), element.get("visibility"))
    hidden = said[0] == "none" or said[1] == "hidden"
    return not (hidden or "display:none" in style or "visibility:hidden" in style)


def words_of(text: Any) -> str:
    """The words of a `text` element; spans on another line are apart, those on the same are not."""
    from lxml import etree

    pieces: list[str] = []
    line = text.get("y")
    steps = etree.iterwalk(text, events=("start", "end", "comment", "pi"))
    for event, element in steps:
        if event == "start":
            if tag_of(element) in _NOT_SHOWN or not _is_visible(element):
                steps.skip_subtree()
                continue
            down = element is not text and (element.get("dy") or "0").strip("0.") != ""
            if down or (element.get("y") or line) != line:
                pieces.append(" ")
                line = element.get("y") or line
            pieces.append(element.text or "")
        elif element is not text:
            pieces.append(element.tail or "")
    return " ".join("".join(pieces).split())


def paragraphs(svg: Any) -> Iterator[str | Any]:
    """Its words as paragraphs, and each `foreignObject` as it is.

    An SVG breaks no lines by itself: a sentence that goes on in the next `text` goes on here, too.
    What has no letter, the numbers along an axis, is none.
    """
    lines: list[str] = []  # of the paragraph that is open
    for element in shown(svg):
        if tag_of(element) == "foreignobject":
            if lines:
                yield " ".join(lines)
            lines = []
            yield element
            continue
        words = words_of(element)
        if any(char.isalpha() for char in words):
            goes_on = words[0].islower() or (lines and len(lines[-1].split()) >= _LINE_WORDS)
            if lines and (lines[-1].endswith(_ENDS) or not goes_on):
                yield " ".join(lines)
                lines = []
            lines.append(words)
    if lines:
        yield " ".join(lines)
