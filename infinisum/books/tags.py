"""What the elements of (X)HTML mean for a reader: blocks, notes and their marks, page numbers."""

from __future__ import annotations

import re
from typing import Any

# fmt: off
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "main",
    "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
})
SKIPPED = frozenset({
    "button", "embed", "head", "img", "input", "map", "noscript", "rp", "rt", "script", "select",
    "style", "template", "textarea", "title",
})
FALLBACKS = frozenset({"audio", "canvas", "iframe", "object", "video"})
DIVISIONS = frozenset({"body", "section", "article", "div", "aside", "main", "header", "html"})
NOTE_TYPES = frozenset({
    "footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "doc-footnote",
    "doc-endnote", "doc-endnotes",
})
NOTE_CLASSES = frozenset({"footnote", "footnotes", "endnotes", "endnote", "footnote-definition"})
PAGE_TYPES = frozenset({"pagebreak", "doc-pagebreak"})
PAGE_CLASSES = frozenset({"pagenum", "pageno", "page-number", "pagebreak", "pgnum", "page_number"})
MARK_TYPES = frozenset({"noteref", "doc-noteref", "backlink", "doc-backlink"})
MARK_CLASSES = frozenset({
    "noteref", "footnote-ref", "footnoteref", "fnref", "fnanchor", "footnote-back",
    "footnote-backref", "reversefootnote",
})
MARK_TEXT = re.compile(r"[\[(]?\s*(?:\d{1,4}|[ivxl]{1,6}|[a-z]|[*†‡§¶]{1,4}|↩︎?|←|↑|\^)\s*[\])]?")
MARK_TARGET = re.compile(r"(?:fn|foot|endnote|note|rearnote|ftn|r?ref)[\w.-]*\d", re.IGNORECASE)
BACK = frozenset({
    "backlink", "doc-backlink", "footnote-back", "footnote-backref", "reversefootnote",
})
NOTICE = re.compile(
    r"support|unterstütz|pren(?:d|nent) pas en charge|soport|suport|compatib|browser|navigat"
    r"|navegador|e-?reader|reading system|download|plug-?in|javascript", re.IGNORECASE)
STANZAS = frozenset({"stanza", "linegroup", "lg", "verse-group"})
# fmt: on
_NOTICE_WORDS = 40


def tag_of(element: Any) -> str:
    """The element's name without namespace, lower case; "" for comments and the like."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1].lower() if isinstance(tag, str) else ""


def types_of(element: Any) -> list[str]:
    """Words of `epub:type` and `role`."""
    types = element.get("{http://www.idpf.org/2007/ops}type") or element.get("epub:type") or ""
    return f"{types} {element.get('role') or ''}".lower().split()


def classes_of(element: Any) -> list[str]:
    """Words of `class`."""
    return (element.get("class") or "").lower().split()


def plain_text(element: Any) -> str:
    """The text of an element in one line."""
    return " ".join("".join(element.itertext()).split())


def is_mark(element: Any) -> bool:
    """Whether a link is the mark of a footnote, or the way back from one."""
    if MARK_TYPES.intersection(types_of(element)) or MARK_CLASSES.intersection(classes_of(element)):
        return True
    href = element.get("href") or ""
    if "#" not in href or not MARK_TEXT.fullmatch(text := plain_text(element)):
        return False
    if text[:1] in "[(↩←^↑*†‡§":
        return True
    raised = any(tag_of(near) == "sup" for near in (element.getparent(), *element))
    own = f"{element.get('id') or ''} {element.get('class') or ''}"
    return raised or bool(
        MARK_TARGET.match(href.rsplit("#", 1)[1]) or MARK_TARGET.search(own.strip())
    )


def is_notice(element: Any) -> bool:
    """Whether what an element holds for readers that cannot show it only tells them so."""
    text = plain_text(element)
    return len(text.split()) <= _NOTICE_WORDS and NOTICE.search(text) is not None


def note_targets(root: Any) -> set[str]:
    """Where the footnote marks of a document point: "notes.xhtml#n1", or "#n1" in the same file.

    A link back, from the note to the text, points to something earlier and does not count.
    """
    passed: set[str] = set()
    targets: set[str] = set()
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element.get("id"):
            passed.add(element.get("id"))
        href = element.get("href") or ""
        if tag_of(element) != "a" or "#" not in href or not is_mark(element) or is_back(element):
            continue
        file, _, fragment = href.rsplit("/", 1)[-1].partition("#")
        if file or fragment not in passed:
            targets.add(f"{file}#{fragment}")
    return targets


def is_back(element: Any) -> bool:
    """Whether a footnote mark says itself that it leads back to the text."""
    said = {*types_of(element), *classes_of(element)}
    return bool(BACK.intersection(said)) or plain_text(element).startswith(("↩", "←", "^", "↑"))
