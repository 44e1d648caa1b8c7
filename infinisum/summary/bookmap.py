"""A map of the book: where the salient sentences are, and where its chapters begin."""

from __future__ import annotations

from collections.abc import Sequence

from infinisum.summary.summary import BookMap, Passage

MAP_PARTS = 120  # of equal length; about the columns of a chart
_DIGITS = 4  # the last bits of a float differ between machines


def book_map(
    sentences: Sequence[Passage],
    encoder_gates: Sequence[Sequence[float]],
    decoder_gates: Sequence[Sequence[float]],
    attention_bytes_per_token: int,
) -> BookMap:
    """The map of what was read.

    Args:
        sentences: all of them, in order, with place and salience.
        encoder_gates: see `infinisum.model.gates`.
        decoder_gates: likewise.
        attention_bytes_per_token: see `infinisum.model.cost`.
    """
    most: list[float | None] = [None] * MAP_PARTS
    starts: dict[int, float] = {}
    for sentence in sentences:
        starts.setdefault(sentence.chapter, sentence.position)
        part = min(int(sentence.position * MAP_PARTS), MAP_PARTS - 1)
        so_far = most[part]
        most[part] = sentence.salience if so_far is None else max(so_far, sentence.salience)
    return BookMap(
        salience=tuple(None if value is None else round(value, _DIGITS) for value in most),
        chapters=tuple((number, round(position, _DIGITS)) for number, position in starts.items()),
        encoder_gates=_rounded(encoder_gates),
        decoder_gates=_rounded(decoder_gates),
        attention_bytes_per_token=attention_bytes_per_token,
    )


def _rounded(gates: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(share, _DIGITS) for share in layer) for layer in gates)
