"""Baselines that remember exactly: the previous segment (`xl`) and nearest neighbours (`knn`).

`xl` is Transformer-XL (arXiv 1901.02860), `knn` is Memorizing Transformers (arXiv 2203.08913). The
memory of `knn` grows with the book; it is here to be compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from infinisum.model.memory import MemoryState


def previous_segment(
    state: MemoryState, keys: Tensor, values: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor, MemoryState]:
    """Keys and values of the segment before each segment of a block; empty segments do not count.

    They are right-aligned, so that the last token of the previous segment stands at position -1
    however long it was.

    Args:
        state: holds the last segment before the block in `keys`, `values`, `kept`, P places.
        keys: `[B, S, H, N, d_k]`, without positions, N ≤ P.
        values: `[B, S, H, N, d_v]`.
        mask: `[B, S, N]`.

    Returns:
        Keys `[B, S, H, P, d_k]`, values `[B, S, H, P, d_v]`, mask `[B, S, P]`, state after.
    """
    P, N = state.kept.shape[1], mask.shape[-1]
    room = (P - N, 0)
    order = F.pad(mask, room).long().argsort(dim=-1, stable=True)  # padding first
    kept = F.pad(mask, room).gather(-1, order)  # [B, S, P]
    place = order[:, :, None, :, None].expand(*keys.shape[:3], P, keys.shape[-1])
    keys = F.pad(keys, (0, 0, *room)).gather(3, place)
    values = F.pad(values, (0, 0, *room)).gather(3, place)
    last = (state.keys, state.values, state.kept)
    before = []
    for k, v, m in zip(keys.unbind(1), values.unbind(1), kept.unbind(1), strict=True):
        before.append(last)
        filled = m.any(-1)  # [B]
        last = (
            torch.where(filled[:, None, None, None], k, last[0]),
            torch.where(filled[:, None, None, None], v, last[1]),
            torch.where(filled[:, None], m, last[2]),
        )
    before_k, before_v, before_kept = (torch.stack(part, 1) for part in zip(*before, strict=True))
    after = state._replace(keys=last[0], values=last[1], kept=last[2])
    return before_k, before_v, before_kept, after


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
    there = torch.stack(written, 1)
    return torch.stack(answers, 1) * there[..., None, None], there, after


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
