"""What one layer's memory costs, for either network."""

from __future__ import annotations

from infinisum.model.memory import chunk_length
from infinisum.model.shape import COMPRESSIVE_RULES


def memory_size(heads: int, d: int) -> int:
    """Bytes of one layer's memory of one text: M and z in fp32, count in int64."""
    return heads * (d * d * 4 + d * 4 + 8)


def read_flops(rule: str, N: int, heads: int, d: int) -> int:
    """Operations of reading one layer's memory for a segment of N tokens."""
    if rule not in COMPRESSIVE_RULES:
        return 0
    return 2 * N * d * (d if rule == "delta_net" else d + 1) * heads


def write_flops(rule: str, N: int, heads: int, d: int, chunk: int) -> int:
    """Operations of writing a segment of N tokens to one layer's memory."""
    if rule not in COMPRESSIVE_RULES:
        return 0
    if rule != "delta_net":
        return 2 * N * d * d * heads * (1 if rule == "linear" else 2)
    C = chunk_length(chunk, N)
    chunks = -(-N // C)
    gram = 2 * C * C * d
    solve = C * (C - 1) * d  # forward substitution
    steps = 2 * 2 * C * d * d
    return heads * chunks * (gram + solve + steps)
