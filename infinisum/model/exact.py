"""Baselines that remember exactly: the previous segment (`xl`) and nearest neighbours (`knn`).

`xl` is Transformer-XL (arXiv 1901.02860), `knn` is Memorizing Transformers (arXiv 2203.08913). The
memory of `knn` grows with the book; it is here to be compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor

from infinisum.model.memory import MemoryState


def previous_segment(
    state: MemoryState, keys: Tensor, values: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor, MemoryState]:
    """Keys and values of the segment before each segment of a block; empty segments do not count.

    Args:
        state: holds the last segment before the block in `keys`, `values`, `kept` (P = N).
        keys: `[B, S, H, N, d_k]`, without positions.
        values: `[B, S, H, N, d_v]`.
        mask: `[B, S, N]`.

    Returns:
        Keys `[B, S, H, N, d_k]`, values `[B, S, H, N, d_v]`, mask `[B, S, N]`, state after.
    """
    k, v, kept = state.keys, state.values, state.kept
    before_k, before_v, before_kept = [], [], []
    for s in range(keys.shape[1]):
        before_k.append(k)
        before_v.append(v)
        before_kept.append(kept)
        filled = mask[:, s].any(-1)  # [B]
        k = torch.where(filled[:, None, None, None], keys[:, s], k)
        v = torch.where(filled[:, None, None, None], values[:, s], v)
        kept = torch.where(filled[:, None], mask[:, s], kept)
    after = state._replace(keys=k, values=v, kept=kept)
    return torch.stack(before_k, 1), torch.stack(before_v, 1), torch.stack(before_kept, 1), after


def nearest_neighbours(
    state: MemoryState,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    neighbours: int,
    scale: float,
) -> tuple[Tensor, Tensor, MemoryState]:
    """Softmax over the nearest of all earlier keys of the book.

    Args:
        state: holds all earlier keys and values.
        queries: `[B, S, H, N, d_k]`, without positions; `keys`, `values` and `mask` likewise.
        keys: see `queries`.
        values: see `queries`.
        mask: `[B, S, N]`.
        neighbours: how many keys each query and head attends to.
        scale: of the attention logits.

    Returns:
        A_mem `[B, S, H, N, d_v]`, whether anything was there `[B, S, H]`, state after.
    """
    k, v, kept = state.keys, state.values, state.kept
    answers, written = [], []
    for s in range(queries.shape[1]):
        written.append(kept.any(-1)[:, None].expand(-1, k.shape[1]))  # [B, H]
        answers.append(_nearest(queries[:, s], k, v, kept, neighbours, scale))
        k = torch.cat([k, keys[:, s]], dim=2)
        v = torch.cat([v, values[:, s]], dim=2)
        kept = torch.cat([kept, mask[:, s]], dim=1)
    count = state.count + mask.sum((1, 2))[:, None]
    after = state._replace(keys=k, values=v, kept=kept, count=count)
    return torch.stack(answers, 1), torch.stack(written, 1), after


def _nearest(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, neighbours: int, scale: float
) -> Tensor:
    if k.shape[2] == 0:
        return q.new_zeros(*q.shape[:-1], v.shape[-1])
    scores = (q @ k.transpose(-1, -2)) * scale  # [B, H, N, P]
    scores = scores.masked_fill(~kept[:, None, None], torch.finfo(scores.dtype).min)
    top, index = scores.topk(min(neighbours, k.shape[2]), dim=-1)  # [B, H, N, n]
    weights = top.softmax(-1)
    B, H, N, n = index.shape
    flat = index.reshape(B, H, N * n, 1).expand(-1, -1, -1, v.shape[-1])
    chosen = v.gather(2, flat).view(B, H, N, n, -1)
    return (weights[..., None] * chosen).sum(-2)
