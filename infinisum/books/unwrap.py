"""Lines of a plain text file to paragraphs: hard-wrapped prose joined, verse left as it is."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator, Sequence

from infinisum.books.clean import Vocabulary, is_cjk, join_lines
from infinisum.books.headings import parse_heading
from infinisum.books.text_tables import apart, is_drama, paragraphs_of_table

_LONG_LINE = 160  # characters: nobody wraps prose this wide
_LONG_SHARE = 0.5  # of the characters in such lines: every line is a paragraph
_FULL_SHARE = 0.75  # of a block's line breaks that come where the next word had no room: prose
_RAGGED = 0.7  # of the width: lines about this long are prose that was wrapped by hand
_CAPITALS_SHARE = 0.8  # of a block's lines that begin with a capital: verse
_INDENT = 2  # columns
_INDENTED_SHARE = 0.5  # of a block's first lines
_FEW_LINES = 4
_ENDS = re.compile(r"[.!?…:;—][”’\"')\]»_]*$|[”’\"»]$")
_SENTENCE = re.compile(r"[.!?…。！？][”’\"')\]»」』）]*$|[」』]$")
_SENTENCES_SHARE = 0.85  # of the lines end where a sentence ends: every line is a paragraph
_SEVERAL = 10  # lines, for that to say anything
_TAB = 4
_LOOKED_AT = 8  # lines of a block that tell whether it is a table of contents
_PAGE_NUMBER = re.compile(r"[\s.·]+\d{1,4}$")


def paragraphs_of_lines(lines: Sequence[str]) -> list[str]:
    """Paragraphs of a text: prose on one line each, verse and other short lines kept apart by
    "\\n".

    A blank line ends a paragraph; so does an indented line where the text begins its paragraphs
    so. Prose is told from verse by its breaks: wrapped text breaks where the next word would not
    have fitted any more. The rows of a table drawn with "+---+" and "|" are paragraphs.

    Args:
        lines: of the text, tabs and all, without line ends.
    """
    runs = list(apart([line.expandtabs(_TAB).rstrip() for line in lines]))
    filled = [line for is_table, run in runs if not is_table for line in run if line.strip()]
    tables = [run for is_table, run in runs if is_table]
    drama = is_drama(tables)
    alone = _is_one_a_line(filled)
    width = _width(filled) if filled else 0
    vocabulary = Vocabulary(filled)
    paragraphs: list[str] = []
    for is_table, run in runs:
        if is_table:
            paragraphs += paragraphs_of_table(run, drama=drama)
        elif alone:
            paragraphs += [line.strip() for line in run if line.strip()]
        else:
            for block in _blocks(run):
                for piece in _split_at_indents(block, width):
                    paragraphs += _paragraphs_of_block(piece, width, vocabulary)
    return paragraphs


def _is_one_a_line(lines: Sequence[str]) -> bool:
    """Whether every line is a paragraph: Japanese and Korean texts are kept so, with short lines
    of dialogue."""
    long = sum(len(line) for line in lines if len(line) > _LONG_LINE)
    if long > _LONG_SHARE * sum(map(len, lines)):
        return True
    sentences = sum(_SENTENCE.search(line) is not None for line in lines)
    return len(lines) >= _SEVERAL and sentences >= _SENTENCES_SHARE * len(lines)


def _width(lines: Sequence[str]) -> int:
    """The column the text is wrapped at, as far as its lines show it."""
    lengths = sorted(len(line) for line in lines)
    # A long heading or address must not make all other lines look short.
    return (
        lengths[int(len(lengths) * 0.98) - (len(lengths) > 1)] if len(lengths) > 50 else lengths[-1]
    )


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines without a blank one; double-spaced text counts as if it were not."""
    doubled = _is_double_spaced(lines)
    block: list[str] = []
    blank = 0
    for line in lines:
        if line.strip():
            if block and blank > doubled:
                yield block
                block = []
            block.append(line)
            blank = 0
        else:
            blank += 1
    if block:
        yield block


def _is_double_spaced(lines: Sequence[str]) -> bool:
    """Whether there is a blank line after every line, paragraph or not."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    if len(filled) < 20:
        return False
    gaps = [after - before for before, after in itertools.pairwise(filled)]
    if sum(gap == 2 for gap in gaps) < 0.7 * len(gaps) or sum(gap > 2 for gap in gaps) < 2:
        return False
    breaks = [(lines[i], lines[i + 2]) for i, gap in zip(filled, gaps, strict=False) if gap == 2]
    width = _width([line for line in lines if line.strip()])
    return sum(_is_full(a, b, width) for a, b in breaks) > _FULL_SHARE * len(breaks)


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the first word of the following line had no room at the end of this one."""
    word = following.split(maxsplit=1)[0]
    if is_cjk(word[0]):  # breaks after any character
        return len(line) + 1 > width
    return len(line) + 1 + len(word) > width


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _split_at_indents(block: list[str], width: int) -> Iterator[list[str]]:
    """A block at the lines that begin a paragraph by an indent."""
    least = min(map(_indent, block))
    starts = [
        index
        for index in range(1, len(block))
        if _indent(block[index]) >= least + _INDENT
        and _indent(block[index - 1]) < _indent(block[index]) + _INDENT
        and (_ENDS.search(block[index - 1]) or not _is_full(block[index - 1], block[index], width))
    ]
    flush = sum(_indent(line) < least + _INDENT for line in block)
    # Verse has many indented lines too, but these are not followed by full ones.
    full = sum(_is_full(block[i], block[i + 1], width) for i in starts if i + 1 < len(block))
    followed = sum(i + 1 < len(block) and i + 1 not in starts for i in starts)
    if (
        not starts
        or flush == 0
        or full < _INDENTED_SHARE * followed
        or not _has_prose(block, width)
    ):
        yield block
        return
    for begin, end in zip([0, *starts], [*starts, len(block)], strict=True):
        yield block[begin:end]


def _has_prose(block: Sequence[str], width: int) -> bool:
    return sum(len(line) >= _RAGGED * width for line in block) >= len(block) / 3


def _paragraphs_of_block(block: list[str], width: int, vocabulary: Vocabulary) -> Iterator[str]:
    """One paragraph of prose, or of lines kept apart; a heading on top of it by itself."""
    if len(block) > 1 and _is_heading_above(block, width):
        yield block[0].strip()
        block = block[1:]
    if _is_list_of_headings(block):
        yield from (line.strip() for line in block)
    elif _is_prose(block, width):
        yield join_lines(block, vocabulary)
    else:
        yield "\n".join(line.strip() for line in block)


def _is_heading_above(block: Sequence[str], width: int) -> bool:
    heading = parse_heading(block[0])
    known = heading is not None and heading.kind in ("chapter", "part", "numbered")
    # "Chapter I" over its title stays with it; over a paragraph it does not.
    return known and not _is_full(block[0], block[1], width) and len(block[1]) > _RAGGED * width


def _is_list_of_headings(block: Sequence[str]) -> bool:
    """Whether a block is a table of contents without blank lines."""
    if len(block) < 3:
        return False
    looked_at = block[:_LOOKED_AT]
    known = 0
    for line in looked_at:
        heading = parse_heading(_PAGE_NUMBER.sub("", line) if line[-1].isdigit() else line)
        known += heading is not None and heading.kind != "capitals"
    return known > len(looked_at) / 2


def _is_prose(block: Sequence[str], width: int) -> bool:
    """Whether the lines of a block were one line before the text was wrapped."""
    if len(block) < 2:
        return True
    breaks = list(itertools.pairwise(block))
    own = width
    if len(block) >= _FEW_LINES:  # a quotation may be set narrower
        own = max(map(len, block)) if _begins_small(block) else width
    full = sum(_is_full(a, b, own) for a, b in breaks)
    if full >= _FULL_SHARE * len(breaks):
        return True
    lengths = [len(line) for line in block[:-1]]
    return statistics.median(lengths) >= _RAGGED * width and _begins_small(block)


def _begins_small(block: Sequence[str]) -> bool:
    """Whether lines go on in small letters, as those of prose do and those of verse do not."""
    starts = [line.lstrip(" \"“‘'_([")[:1] for line in block[1:]]
    capitals = sum(start.isupper() for start in starts)
    return capitals < _CAPITALS_SHARE * max(len(starts), 1)
