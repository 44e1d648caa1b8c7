"""Grid tables of Markdown, as pandoc writes them for plays: rows of cells that run over lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

_RULE = re.compile(r"^[ \t]*\+(?:[:=-]+\+)+[ \t]*$")
_SPEAKER_WORDS = 6  # a first cell of up to this many words says who speaks


def is_grid_rule(line: str) -> bool:
    """Whether a line draws the upper or lower edge of cells: "+-----+-----+"."""
    return _RULE.match(line) is not None


def is_grid_line(line: str) -> bool:
    """Whether a line can go on a grid table: an edge, or the inside of cells."""
    stripped = line.strip()
    return is_grid_rule(line) or (stripped.startswith("|") and stripped.endswith("|"))


def grid_rows(lines: Sequence[str]) -> Iterator[list[list[str]]]:
    """The rows of a grid table: for each its cells, for each cell its lines.

    Args:
        lines: of the table, the first one an edge; edges tell where the columns are.
    """
    edges = [at for at, character in enumerate(lines[0]) if character == "+"]
    cells: list[list[str]] = []
    for line in lines[1:]:
        if is_grid_rule(line):
            if any(any(cell) for cell in cells):
                yield cells
            cells = []
            edges = [at for at, character in enumerate(line) if character == "+"]
            continue
        pieces = _cut(line, edges)
        cells += [[] for _ in range(len(pieces) - len(cells))]
        for cell, piece in zip(cells, pieces, strict=False):
            cell.append(piece)
    if any(any(cell) for cell in cells):
        yield cells


def _cut(line: str, edges: Sequence[int]) -> list[str]:
    """The pieces of a line between its columns; wide characters may push the edges about."""
    if all(at < len(line) and line[at] == "|" for at in (edges[0], edges[-1])):
        inner = [at for at in edges if line[at] == "|"]
    else:
        inner = [at for at, character in enumerate(line) if character == "|"]
        if len(inner) > len(edges):
            inner = [inner[0], *inner[1 : len(edges) - 1], inner[-1]]
    return [line[left + 1 : right].rstrip() for left, right in pairwise(inner)]


def with_speaker(cells: Sequence[str]) -> list[str]:
    """The texts of a row's cells: "ROMEO: Is the day so young?" where the first says who speaks."""
    if len(cells) == 2 and cells[0] and len(cells[0].split()) <= _SPEAKER_WORDS and cells[1]:
        return [f"{' '.join(cells[0].split()).rstrip('.:')}: {cells[1]}"]
    return [cell for cell in cells if cell]
