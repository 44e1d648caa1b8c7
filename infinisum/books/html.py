"""Marked-up text to blocks: paragraphs, headings, verse, drama; notes and page numbers dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from infinisum.books.clean import without_invisible
from infinisum.books.svg import paragraphs
from infinisum.books.tags import (
    BLOCKS,
    DIVISIONS,
    FALLBACKS,
    HEADINGS,
    NOTE_CLASSES,
    NOTE_TYPES,
    PAGE_CLASSES,
    PAGE_TYPES,
    SKIPPED,
    STANZAS,
    classes_of,
    is_mark,
    is_notice,
    plain_text,
    tag_of,
    types_of,
)

_SPACE = re.compile(r"[^\S\n]+")
_NOTE_WORDS = 1500  # what a mark points to is a note up to this length


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
        self._walk(root)
        self.flush()
        self._keep_prefix()

    def _walk(self, root: Any) -> None:
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

    def _start(self, element: Any) -> bool:
        """Takes an element in; False where its text is to be left out."""
        tag = tag_of(element)
        name = element.get("id") or element.get("name") if tag == "a" else element.get("id")
        if name:
            self.document.anchors.setdefault(name, len(self.document.blocks))
        if tag in SKIPPED or element.get("hidden") is not None or self._is_left_out(element, tag):
            return False
        if tag == "svg":
            self._svg(element)
            return False
        if tag == "br":
            self.buffer.append("\x00")
        if tag in BLOCKS:
            self.flush()
            self._open_block(element, tag)
        elif "z3998:stage-direction" in types_of(element):
            self.openings.append(len(self.buffer))
        if element.text:
            self.buffer.append(element.text)
        return True

    def _svg(self, svg: Any) -> None:
        """Takes in what an SVG says, as paragraphs; in the middle of one (an initial) as a part."""
        parent = svg.getparent()
        tag = tag_of(parent) if parent is not None else "body"
        inline = tag == "p" or tag in HEADINGS or tag not in BLOCKS
        for number, said in enumerate(paragraphs(svg)):
            if not isinstance(said, str):  # XHTML in a `foreignObject`
                self.flush()
                self._walk(said)
                self.flush()
            elif inline:
                self.buffer += [" ", said] if number else [said]
            else:
                self.flush()
                self.buffer.append(said)
                self.flush()

    def _is_left_out(self, element: Any, tag: str) -> bool:
        types, classes = types_of(element), classes_of(element)
        if tag == "a" and element.get("href") and is_mark(element):
            self.document.marks += 1
            return True
        if tag == "sup" and len(element) == 1 and tag_of(element[0]) == "a" and is_mark(element[0]):
            self.document.marks += 1
            return True
        if PAGE_TYPES.intersection(types) or PAGE_CLASSES.intersection(classes):
            return True
        words = 0
        note = element.get("id") in self.notes and tag in BLOCKS and tag not in HEADINGS
        if note:
            words = len(plain_text(element).split())
            note = words <= _NOTE_WORDS
        note = note or bool(NOTE_TYPES.intersection(types))
        note = note or (tag in BLOCKS and bool(NOTE_CLASSES.intersection(classes)))
        if note and tag not in ("body", "html"):
            self.document.note_words += words or len(plain_text(element).split())
            return True
        if tag in FALLBACKS and is_notice(element):
            return True
        return tag == "nav" or "display:none" in (element.get("style") or "").replace(" ", "")

    def _open_block(self, element: Any, tag: str) -> None:
        if tag in DIVISIONS:
            # Converters that do not know epub:type leave its words in the class of a section.
            classes = classes_of(element) if tag == "section" else ()
            self.types.append(self.types[-1].union(types_of(element), classes))
        types = types_of(element)
        if tag in HEADINGS:
            self.level = HEADINGS[tag]
        elif tag == "p":
            titled = {"title", "subtitle", "fulltitle"}.intersection(types)
            grouped = (parent := element.getparent()) is not None and tag_of(parent) == "hgroup"
            self.level = 6 if titled or grouped else 0
        if STANZAS.intersection(classes_of(element)):
            self.stanza = -1

    def _end(self, element: Any) -> None:
        tag = tag_of(element)
        if tag not in BLOCKS:
            if "z3998:stage-direction" in types_of(element):
                self._close_direction()
            return
        if tag in ("td", "th", "dt") and self._speaker(element, tag):
            return
        self.flush()
        if tag in ("tr", "dl"):
            self._keep_prefix()
        if tag in DIVISIONS:
            self.types.pop()
        if STANZAS.intersection(classes_of(element)):
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
            row = element.getparent()  # None: a damaged document may be a cell alone
            cells = (
                [cell for cell in row if tag_of(cell) in ("td", "th")] if row is not None else []
            )
            beside = len(cells) == 2 and cells[0] is element
        text = _tidy("".join(self.buffer)).replace("\n", " ")
        if not beside or not text or len(text.split()) > 6:
            return False
        if "z3998:persona" in types_of(element) or text.isupper():
            text = text.upper()
        self._keep_prefix()
        self.prefix = text
        self.buffer.clear()
        return True

    def _keep_prefix(self) -> None:
        """Keeps a speaker who says nothing, or a word that nothing is said of, as a block."""
        if self.prefix:
            self._keep(self.prefix)
            self.prefix = ""

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
            text = f"{self.prefix.rstrip('.:')}: {text}"
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
    text = without_invisible(text.replace("\n", " ").replace("\r", " "))
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
    document.title = plain_text(title) if title is not None else ""
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
        element = children[0] if len(children) == 1 and tag_of(children[0]) in DIVISIONS else None
