"""Longest common subsequences as rouge-score finds them, without its table in pure Python.

One row of the table is one integer (Hyyrö's bit-parallel recurrence): bit `j` of row `i` is zero
where the subsequence of the first `i` and the first `j + 1` tokens is longer than that of the
first `i` and the first `j`. Lengths, and the choice among several longest ones, are rouge-score's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def places(tokens: Sequence[str]) -> dict[str, int]:
    """For every token a bit set of the places it stands at."""
    found: dict[str, int] = {}
    for index, token in enumerate(tokens):
        found[token] = found.get(token, 0) | 1 << index
    return found


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence of two sequences of tokens."""
    if len(first) > len(second):  # the longer one in the bits: fewer, wider rows
        first, second = second, first
    where = places(second)
    everything = (1 << len(second)) - 1
    row = everything
    for token in first:
        matches = row & where.get(token, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(second) - row.bit_count()


def lcs_places(
    reference: Sequence[str], length: int, where: Mapping[str, int], into: set[int]
) -> None:
    """Add the places in `reference` of one longest common subsequence with another sequence.

    Of several longest ones it is that of rouge-score's backtracking, which takes a match where it
    stands on one, else steps back in the other sequence if that loses nothing, else in the
    reference. Tokens of the reference that the other does not have change none of its decisions.

    Args:
        reference: the sequence whose places are wanted.
        length: of the other sequence.
        where: `places` of the other sequence.
        into: takes the places.
    """
    everything = (1 << length) - 1
    kept: list[int] = []  # places of the reference that occur in the other
    matching: list[int] = []  # where in the other, as bits
    rows: list[int] = [everything]  # row i: after the first i kept tokens
    row = everything
    for index, token in enumerate(reference):
        bits = where.get(token)
        if bits is None:
            continue
        matches = row & bits
        row = ((row + matches) | (row - matches)) & everything
        kept.append(index)
        matching.append(bits)
        rows.append(row)
    i, j = len(kept), length
    while i and j:
        if matching[i - 1] >> (j - 1) & 1:
            i, j = i - 1, j - 1
            into.add(kept[i])
            continue
        # Lengths are j less the ones among the first j bits: t[i][j-1] > t[i-1][j]?
        left = j - 1 - (rows[i] & ((1 << (j - 1)) - 1)).bit_count()
        above = j - (rows[i - 1] & ((1 << j) - 1)).bit_count()
        if left > above:
            j -= 1
        else:
            i -= 1
