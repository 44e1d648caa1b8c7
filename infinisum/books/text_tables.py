"""Grid tables in plain text, as pandoc draws them for plays: told from the lines around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from infinisum.books.markdown_tables import grid_rows, is_grid_line, is_grid_rule, with_speaker

_STOP = re.compile(r"[.,;:!?…—)][’”\"')\]»]*$")
_SPEECHES = 2  # for one speaker, in the mean, or the first cells are no speakers


def apart(lines: Sequence[str]) -> Iterator[tuple[bool, list[str]]]:
    """The lines of a text in runs: for each whether it is a grid table, and its lines.

    A table begins at an edge ("+-----+-----+") and goes on as long as there are edges and cells;
    "|" in other places is text.
    """
    inside = False

    def in_table(line: str) -> bool:
        nonlocal inside
        inside = is_grid_line(line) if inside else is_grid_rule(line)
        return inside

    for is_table, run in groupby(lines, in_table):
        yield is_table, list(run)


def paragraphs_of_table(lines: Sequence[str], *, drama: bool) -> Iterator[str]:
    """The texts in the cells of a grid table, row by row.

    A short first cell of two is set before the second: "Gatekeeper: Who is there?".

    Args:
        lines: of the table, its edges too.
        drama: whether first cells are speakers, which are written in capitals.
    """
    edges = [at for at, character in enumerate(lines[0]) if character == "+"]
    widths = [right - left - 3 for left, right in pairwise(edges)]  # a space on either side
    for row in grid_rows(lines):
        cells = [
            _cell(cell, widths[min(column, len(widths) - 1)]) for column, cell in enumerate(row)
        ]
        if drama and len(cells) == 2:
            cells[0] = cells[0].upper()
        yield from with_speaker(cells)


def is_drama(tables: Sequence[Sequence[str]]) -> bool:
    """Whether the first cells of the tables of a text are speakers, who speak again and again."""
    speakers = [
        " ".join(" ".join(row[0]).split())
        for table in tables
        for row in grid_rows(table)
        if len(row) == 2
    ]
    named = [name for name in speakers if name]
    return len(named) >= max(2, _SPEECHES * len(set(named)))


def _cell(lines: Sequence[str], width: int) -> str:
    """The text of a cell: lines broken for want of room joined, those of verse kept."""
    pieces = [line.strip() for line in lines if line.strip()]
    full = [
        len(line) + 1 + len(after.split(maxsplit=1)[0]) > width for line, after in pairwise(pieces)
    ]
    prose = all(full)
    text = pieces[0] if pieces else ""
    for joined, (line, after) in zip(full, pairwise(pieces), strict=True):
        # A line of verse may happen to be as long as the cell is wide.
        begins = not prose and bool(_STOP.search(line)) and after.lstrip("“\"‘'(")[:1].isupper()
        text += (" " if joined and not begins else "\n") + after
    return text
