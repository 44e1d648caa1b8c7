"""Markdown files as books: headings, paragraphs, lists; marks, links and notes taken off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from infinisum.books.assembly import File, Source, Target, assemble
from infinisum.books.book import Book, LeftOut
from infinisum.books.clean import clean_text
from infinisum.books.encodings import decode, is_certain
from infinisum.books.html import Block, Document
from infinisum.books.markdown_tables import grid_rows, is_grid_line, is_grid_rule, with_speaker
from infinisum.books.subtitles import titles_below
from infinisum.errors import InputError

_SUBTITLE = 6  # level of a title below a chapter number
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?P<fields>.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
_FIELD = re.compile(
    r"^(?P<name>title|author|creator|lang|language)[ \t]*:[ \t]*(?P<value>\S.*)$", re.M
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ATX = re.compile(
    r"^ {0,3}(#{1,6})(?:[ \t]+(?P<title>.*?))?[ \t]*#*[ \t]*(?:(?<=[ \t])\{[^}]*\})?[ \t]*$"
)
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+")
_NOTE = re.compile(r"^ {0,3}\[\^[^\]]+\]:")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]^]+\]:[ \t]*\S+")
_TABLE_RULE = re.compile(r"^[ \t|:+-]+$")
_ATTRIBUTES = r"\{[^{}]*\}"  # "{.class #name key=value}" after a span, a link or a picture
_SPAN = re.compile(rf"\[([^\[\]]*)\]{_ATTRIBUTES}")
_DIV = re.compile(r"^ {0,3}:{3,}[ \t]*(?P<what>\S.*?)?[ \t]*:*[ \t]*$")
_CLASS = re.compile(r"\.([\w:-]+)")
_INLINE = (
    (re.compile(r"\[\^[^\]]+\]"), ""),  # footnote marks
    (re.compile(rf"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])(?:{_ATTRIBUTES})?"), ""),  # pictures
    (re.compile(rf"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])(?:{_ATTRIBUTES})?"), r"\1"),  # links
    (re.compile(r"<(?:https?|mailto):[^>]*>"), ""),
    (re.compile(r"</?[A-Za-z][^>]*>"), ""),
    (re.compile(r"(?<!\\)(\*{1,3})(?=\S)(.+?)(?<=\S)(?<!\\)\1", re.DOTALL), r"\2"),
    (re.compile(r"(?<![\w\\])(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL), r"\2"),
    (re.compile(r"~~(.+?)~~"), r"\1"),
    (re.compile(r"(`+)(.+?)\1"), r"\2"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),  # escaped punctuation
)


def read_markdown(data: bytes, name: str, encoding: str | None = None) -> Book:
    """Reads a Markdown file: chapters by its headings, nested ones below those above them.

    Args:
        data: the file.
        name: what to call it in messages.
        encoding: its encoding, where it is not to be guessed.

    Raises:
        InputError: not in `encoding`, or no text.
    """
    decoded, codec = decode(data, encoding, name)
    text = clean_text(decoded)
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        for field in _FIELD.finditer(front["fields"]):
            fields.setdefault(field["name"].lower(), field["value"].strip(" \"'[]"))
        text = text[front.end() :]
    reader = _Reader(_COMMENT.sub("", text).split("\n"))
    blocks = list(reader.blocks())
    if not blocks:
        raise InputError(f"{name}: no text in this file.", "")
    headings = [index for index, block in enumerate(blocks) if block.level]
    for index in titles_below([block.text for block in blocks], headings):
        blocks[index].level = blocks[index].level or _SUBTITLE
    title = fields.get("title", "") or _only_top_heading(blocks)
    chapters, left_out = assemble(
        Source([File("book.md", Document(blocks))], list[Target](), title)
    )
    if reader.note_words:
        left_out.append(LeftOut("Footnotes", "notes", reader.note_words))
    warning = f"{name}: read as {codec}, a guess; --encoding names another."
    return Book(
        title=title,
        author=fields.get("author", "") or fields.get("creator", ""),
        chapters=tuple(chapters),
        language=fields.get("lang", "") or fields.get("language", ""),
        format="markdown",
        source=name,
        left_out=tuple(left_out),
        warnings=(warning,) if encoding is None and not is_certain(codec) else (),
    )


def _only_top_heading(blocks: list[Block]) -> str:
    """The one heading above all others is the book's title."""
    levels = [block.level for block in blocks if block.level]
    if len(levels) > 1 and levels.count(min(levels)) == 1 and levels[0] == min(levels):
        return next(block.text for block in blocks if block.level)
    return ""


class _Reader:
    """One pass over the lines of a Markdown file."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.note_words = 0
        self._open: list[str] = []  # lines of the paragraph there is
        self._table: list[str] = []  # lines of the grid table there is
        self._divs: list[frozenset[str]] = []  # classes of the fenced divisions around

    def blocks(self) -> Iterator[Block]:
        """Headings and paragraphs in order."""
        fence = ""
        in_note = False
        for line in self.lines:
            if fence or (mark := _FENCE.match(line)):
                yield from self._close()
                closes = fence and line.strip().startswith(fence) and not line.strip(" `~")
                fence = "" if closes else fence or (mark[1] if mark else "")
                continue
            in_note = bool(_NOTE.match(line)) or (in_note and line.startswith(("    ", "\t")))
            if in_note:
                self.note_words += len(line.split())
                continue
            line = re.sub(r"^(?: {0,3}>[ \t]?)+", "", line)
            if self._table or (not self._open and is_grid_rule(line)):
                if is_grid_line(line):
                    self._table.append(line)
                    continue
                yield from self._close_table()
            if div := _DIV.match(line):
                yield from self._close()
                self._divide(div["what"] or "")
            elif heading := _ATX.match(line):
                yield from self._close()
                if title := _plain(heading["title"] or ""):
                    yield self._block(title, len(heading[1]))
            elif self._open and (under := _SETEXT.match(line)) and len(self._open) <= 2:
                title = _plain(" ".join(self._open))
                self._open.clear()
                yield self._block(title, 1 if under[1][0] == "=" else 2)
            elif not line.strip() or _RULE.match(line) or _is_skipped(line):
                yield from self._close()
            elif item := _ITEM.match(line):
                yield from self._close()
                self._open.append(line[item.end() :])
            else:
                self._open.append(line)
        yield from self._close_table()
        yield from self._close()

    def _divide(self, what: str) -> None:
        """Opens a fenced division ("::: {.section .imprint}", "::: note") or closes one (":::")."""
        if not what:
            if self._divs:
                self._divs.pop()
            return
        classes = _CLASS.findall(what) if what.startswith("{") else [what]
        around = self._divs[-1] if self._divs else frozenset[str]()
        # As in HTML, the classes of a section say what it is; those of other divisions do not.
        own = classes if "section" in classes else []
        self._divs.append(around.union(own))

    def _block(self, text: str, level: int = 0) -> Block:
        return Block(text, level, self._divs[-1] if self._divs else frozenset())

    def _close_table(self) -> Iterator[Block]:
        for row in grid_rows(self._table) if self._table else ():
            for text in with_speaker([_plain(_joined(cell)) for cell in row]):
                yield self._block(text)
        self._table.clear()

    def _close(self) -> Iterator[Block]:
        joined = _joined(self._open)
        self._open.clear()
        if text := _plain(joined):
            yield self._block(text)


def _joined(lines: Sequence[str]) -> str:
    """Lines of a paragraph; two spaces or a backslash at its end keep a line by itself."""
    joined = ""
    for line in lines:
        hard = line.endswith("  ") or line.rstrip().endswith("\\")
        joined += line.strip().removesuffix("\\") + ("\n" if hard else " ")
    return joined


def _is_skipped(line: str) -> bool:
    return bool(_REFERENCE.match(line)) or ("|" in line and bool(_TABLE_RULE.match(line)))


def _plain(text: str) -> str:
    while "]{" in text and (shorter := _SPAN.sub(r"\1", text)) != text:  # spans within spans
        text = shorter
    for pattern, kept in _INLINE:
        text = pattern.sub(kept, text)
    lines = (" ".join(line.replace("|", " ").split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
