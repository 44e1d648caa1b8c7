"""The novella as plain text, the way old books are typed: 72 columns, CHAPTER I., notes last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from novella.source import Block, Chapter, Line, Novella, roman

WIDTH = 72
MILLION_WORDS = 750_000  # at least a million tokens with any tokenizer of 16,000 pieces or so


def mark_up(line: Line) -> str:
    """A line of text with `_italic_` and footnote marks as `[1]`."""
    return "".join(
        f"[{span.note}]" if span.note else f"_{span.text}_" if span.italic else span.text
        for span in line
    )


def wrap(text: str) -> str:
    """Wrap at 72 columns, never at a hyphen, so that joining the lines gives the text again."""
    return textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)


def render_block(block: Block) -> str:
    """A wrapped paragraph, or a stanza set in by four spaces."""
    if block.verse:
        return "\n".join(f"    {mark_up(line)}" for line in block.lines)
    return wrap(mark_up(block.lines[0]))


def render_chapter(chapter: Chapter, number: int) -> str:
    """A chapter with its heading and its footnotes in brackets."""
    pieces = [f"CHAPTER {roman(number)}.", wrap(chapter.title.upper()), ""]
    pieces += [render_block(block) for block in chapter.blocks]
    pieces += [
        wrap(f"[Footnote {index}: {mark_up(note)}]")
        for index, note in enumerate(chapter.notes, start=1)
    ]
    return "\n\n".join(pieces)


def contents(novella: Novella) -> str:
    """The list of parts and chapters."""
    lines = ["CONTENTS"]
    for part in novella.parts:
        lines += ["", part.title, ""]
        lines += [f"{roman(chapter.number):>7}. {chapter.title}" for chapter in part.chapters]
    return "\n".join(lines)


def render(novella: Novella) -> str:
    """The whole book."""
    pieces = [novella.title.upper(), f"by {novella.author}", contents(novella)]
    for part in novella.parts:
        pieces.append(f"{part.ordinal.upper()}.\n\n{part.name.upper()}")
        pieces += [render_chapter(chapter, chapter.number) for chapter in part.chapters]
    return "\n\n\n\n".join([*pieces, "THE END"]) + "\n"


def million(novella: Novella) -> Iterator[str]:
    """The book over and over, in pieces: chapters numbered on, until there are 750,000 words."""
    yield f"{novella.title.upper()}\n\nby {novella.author}\n"
    words = number = 0
    while words < MILLION_WORDS:
        for chapter in novella.chapters:
            number += 1
            words += len(chapter.plain.split())
            yield f"\n\n\n{render_chapter(chapter, number)}\n"
