"""Plain text and Markdown as books."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.chapters import keep_body, split_at_headings
from infinisum.books.clean import clean_text
from infinisum.books.contents_page import find_contents
from infinisum.books.encodings import decode, is_certain
from infinisum.books.gutenberg import Stripped, is_transcribers_note, strip_gutenberg
from infinisum.books.headings import parse_heading
from infinisum.books.limits import DEFAULT_LIMITS, Limits, cut_lines, cut_warning
from infinisum.books.markdown import read_markdown
from infinisum.books.marks import has_notes, without_stuck_marks
from infinisum.books.matter import matter_of
from infinisum.books.unwrap import paragraphs_of_lines
from infinisum.errors import InputError
from infinisum.guard import step

__all__ = ["read_markdown", "read_text"]

_PICTURE = re.compile(
    r"\[(?:Illustration|Picture|Image|Sidenote|Music|Decoration|Blank Page)\b"
    r"(?:[^\[\]]|\[[^\[\]]*\])*\]|\[\s*\]",
    re.IGNORECASE,
)
# How Japanese texts write the reading of a word, and its typesetter's notes.
_READINGS = re.compile(r"《[\u3040-\u30ff]+》|［＃[^］\n]*］|｜(?=[^《\n]{1,20}《[\u3040-\u30ff])")
_ITALIC = re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,2000}?)(?<=[^\s_])_(?![\w_])", re.DOTALL)
_BOLD = re.compile(r"(?<![\w=])=(?=[^\s=])([^=\n]{1,300}?)(?<=[^\s=])=(?![\w=])")
_RULE = re.compile(r"[\s*•·#~_=—–\-+.]+")
_MARK = re.compile(r"(?<=[^\s\[])\[(\d{1,4}|[A-Z]{1,2}|[*†‡§]{1,3})\]|\{(\d{1,4})\}(?=\W|$)")
_NOTE_NAMED = re.compile(
    r"\[?\s*(?:foot)?note\s+(?:\d{1,4}|[A-Z]{1,2}|[*†‡])\s*[:.]", re.IGNORECASE
)
_NOTE_MARKED = re.compile(r"\[(\d{1,4}|[A-Z]{1,2}|[*†‡§]{1,3})\]\s*\S")
_BY = re.compile(
    r"(?:(?P<title>.*\S)\s*\n+)?\s*(?:written )?by:?\s+(?P<author>\S.*)", re.I | re.DOTALL
)
_TITLE_WORDS = 16
_AUTHOR_WORDS = 8
_FRONT_PARAGRAPHS = 8
_HINT = "infinisum reads EPUB, PDF, HTML, Markdown and plain text."


@dataclass(slots=True)
class _Text:
    """A text on its way to a book."""

    paragraphs: list[str]
    title: str = ""
    author: str = ""
    language: str = ""
    left_out: list[LeftOut] = field(default_factory=list)


def read_text(
    data: bytes, name: str, encoding: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Book:
    """Reads plain text: Project Gutenberg's, a word processor's, or anybody's.

    Hard-wrapped lines are joined, verse keeps its own, `_italic_` marks, pictures, footnotes and
    their marks go, chapters begin at headings; a text without headings is one chapter.

    Args:
        data: the file.
        name: what to call it in messages.
        encoding: its encoding, where it is not to be guessed.
        limits: on the length of a paragraph.

    Raises:
        InputError: not in `encoding`, or no text.
    """
    decoded, codec = decode(data, encoding, name)
    step()
    cleaned, overlong = cut_lines(clean_text(decoded, keep_tabs=True), limits)
    stripped = strip_gutenberg(cleaned)
    step()
    text = _text_of(stripped)
    step()
    _drop_notes(text)
    unmarked = map(_without_marks, text.paragraphs)
    text.paragraphs = [p for p in unmarked if p and not _RULE.fullmatch(p)]
    if not text.paragraphs:
        raise InputError(f"{name}: no text in this file.", _HINT)
    step()
    _find_title(text)
    _drop_contents(text)
    chapters, left_out = _chapters(text, name)
    step()
    noted = has_notes([*text.left_out, *left_out])
    chapters, marks = without_stuck_marks(chapters, noted=noted)
    step()
    if marks:
        left_out.append(LeftOut(f"{marks} footnote marks", "footnote marks", marks))
    warnings = [cut_warning(name, overlong, limits)] if overlong else []
    if encoding is None and not is_certain(codec):
        warnings.append(f"{name}: read as {codec}, a guess; --encoding names another.")
    return Book(
        title=text.title,
        author=text.author,
        chapters=tuple(chapters),
        language=text.language,
        format="text",
        source=name,
        left_out=tuple(text.left_out + left_out),
        warnings=tuple(warnings),
    )


def _text_of(stripped: Stripped) -> _Text:
    """The paragraphs of a text without pictures and how words are read."""
    without_pictures, pictures = _PICTURE.subn("", _READINGS.sub("", stripped.text))
    text = _Text(
        paragraphs_of_lines(without_pictures.split("\n")),
        stripped.title,
        stripped.author,
        stripped.language,
        stripped.left_out,
    )
    if pictures:
        text.left_out.append(LeftOut(f"{pictures} captions of pictures", "pictures"))
    return text


def _without_marks(paragraph: str) -> str:
    return _BOLD.sub(r"\1", _ITALIC.sub(r"\1", paragraph)).strip()


def _drop_notes(text: _Text) -> None:
    """Takes out transcriber's notes, footnotes and the marks that point to them."""
    marks = {m[1] or m[2] for p in text.paragraphs for m in _MARK.finditer(p)}
    kept: list[str] = []
    notes = transcribed = 0
    for paragraph in text.paragraphs:
        if is_transcribers_note(paragraph):
            transcribed += len(paragraph.split())
        elif _is_note(paragraph, marks):
            notes += len(paragraph.split())
        else:
            kept.append(paragraph)
    count = 0
    if marks:
        # A letter in brackets is a mark only where notes with such labels follow.
        numbered = re.compile(_MARK.pattern if notes else r"(?<=[^\s\[])\[(\d{1,4})\]")
        for index, paragraph in enumerate(kept):
            kept[index], found = numbered.subn("", paragraph)
            count += found
    text.paragraphs = kept
    if transcribed:
        text.left_out.append(LeftOut("Transcriber’s notes", "transcriber's notes", transcribed))
    if notes:
        text.left_out.append(LeftOut("Footnotes", "notes", notes))
    if count:
        text.left_out.append(LeftOut(f"{count} footnote marks", "footnote marks", count))


def _is_note(paragraph: str, marks: set[str]) -> bool:
    if _NOTE_NAMED.match(paragraph):
        return True
    match = _NOTE_MARKED.match(paragraph)
    return match is not None and match[1] in marks


def _find_title(text: _Text) -> None:
    """Title and author from the first lines, where no header told them."""
    for index, paragraph in enumerate(text.paragraphs[:_FRONT_PARAGRAPHS]):
        match = _BY.fullmatch(paragraph)
        if match is None or len(match["author"].split("\n")[0].split()) > _AUTHOR_WORDS:
            continue
        above = match["title"] or (text.paragraphs[index - 1] if index else "")
        title = " ".join(above.split())
        heading = parse_heading(title) if title else None
        if title and len(title.split()) <= _TITLE_WORDS:
            if heading is None or heading.kind in ("capitals", "named"):
                text.title = text.title or _from_capitals(title)
            text.author = text.author or _from_capitals(match["author"].split("\n")[0].strip(" .,"))
            return
    first = text.paragraphs[0]
    if matter_of(first, ""):
        return
    if not text.title and len(text.paragraphs) > 1 and len(first.split()) <= _TITLE_WORDS:
        heading = parse_heading(first)
        alone = heading is None and not first.endswith((".", ",", ";", ":", "”", '"', "?", "!"))
        if alone or (heading is not None and heading.kind == "capitals"):
            text.title = _from_capitals(" ".join(first.split()))


def _from_capitals(title: str) -> str:
    return title.title().replace("’S", "’s").replace("'S", "'s") if title.isupper() else title


def _drop_contents(text: _Text) -> None:
    if (place := find_contents(text.paragraphs)) is None:
        return
    start, end = place
    words = sum(len(paragraph.split()) for paragraph in text.paragraphs[start:end])
    text.left_out.append(LeftOut(text.paragraphs[start].partition("\n")[0], "contents", words))
    del text.paragraphs[start:end]


def _chapters(text: _Text, name: str) -> tuple[list[Chapter], list[LeftOut]]:
    sections = split_at_headings(Paragraph(paragraph) for paragraph in text.paragraphs)
    chapters, left_out = keep_body(sections)
    if not chapters:  # nothing but what looks like front matter: then that is the text
        chapters, left_out = sections, []
    if len(chapters) == 1 and not chapters[0].title:
        title = text.title or ("" if name == "-" else Path(name).stem.replace("_", " "))
        chapters = [Chapter(title, chapters[0].paragraphs)]
    return chapters, left_out
