"""Marked-up text to blocks: paragraphs, headings, verse, drama; notes and page numbers dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"[^\S\n]+")
# Invisible characters: word joiner, zero-width space and joiners, BOM, soft hyphen, variation.
_INVISIBLE = dict.fromkeys((0x2060, 0x200B, 0x200C, 0x200D, 0xFEFF, 0x00AD, 0xFE0E, 0xFE0F))

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu ol"
    " p pre section summary table tbody td tfoot th thead tr ul".split()
)
_SKIPPED = frozenset(
    "audio button canvas embed head iframe img input map noscript object rp rt script select style"
    " svg template textarea title video".split()
)
_DIVISIONS = frozenset({"body", "section", "article", "div", "aside", "main", "header", "html"})
_NOTE_TYPES = frozenset(
    "footnote footnotes endnote endnotes rearnote rearnotes doc-footnote doc-endnote doc-endnotes".split()
)
_NOTE_CLASSES = frozenset({"footnote", "footnotes", "endnotes", "endnote", "footnote-definition"})
_PAGE_TYPES = frozenset({"pagebreak", "doc-pagebreak"})
_PAGE_CLASSES = frozenset({"pagenum", "pageno", "page-number", "pagebreak", "pgnum", "page_number"})
_MARK_TYPES = frozenset({"noteref", "doc-noteref", "backlink", "doc-backlink"})
_MARK_CLASSES = frozenset(
    "noteref footnote-ref footnoteref fnref fnanchor footnote-back footnote-backref reversefootnote".split()
)
_MARK_TEXT = re.compile(r"[\[(]?\s*(?:\d{1,4}|[ivxl]{1,6}|[a-z]|[*†‡§¶]{1,4}|↩︎?|←|\^)\s*[\])]?")
_MARK_TARGET = re.compile(r"(?:fn|foot|endnote|note|rearnote|ftn|r?ref)[\w.-]*\d", re.IGNORECASE)
_STANZAS = frozenset({"stanza", "linegroup", "lg", "verse-group"})


@dataclass(slots=True)
class Block:
    """One paragraph or heading of a document."""

    text: str
    level: int = 0  # 1 to 6 for headings, 0 for text
    types: frozenset[str] = frozenset()  # epub:type of the sections it is in


@dataclass(slots=True)
class Document:
    """A marked-up file as a run of blocks."""

    blocks: list[Block] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)  # id → index of the block it is at
    marks: int = 0  # footnote marks dropped
    note_words: int = 0  # words of footnotes left out
    types: frozenset[str] = frozenset()  # epub:type of body and of the section that is all of it
    title: str = ""  # <title>
    language: str = ""


def tag_of(element: Any) -> str:
    """The element's name without namespace, lower case; "" for comments and the like."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1].lower() if isinstance(tag, str) else ""


def types_of(element: Any) -> list[str]:
    """Words of `epub:type` and `role`."""
    types = element.get("{http://www.idpf.org/2007/ops}type") or element.get("epub:type") or ""
    return f"{types} {element.get('role') or ''}".lower().split()


def _classes(element: Any) -> list[str]:
    return (element.get("class") or "").lower().split()


def _plain(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _is_mark(element: Any) -> bool:
    """Whether a link is the mark of a footnote, or the way back from one."""
    if _MARK_TYPES.intersection(types_of(element)) or _MARK_CLASSES.intersection(_classes(element)):
        return True
    href = element.get("href") or ""
    if "#" not in href or not _MARK_TEXT.fullmatch(text := _plain(element)):
        return False
    if text[:1] in "[(↩←^*†‡§":
        return True
    raised = any(tag_of(near) == "sup" for near in (element.getparent(), *element))
    own = f"{element.get('id') or ''} {element.get('class') or ''}"
    return raised or bool(
        _MARK_TARGET.match(href.rsplit("#", 1)[1]) or _MARK_TARGET.search(own.strip())
    )


def note_targets(root: Any) -> set[str]:
    """Fragments (with the file name before them, if any) that footnote marks point to."""
    return {
        element.get("href").rsplit("/", 1)[-1]
        for element in root.iter("{*}a")
        if element.get("href") and "#" in element.get("href") and _is_mark(element)
    }


class _Walk:
    """One pass over a document: collects text until a block ends, then keeps it as a block."""

    def __init__(self, notes: Collection[str]) -> None:
        self.document = Document()
        self.notes = notes  # ids of this document's elements that are footnotes
        self.buffer: list[str] = []
        self.level = 0
        self.types: list[frozenset[str]] = [frozenset()]
        self.prefix = ""  # the speaker, waiting for the speech
        self.stanza: int | None = None  # index of the stanza's block, -1 before its first line
        self.openings: list[int] = []  # where in the buffer stage directions begin
        self.skipped: Any = None  # the element being left out

    def walk(self, root: Any) -> None:
        from lxml import etree

        steps = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
        for event, element in steps:
            if event == "start":
                if self._start(element):
                    continue
                steps.skip_subtree()
                # lxml reports the end of a skipped element; it must not close what was not opened.
                self.skipped = element
            elif event == "end" and element is not self.skipped:
                self._end(element)
            if event != "start" and element.tail and element is not root:
                self.buffer.append(element.tail)
        self.flush()

    def _start(self, element: Any) -> bool:
        """Takes an element in; False where its text is to be left out."""
        tag = tag_of(element)
        name = element.get("id") or element.get("name") if tag == "a" else element.get("id")
        if name:
            self.document.anchors.setdefault(name, len(self.document.blocks))
        if tag in _SKIPPED or element.get("hidden") is not None or self._is_left_out(element, tag):
            return False
        if tag == "br":
            self.buffer.append("\x00")
        if tag in _BLOCKS:
            self.flush()
            self._open_block(element, tag)
        elif "z3998:stage-direction" in types_of(element):
            self.openings.append(len(self.buffer))
        if element.text:
            self.buffer.append(element.text)
        return True

    def _is_left_out(self, element: Any, tag: str) -> bool:
        types, classes = types_of(element), _classes(element)
        if tag == "a" and element.get("href") and _is_mark(element):
            self.document.marks += 1
            return True
        if tag == "sup" and len(element) == 1 and tag_of(element[0]) == "a" and _is_mark(element[0]):
            self.document.marks += 1
            return True
        if _PAGE_TYPES.intersection(types) or _PAGE_CLASSES.intersection(classes):
            return True
        note = element.get("id") in self.notes and tag in _BLOCKS and tag not in _HEADINGS
        note = note or bool(_NOTE_TYPES.intersection(types))
        note = note or (tag in _BLOCKS and bool(_NOTE_CLASSES.intersection(classes)))
        if note and tag not in ("body", "html"):
            self.document.note_words += len(_plain(element).split())
            return True
        return tag == "nav" or "display:none" in (element.get("style") or "").replace(" ", "")

    def _open_block(self, element: Any, tag: str) -> None:
        if tag in _DIVISIONS:
            self.types.append(self.types[-1].union(types_of(element)))
        types = types_of(element)
        if tag in _HEADINGS:
            self.level = _HEADINGS[tag]
        elif tag == "p":
            titled = {"title", "subtitle", "fulltitle"}.intersection(types)
            grouped = (parent := element.getparent()) is not None and tag_of(parent) == "hgroup"
            self.level = 6 if titled or grouped else 0
        if _STANZAS.intersection(_classes(element)):
            self.stanza = -1

    def _end(self, element: Any) -> None:
        tag = tag_of(element)
        if tag not in _BLOCKS:
            if "z3998:stage-direction" in types_of(element):
                self._close_direction()
            return
        if tag in ("td", "th", "dt") and self._speaker(element, tag):
            return
        self.flush()
        if tag == "tr" and self.prefix:
            self._keep(self.prefix)
            self.prefix = ""
        if tag in _DIVISIONS:
            self.types.pop()
        if _STANZAS.intersection(_classes(element)):
            self.stanza = None
        self.level = 0

    def _close_direction(self) -> None:
        start = self.openings.pop()
        said = "".join(self.buffer[start:])
        if said.strip() and said.strip()[0] not in "([":
            lead = len(said) - len(said.lstrip())
            self.buffer[start:] = [said[:lead], "(", said[lead:].rstrip(), ")"]

    def _speaker(self, element: Any, tag: str) -> bool:
        """Keeps a first cell of few words for the cell beside it: "ROMEO: Is the day so young?"."""
        if tag == "dt":
            beside = True
        else:
            row = element.getparent()
            cells = [cell for cell in row if tag_of(cell) in ("td", "th")]
            beside = len(cells) == 2 and cells[0] is element
        text = _tidy("".join(self.buffer)).replace("\n", " ")
        if not beside or not text or len(text.split()) > 6:
            return False
        if "z3998:persona" in types_of(element) or text.isupper():
            text = text.upper()
        self.prefix = text.rstrip(".:")
        self.buffer.clear()
        return True

    def flush(self) -> None:
        """Ends the block there is, if any."""
        if not self.buffer:
            return
        text = _tidy("".join(self.buffer))
        self.buffer.clear()
        self.openings.clear()
        if not text:
            return
        if self.prefix:
            text = f"{self.prefix}: {text}"
            self.prefix = ""
        if self.stanza is not None and self.stanza >= 0:
            self.document.blocks[self.stanza].text += f"\n{text}"
            return
        if self.stanza == -1:
            self.stanza = len(self.document.blocks)
        self._keep(text)

    def _keep(self, text: str) -> None:
        self.document.blocks.append(Block(text, self.level, self.types[-1]))


def _tidy(text: str) -> str:
    """White space as a browser shows it, line breaks kept, invisible characters gone."""
    text = text.translate(_INVISIBLE).replace("\n", " ").replace("\r", " ")
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\x00"))
    return "\n".join(line for line in lines if line)


def read_document(root: Any, notes: Collection[str] = ()) -> Document:
    """The blocks of a parsed document in order.

    Args:
        root: its root element (`markup.parse_markup`).
        notes: ids in it that footnote marks point to, from this or another file of the book.
    """
    walk = _Walk(set(notes))
    walk.walk(root)
    document = walk.document
    document.types = frozenset(_whole_types(root))
    title = next(iter(root.iter("{*}title")), None)
    document.title = _plain(title) if title is not None else ""
    document.language = (
        root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang") or ""
    )
    return document


def _whole_types(root: Any) -> Iterator[str]:
    """Types of the body, and of each element that is its parent's only one, downwards."""
    element = next(iter(root.iter("{*}body")), None)
    while element is not None:
        yield from types_of(element)
        children = [child for child in element if tag_of(child)]
        element = children[0] if len(children) == 1 and tag_of(children[0]) in _DIVISIONS else None
