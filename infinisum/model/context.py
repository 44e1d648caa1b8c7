"""What the decoder may see of a book: exact window, reservoir of salient sentences, cross memory.

    encoder states ─▶ window (the last W segments, exact)
                          │ leaving
            ┌─────────────┴──────────────┐
            ▼                            ▼
    reservoir (salient sentences)   cross memory of every decoder layer

All of it is constant in the length of the book, and none of it depends on what is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from infinisum.model.memory import MemoryState
from infinisum.model.shape import Shape

NO_SCORE = float("-inf")  # of tokens that belong to no sentence; they never enter the reservoir


class CrossMemoryWriter(Protocol):
    """The cross-attention of one decoder layer, as far as writing to its memory goes."""

    def write(self, state: MemoryState, states: Tensor, mask: Tensor, index: Tensor) -> MemoryState:
        """Write segments `[B, S, N, D]` that leave the window."""


class Slots(NamedTuple):
    """Whole segments with what the reservoir needs to know of their tokens."""

    states: Tensor  # [B, W, N, D]
    mask: Tensor  # [B, W, N] bool
    score: Tensor  # [B, W, N] fp32, score of the token's sentence
    sentence: Tensor  # [B, W, N] int64, place in the book of the sentence's first token here
    index: Tensor  # type: ignore[assignment]  # [B, W] int64, each segment's number in the book


class Reservoir(NamedTuple):
    """States of the best-scored sentences of all that left the window, whole, in book order."""

    states: Tensor  # [B, R, D]
    mask: Tensor  # [B, R] bool
    score: Tensor  # [B, R] fp32
    sentence: Tensor  # [B, R] int64
    place: Tensor  # [B, R] int64, place of the token in the book (segment · N + offset)
    threshold: Tensor  # [B] fp32, best score ever turned away; only better ones enter


class ContextState(NamedTuple):
    """Everything the decoder sees of the book so far."""

    window: Slots
    reservoir: Reservoir
    memories: tuple[MemoryState, ...]  # one a decoder layer


def initial_context(
    config: Shape, batch: int, like: Tensor, window_segments: int, reservoir_length: int
) -> ContextState:
    """The context before the first segment; `like` gives device and dtype."""
    N, D, W, R = config.segment_length, config.d_model, window_segments, reservoir_length
    device = like.device

    def whole(*shape: int) -> Tensor:
        return torch.zeros(batch, *shape, dtype=torch.long, device=device)

    def score(*shape: int) -> Tensor:
        return torch.full((batch, *shape), NO_SCORE, device=device)

    def none(*shape: int) -> Tensor:
        return torch.zeros(batch, *shape, dtype=torch.bool, device=device)

    window = Slots(like.new_zeros(batch, W, N, D), none(W, N), score(W, N), whole(W, N), whole(W))
    reservoir = Reservoir(
        like.new_zeros(batch, R, D), none(R), score(R), whole(R), whole(R), score()
    )
    memories = tuple(
        MemoryState.empty(batch, config.num_heads, config.d_kv, config.d_kv, like)
        for _ in range(config.decoder_layers)
    )
    return ContextState(window, reservoir, memories)


def segment_slots(
    hidden: Tensor, mask: Tensor, index: Tensor, sentence_ids: Tensor | None, scores: Tensor | None
) -> Slots:
    """A block of encoder states as slots.

    Args:
        hidden: `[B, S, N, D]`.
        mask: `[B, S, N]` bool.
        index: `[B, S]`.
        sentence_ids: `[B, S, N]`, each token's sentence among the segment's `K`, -1 for none.
        scores: `[B, S, K]`; without them nothing of the block can enter the reservoir.
    """
    N = mask.shape[-1]
    offset = torch.arange(N, device=mask.device).expand(mask.shape)  # [B, S, N]
    if sentence_ids is None or scores is None:
        score = torch.full(mask.shape, NO_SCORE, device=mask.device)
        return Slots(hidden, mask, score, index[..., None] * N + offset, index)
    token_score = scores.detach().float().gather(-1, sentence_ids.clamp(min=0))  # [B, S, N]
    score = token_score.masked_fill((sentence_ids < 0) | ~mask, NO_SCORE)
    first = torch.ones_like(mask)
    first[..., 1:] = sentence_ids[..., 1:] != sentence_ids[..., :-1]
    start = (offset * first).cummax(-1).values
    return Slots(hidden, mask, score, index[..., None] * N + start, index)


def push(layers: Sequence[CrossMemoryWriter], context: ContextState, block: Slots) -> ContextState:
    """Let a block of segments enter the window; what leaves goes to reservoir and cross memory."""
    W = context.window.mask.shape[1]
    both = Slots(*(torch.cat(pair, dim=1) for pair in zip(context.window, block, strict=True)))
    filled = both.mask.any(-1).long()  # [B, W + S]
    order = filled.argsort(dim=1, stable=True)  # empty segments first: they leave unnoticed
    both = Slots(*(_take(field, order) for field in both))
    S = both.mask.shape[1] - W
    leaving = Slots(*(field[:, :S] for field in both))
    window = Slots(*(field[:, S:] for field in both))
    return _leave(layers, context._replace(window=window), leaving)


def flush(
    layers: Sequence[CrossMemoryWriter], context: ContextState, before: Tensor
) -> ContextState:
    """A copy of the context in which everything before segment `before` `[B]` left the window."""
    window = context.window
    early = (window.index < before[:, None])[..., None]  # [B, W, 1]
    leaving = window._replace(mask=window.mask & early)
    staying = window._replace(mask=window.mask & ~early)
    return _leave(layers, context._replace(window=staying), leaving)


def exact_states(context: ContextState, segments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Reservoir and window as one sequence, without slots that are empty in the whole batch.

    Args:
        context: what the decoder sees.
        segments: `[B]`, segments read so far.

    Returns:
        States `[B, X, D]`, mask `[B, X]`, distance from the last segment in segments `[B, X]`.
    """
    window, reservoir = context.window, context.reservoir
    N = window.mask.shape[-1]
    states = torch.cat([reservoir.states, window.states.flatten(1, 2)], dim=1)  # [B, R + W N, D]
    mask = torch.cat([reservoir.mask, window.mask.flatten(1)], dim=1)
    index = torch.cat([reservoir.place // N, window.index.repeat_interleave(N, dim=1)], dim=1)
    distance = (segments[:, None] - 1 - index).clamp(min=0)
    order = (~mask).long().argsort(dim=1, stable=True)[:, : int(mask.sum(1).max())]
    return _take(states, order), mask.gather(1, order), distance.gather(1, order)


def _leave(
    layers: Sequence[CrossMemoryWriter], context: ContextState, leaving: Slots
) -> ContextState:
    memories = tuple(
        layer.write(memory, leaving.states, leaving.mask, leaving.index)
        for layer, memory in zip(layers, context.memories, strict=True)
    )
    reservoir = context.reservoir
    if reservoir.mask.shape[1]:
        reservoir = _collect(reservoir, leaving)
    return context._replace(reservoir=reservoir, memories=memories)


def _collect(reservoir: Reservoir, leaving: Slots) -> Reservoir:
    """Keep the best sentences of reservoir and leaving segments that fit into R states.

    In the order of score (ties to the earlier) the longest run that fits is kept. The best score
    turned away becomes the threshold, so that the result does not depend on how the book was cut
    into blocks.
    """
    R = reservoir.mask.shape[1]
    N = leaving.mask.shape[-1]
    offset = torch.arange(N, device=leaving.mask.device)
    place = leaving.index[..., None] * N + offset  # [B, S, N]
    new = Reservoir(
        leaving.states.flatten(1, 2),
        leaving.mask.flatten(1),
        leaving.score.flatten(1),
        leaving.sentence.flatten(1),
        place.flatten(1),
        reservoir.threshold,
    )
    enters = new.mask & (new.score > reservoir.threshold[:, None]) & new.score.isfinite()
    score = torch.cat([reservoir.score, new.score.masked_fill(~enters, NO_SCORE)], dim=1)
    valid = torch.cat([reservoir.mask, enters], dim=1)  # [B, R + S N]
    sentence = torch.cat([reservoir.sentence, new.sentence], dim=1)
    place = torch.cat([reservoir.place, new.place], dim=1)

    # Already in book order, so a stable sort gives ties to the earlier sentence.
    rank = score.masked_fill(~valid, NO_SCORE).argsort(dim=1, descending=True, stable=True)
    ranked_sentence, ranked_valid = sentence.gather(1, rank), valid.gather(1, rank)
    last = torch.ones_like(ranked_valid)
    last[:, :-1] = (ranked_sentence[:, 1:] != ranked_sentence[:, :-1]) | ~ranked_valid[:, 1:]
    count = torch.arange(1, rank.shape[1] + 1, device=rank.device).expand(rank.shape)
    end = count.masked_fill(~last, rank.shape[1] + 1)
    end = end.flip(1).cummin(1).values.flip(1)  # states used up to the end of the sentence
    fits = ranked_valid & (end <= R)
    turned_away = score.gather(1, rank).masked_fill(fits | ~ranked_valid, NO_SCORE)
    threshold = torch.maximum(reservoir.threshold, turned_away.max(1).values)

    kept = torch.zeros_like(valid).scatter(1, rank, fits)
    by_place = place.masked_fill(~kept, torch.iinfo(torch.long).max).argsort(dim=1)[:, :R]
    states = torch.cat([reservoir.states, new.states], dim=1)
    mask = kept.gather(1, by_place)
    return Reservoir(
        _take(states, by_place) * mask[..., None],
        mask,
        score.gather(1, by_place).masked_fill(~mask, NO_SCORE),
        sentence.gather(1, by_place) * mask,
        place.gather(1, by_place) * mask,
        threshold,
    )


def _take(field: Tensor, order: Tensor) -> Tensor:
    """Pick entries `order` `[B, n]` along axis 1 of `[B, m, …]`."""
    shape = (*order.shape, *field.shape[2:])
    return field.gather(1, order.view(*order.shape, *[1] * (field.dim() - 2)).expand(shape))
