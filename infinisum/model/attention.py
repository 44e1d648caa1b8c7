"""Infini-attention of the encoder: local softmax attention and a compressive memory, gated."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from infinisum.model.exact import nearest_neighbours, previous_segment
from infinisum.model.layers import Embedding, MixingGate, attend, merge_heads, split_heads
from infinisum.model.memory import MemoryState, advance, hard_write_gate, read
from infinisum.model.positions import RelativeBias, log_bucket, rotary, rotate
from infinisum.model.shape import COMPRESSIVE_RULES, Shape


class LocalPositions(NamedTuple):
    """Positions inside a segment, the same for all layers; they restart in each segment."""

    queries: tuple[Tensor, Tensor] | None  # rotary table [N, d_k]
    keys: tuple[Tensor, Tensor] | None  # [N, d_k], or from -P on for "xl"
    bias: Tensor | None  # [1, H, N, N or P + N] for "t5_bias"
    distance: Tensor | None  # [N, N or P + N] where `local_radius` limits what tokens see

    @classmethod
    def of(
        cls, config: Shape, N: int, like: Tensor, relative: RelativeBias | None
    ) -> LocalPositions:
        """Positions of a segment of `N` tokens, in the dtype and on the device of `like`."""
        here = torch.arange(N, device=like.device)
        P = config.segment_length if config.memory_rule == "xl" else 0
        keys = torch.arange(-P, N, device=like.device)
        distance = None
        if config.local_radius is not None and config.local_radius < P + N - 1:
            distance = (keys - here[:, None]).abs()
        if relative is not None:
            return cls(None, None, relative(here, keys).to(like.dtype), distance)
        theta = config.rope_theta
        return cls(
            rotary(here, config.d_kv, theta, like.dtype),
            rotary(keys, config.d_kv, theta, like.dtype),
            None,
            distance,
        )


class PlaceTable(Embedding):
    """An embedding that starts at zero."""


class PlaceEmbedding(nn.Module):
    """Zero-initialised embedding of a number of segments, in log buckets.

    Rotary positions restart in each segment and memory has none: without it nothing tells what
    came first.
    """

    def __init__(self, config: Shape, width: int) -> None:
        super().__init__()
        self.buckets, self.maximum = config.place_buckets, config.place_max_segments
        self.embedding = PlaceTable(self.buckets, width)

    def forward(self, segments: Tensor) -> Tensor:
        """`[…]` numbers of segments → `[…, width]`."""
        bucket = log_bucket(segments.clamp(min=0), self.buckets, self.maximum)
        return self.embedding(bucket)  # type: ignore[no-any-return]


class InfiniAttention(nn.Module):
    """A = g ⊙ A_mem + (1 - g) ⊙ A_dot (paper, section 2.1; MODEL of the encoder's self-attention).

    Bidirectional inside a segment; earlier segments are reached through the memory alone, with
    the same queries, keys and values but without positions.
    """

    def __init__(self, config: Shape, layer: int) -> None:
        super().__init__()
        inner = config.num_heads * config.d_kv
        self.config = config
        self.rule = rule_of_layer(config, layer)
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, inner, bias=False)
        self.v = nn.Linear(config.d_model, inner, bias=False)
        self.o = nn.Linear(inner, config.d_model, bias=False)
        if self.rule in (*COMPRESSIVE_RULES, "knn"):
            self.mix = MixingGate(config)
        if self.rule in COMPRESSIVE_RULES and config.place_embeddings:
            self.place = PlaceEmbedding(config, inner)
        if self.rule == "delta_net":
            self.write_strength = nn.Linear(config.d_model, config.num_heads)

    def forward(
        self, x: Tensor, mask: Tensor, index: Tensor, state: MemoryState, positions: LocalPositions
    ) -> tuple[Tensor, MemoryState]:
        """Attend inside each segment of a block, and to what was before it.

        Args:
            x: `[B, S, N, D]`, normed.
            mask: `[B, S, N]` bool, True for tokens.
            index: `[B, S]`, each segment's number in the book.
            state: memory before the block.
            positions: of the tokens inside a segment.

        Returns:
            `[B, S, N, D]`, and the memory after the block.
        """
        d_kv, told = self.config.d_kv, self.v(x)  # [B, S, N, H d]
        q, k, v = (split_heads(part, d_kv) for part in (self.q(x), self.k(x), told))
        # q, k, v: [B, S, H, N, d]
        if self.rule == "xl":
            A_dot, state = self._local_xl(q, k, v, mask, state, positions)
            return self.o(merge_heads(A_dot)), state
        A_dot = self._local(q, k, v, mask, positions)
        if self.rule == "knn":
            scale = self.config.attention_scale or d_kv**-0.5
            A_mem, written, state = nearest_neighbours(
                state, q, k, v, mask, self.config.knn_neighbours, scale
            )
            return self.o(merge_heads(self.mix(A_mem, A_dot, written))), state
        if self.rule == "none":
            return self.o(merge_heads(A_dot)), state
        strength = None
        if self.rule == "delta_net":
            strength = hard_write_gate(self.write_strength(x)).transpose(-1, -2)  # [B, S, H, N]
        if self.config.place_embeddings:
            v = split_heads(told + self.place(index)[:, :, None], d_kv)
        before, state = advance(self.rule, state, k, v, mask, strength, self.config.delta_chunk)
        A_mem = read(self.rule, before, q)  # [B, S, H, N, d_v]
        return self.o(merge_heads(self.mix(A_mem, A_dot, before.count > 0))), state

    def _local(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, at: LocalPositions) -> Tensor:
        """Softmax attention inside each segment, one call for all segments of the block."""
        if at.queries is not None and at.keys is not None:
            q, k = rotate(q, at.queries), rotate(k, at.keys)
        B, S = q.shape[:2]
        bias, radius = at.bias, self.config.local_radius
        if at.distance is not None or not _all_tokens(mask):
            allowed = _allow_something(mask).flatten(0, 1)[:, None, None, :]  # [B S, 1, 1, N]
            if at.distance is not None and radius is not None:
                near = at.distance <= radius  # padding may see itself, or it would see nothing: NaN
                allowed = (allowed & near) | (at.distance == 0)  # [B S, 1, N, N]
            bias = _with_bias(allowed, at.bias)
        A_dot = attend(
            q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), bias, self.config.attention_scale
        )  # [B S, H, N, d]
        return A_dot.view(B, S, *A_dot.shape[1:])

    def _local_xl(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor,
        state: MemoryState,
        positions: LocalPositions,
    ) -> tuple[Tensor, MemoryState]:
        """As `_local`, with the previous segment's keys at relative positions -P … -1."""
        before_k, before_v, before_mask, state = previous_segment(state, k, v, mask)
        k = torch.cat([before_k, k], dim=-2)  # [B, S, H, P + N, d]
        v = torch.cat([before_v, v], dim=-2)
        return self._local(q, k, v, torch.cat([before_mask, mask], dim=-1), positions), state


def rule_of_layer(config: Shape, layer: int) -> str:
    """The memory rule of an encoder layer: `knn` has one layer with memory, the rest without."""
    if config.memory_rule != "knn":
        return config.memory_rule
    chosen = config.encoder_layers // 2 if config.knn_layer is None else config.knn_layer
    return "knn" if layer == chosen else "none"


def _all_tokens(mask: Tensor) -> bool:
    """Whether nothing is padding: SDPA is a tenth faster without a mask.

    A GPU is not asked, as that would wait for it.
    """
    return mask.device.type == "cpu" and bool(mask.all())


def _allow_something(mask: Tensor) -> Tensor:
    """Let empty segments attend to their padding: softmax over nothing would be NaN."""
    return mask | ~mask.any(-1, keepdim=True)


def _with_bias(allowed: Tensor, bias: Tensor | None) -> Tensor:
    """The mask as SDPA takes it: bool, or T5's bias with -inf where nothing may be seen."""
    if bias is None:
        return allowed
    return bias.masked_fill(~allowed, float("-inf"))
