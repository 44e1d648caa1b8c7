"""What is kept of a text that a decoder reads, and what it sees of it when it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
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


def behind(context: CausalContext, prompt: Tensor) -> tuple[Tensor, Tensor]:
    """The open segment of each text and what goes on in it `[B, P]`: ids and mask `[B, X + P]`.

    All padding stands before the tokens, so that the prompts end together.
    """
    assert context.tail is not None and context.tail_mask is not None
    there = torch.ones_like(prompt, dtype=torch.bool)
    return tokens_last(
        torch.cat([context.tail, prompt], dim=1), torch.cat([context.tail_mask, there], dim=1)
    )


def last_segment(ids: Tensor, mask: Tensor, state: CausalState) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask `[B, N]` of the last segment with tokens; the state's where there is none.

    Args:
        ids, mask: `[B, S, ≤ N]`.
        state: before them.

    Returns:
        Ids, mask, and the number `[B]` of that segment among the `S`, or -1.
    """
    room = (0, state.tail.shape[1] - ids.shape[-1])
    ids, mask = F.pad(ids, room), F.pad(mask, room)
    filled = mask.any(-1).long()
    number = torch.arange(1, filled.shape[1] + 1, device=mask.device)
    last = (filled * number).amax(1) - 1  # [B], -1 for none
    index = last.clamp(min=0).view(-1, 1, 1).expand(-1, 1, ids.shape[-1])
    there = (last >= 0)[:, None]
    return (
        torch.where(there, ids.gather(1, index)[:, 0], state.tail),
        torch.where(there, mask.gather(1, index)[:, 0], state.tail_mask),
        last,
    )
