"""What is kept of a text that a decoder reads, and what it sees of it when it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.utils.generic import ModelOutput

from infinisum.model.memory import BlockMemory, MemoryState


class CausalState(NamedTuple):
    """All that is kept of a text that was read so far; constant in its length.

    The last segment stays open: what is written goes on in it and sees it exactly, and everything
    before through memory. So both memories are kept, the one it reads and the one that the next
    segment will read.
    """

    before: tuple[MemoryState, ...]  # one a layer: all segments but the last
    after: tuple[MemoryState, ...]  # all segments
    tail: Tensor  # [B, N] int64, token ids of the last segment
    tail_mask: Tensor  # [B, N] bool
    segments: Tensor  # [B] int64, segments read so far; empty ones do not count


@dataclass
class CausalContext(ModelOutput):
    """What the decoder sees of a text, as batch-first tensors."""

    tail: Tensor | None = None  # [B, X] int64, token ids of the open segment
    tail_mask: Tensor | None = None  # [B, X] bool
    M: Tensor | None = None  # [B, L, H_kv, d_k, d_v]
    z: Tensor | None = None  # [B, L, H_kv, d_k]
    count: Tensor | None = None  # [B, L, H_kv] int64

    @staticmethod
    def stacked(contexts: Sequence[Any]) -> CausalContext:
        """Contexts of one text each → one batch."""
        names = ("tail", "tail_mask", "M", "z", "count")
        return CausalContext(
            **{name: torch.cat([context[name] for context in contexts]) for name in names}
        )


def layer_memory(M: Tensor, z: Tensor, count: Tensor, layer: int) -> BlockMemory:
    """One layer of stacked memories `[B, L, …]`, for one segment."""
    return BlockMemory(M[:, layer, None], z[:, layer, None], count[:, layer, None])


def tokens_first(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask `[B, T]` with all padding behind the tokens, and the order that does it."""
    order = (~mask).long().argsort(dim=1, stable=True)  # [B, T]
    return ids.gather(1, order), mask.gather(1, order), order


def tokens_last(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Ids and mask `[B, T]` with all padding before the tokens, no longer than the longest row."""
    order = mask.long().argsort(dim=1, stable=True)
    order = order[:, mask.shape[1] - int(mask.sum(1).max()) :]
    return ids.gather(1, order), mask.gather(1, order)
