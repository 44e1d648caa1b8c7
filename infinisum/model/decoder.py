"""The decoder: causal self-attention, cross-attention over states and memory, feed-forward."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.attention import PlaceEmbedding
from infinisum.model.layers import (
    FeedForward,
    MixingGate,
    Recomputed,
    RMSNorm,
    attend,
    merge_heads,
    split_heads,
)
from infinisum.model.memory import BlockMemory, MemoryState, advance, hard_write_gate, read
from infinisum.model.positions import RelativeBias, relative_bias, rotary, rotate
from infinisum.model.shape import COMPRESSIVE_RULES, Shape

if TYPE_CHECKING:
    from transformers.cache_utils import EncoderDecoderCache


class VisibleBook(NamedTuple):
    """What cross-attention reads: exact states and one memory a layer."""

    states: Tensor  # [B, X, D]
    mask: Tensor  # [B, X] bool
    distance: Tensor  # [B, X] int64, in segments from the last one read
    M: Tensor  # [B, L, H, d_k, d_v]
    z: Tensor  # [B, L, H, d_k]
    count: Tensor  # type: ignore[assignment]  # [B, L, H] int64


class SelfAttention(nn.Module):
    """Causal self-attention over what was written so far."""

    def __init__(self, config: Shape, layer: int) -> None:
        super().__init__()
        inner = config.num_heads * config.d_kv
        self.config, self.layer = config, layer
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, inner, bias=False)
        self.v = nn.Linear(config.d_model, inner, bias=False)
        self.o = nn.Linear(inner, config.d_model, bias=False)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        table: tuple[Tensor, Tensor] | None,
        cache: EncoderDecoderCache | None,
    ) -> Tensor:
        """`[B, T, D] → [B, T, D]`; `mask` None means plainly causal."""
        q, k, v = (
            split_heads(project(x), self.config.d_kv) for project in (self.q, self.k, self.v)
        )
        if table is not None:
            q, k = rotate(q, table), rotate(k, table)  # [B, H, T, d]
        if cache is not None:
            k, v = cache.self_attention_cache.update(k, v, self.layer)
        A = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=mask is None and q.shape[2] > 1,
            scale=self.config.attention_scale,
        )
        return self.o(merge_heads(A))  # type: ignore[no-any-return]


class CrossAttention(Recomputed):
    """Softmax over window and reservoir, gated with a read of this layer's cross memory.

    Keys and values of the memory come from the same projections as those of the softmax.
    """

    def __init__(self, config: Shape, layer: int) -> None:
        super().__init__()
        inner = config.num_heads * config.d_kv
        self.config, self.layer, self.rule = config, layer, config.cross_memory_rule
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, inner, bias=False)
        self.v = nn.Linear(config.d_model, inner, bias=False)
        self.o = nn.Linear(inner, config.d_model, bias=False)
        if self.rule in COMPRESSIVE_RULES:
            self.mix = MixingGate(config)
            if config.place_embeddings:
                self.place = PlaceEmbedding(config, inner)
        if self.rule == "delta_net":
            self.write_strength = nn.Linear(config.d_model, config.num_heads)

    def write(self, state: MemoryState, states: Tensor, mask: Tensor, index: Tensor) -> MemoryState:
        """Write segments that leave the window to this layer's memory.

        Args:
            state: memory before.
            states: encoder states `[B, S, N, D]`.
            mask: `[B, S, N]` bool; only these tokens are written.
            index: `[B, S]`, each segment's number in the book.
        """
        if self.rule not in COMPRESSIVE_RULES:
            return state
        written: MemoryState = self.call(self._write, state, states, mask, index)
        return written

    def _write(
        self, state: MemoryState, states: Tensor, mask: Tensor, index: Tensor
    ) -> MemoryState:
        k, v = self.k(states), self.v(states)  # [B, S, N, H d]
        if self.config.place_embeddings:
            v = v + self.place(index)[:, :, None]
        k, v = (split_heads(part, self.config.d_kv) for part in (k, v))  # [B, S, H, N, d]
        strength = None
        if self.rule == "delta_net":
            strength = hard_write_gate(self.write_strength(states)).transpose(-1, -2)
        return advance(self.rule, state, k, v, mask, strength, self.config.delta_chunk)[1]

    def forward(
        self, x: Tensor, exact: Tensor | None, book: VisibleBook, cache: EncoderDecoderCache | None
    ) -> Tensor:
        """Look at the book.

        Args:
            x: `[B, T, D]`, normed.
            exact: states with their distance embedded `[B, X, D]`; None once they are cached.
            book: masks and memories.
            cache: holds keys and values of the exact states after the first step.
        """
        q = split_heads(self.q(x), self.config.d_kv)  # [B, H, T, d]
        k, v = self._exact_keys(exact, cache)  # [B, H, X, d]
        there = book.mask.any(-1, keepdim=True)  # [B, 1]
        if k.shape[2]:
            allowed = (book.mask | ~there)[:, None, None, :]  # [B, 1, 1, X]
            A_dot = attend(q, k, v, allowed, self.config.attention_scale)
            A_dot = A_dot * there[..., None, None]
        else:
            A_dot = torch.zeros_like(q)
        if self.rule not in COMPRESSIVE_RULES:
            return self.o(merge_heads(A_dot))  # type: ignore[no-any-return]
        i = self.layer
        memory = BlockMemory(book.M[:, i, None], book.z[:, i, None], book.count[:, i, None])
        A_mem = read(self.rule, memory, q[:, None])[:, 0]  # [B, H, T, d_v]
        mixed = self.mix(A_mem, A_dot, book.count[:, i] > 0, exact=there)
        return self.o(merge_heads(mixed))  # type: ignore[no-any-return]

    def _exact_keys(
        self, exact: Tensor | None, cache: EncoderDecoderCache | None
    ) -> tuple[Tensor, Tensor]:
        """Keys and values of the exact states: projected once a text, then taken from the cache."""
        if exact is None:
            if cache is None:
                raise ValueError("neither exact states nor a cache of them was given")
            kept: Any = cache.cross_attention_cache.layers[self.layer]
            return kept.keys, kept.values
        d_kv = self.config.d_kv
        k, v = split_heads(self.k(exact), d_kv), split_heads(self.v(exact), d_kv)
        if cache is not None:
            k, v = cache.cross_attention_cache.update(k, v, self.layer)
            cache.is_updated[self.layer] = True
        return k, v


class DecoderLayer(Recomputed):
    """Self-attention, cross-attention and feed-forward, pre-normalised, with residuals."""

    def __init__(self, config: Shape, layer: int) -> None:
        super().__init__()
        self.self_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.self_attention = SelfAttention(config, layer)
        self.cross_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.cross_attention = CrossAttention(config, layer)
        self.ffn_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.ffn = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        table: tuple[Tensor, Tensor] | None,
        exact: Tensor | None,
        book: VisibleBook,
        cache: EncoderDecoderCache | None,
    ) -> Tensor:
        """`[B, T, D] → [B, T, D]`."""
        decoded: Tensor = self.call(self._forward, x, mask, table, exact, book, cache)
        return decoded

    def _forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        table: tuple[Tensor, Tensor] | None,
        exact: Tensor | None,
        book: VisibleBook,
        cache: EncoderDecoderCache | None,
    ) -> Tensor:
        x = x + self.dropout(self.self_attention(self.self_norm(x), mask, table, cache))
        x = x + self.dropout(self.cross_attention(self.cross_norm(x), exact, book, cache))
        return x + self.dropout(self.ffn(self.ffn_norm(x)))  # type: ignore[no-any-return]


class InfiniDecoder(nn.Module):
    """Writes, looking at a part of the book whose size does not depend on the book."""

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config
        self.relative_bias = relative_bias(config, config.decoder_layers, bidirectional=False)
        self.distance = PlaceEmbedding(config, config.d_model) if config.place_embeddings else None
        self.layers = nn.ModuleList(DecoderLayer(config, i) for i in range(config.decoder_layers))
        self.norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.dropout = nn.Dropout(config.dropout)

    @property
    def writers(self) -> list[CrossAttention]:
        """The cross-attention of each layer: what writes to the cross memories."""
        return [layer.cross_attention for layer in self.layers]  # type: ignore[misc]

    def forward(
        self,
        embedded: Tensor,
        book: VisibleBook,
        mask: Tensor | None = None,
        cache: EncoderDecoderCache | None = None,
    ) -> Tensor:
        """Decode.

        Args:
            embedded: `[B, T, D]` embeddings of the tokens to decode.
            book: what is visible of the book.
            mask: of self-attention `[B, 1, T, past + T]`, bool or added; None: plainly causal.
            cache: keys and values of earlier steps and of the exact states.

        Returns:
            `[B, T, D]`, normed.
        """
        past = 0 if cache is None else int(cache.get_seq_length())
        here = torch.arange(past, past + embedded.shape[1], device=embedded.device)
        table = None
        if self.relative_bias is None:
            table = rotary(here, self.config.d_kv, self.config.rope_theta, embedded.dtype)
        masks = self._masks(here, mask, embedded.dtype)
        exact = None
        if cache is None or not cache.is_updated.get(0):
            exact = book.states
            if self.distance is not None:
                exact = exact + self.distance(book.distance)
        x = self.dropout(embedded)
        for layer in self.layers:
            x = layer(x, next(masks), table, exact, book, cache)
        return self.dropout(self.norm(x))  # type: ignore[no-any-return]

    def _masks(
        self, here: Tensor, mask: Tensor | None, dtype: torch.dtype
    ) -> Iterator[Tensor | None]:
        """The mask of each layer in turn; made once where all layers have the same."""
        if isinstance(self.relative_bias, nn.ModuleList):
            for bias in self.relative_bias:
                yield _biased(bias, here, mask, dtype)  # type: ignore[arg-type]
        elif self.relative_bias is not None:
            yield from repeat(_biased(self.relative_bias, here, mask, dtype))
        else:
            yield from repeat(mask)


def _biased(
    relative: RelativeBias, here: Tensor, mask: Tensor | None, dtype: torch.dtype
) -> Tensor:
    """T5's relative bias with -inf where the mask forbids."""
    length = int(here[-1]) + 1 if mask is None else mask.shape[-1]
    keys = torch.arange(length, device=here.device)
    bias: Tensor = relative(here, keys).to(dtype)  # [1, H, T, keys]
    if mask is None:
        return bias.masked_fill(keys > here[:, None], float("-inf"))
    if mask.dtype == torch.bool:
        return bias.masked_fill(~mask, float("-inf"))
    return bias + mask
