"""The encoder: blocks of segments through all layers, carrying memory from block to block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor, nn

from infinisum.model.attention import InfiniAttention, LocalPositions, rule_of_layer
from infinisum.model.layers import FeedForward, Recomputed, RMSNorm
from infinisum.model.memory import MemoryState
from infinisum.model.positions import relative_bias
from infinisum.model.shape import Shape


class EncoderState(NamedTuple):
    """What the encoder carries from block to block."""

    memories: tuple[MemoryState, ...]  # one a layer
    segments: Tensor  # [B] int64, segments read so far; empty ones do not count


class EncoderLayer(Recomputed):
    """Infini-attention and feed-forward, each with pre-normalisation and residual."""

    def __init__(self, config: Shape, layer: int) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.attention = InfiniAttention(config, layer)
        self.ffn_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.ffn = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, mask: Tensor, index: Tensor, state: MemoryState, positions: LocalPositions
    ) -> tuple[Tensor, MemoryState]:
        """`[B, S, N, D] → [B, S, N, D]`, and the memory after the block."""
        x, state = self.call(self._forward, x, mask, index, state, positions)
        return x, state

    def _forward(
        self, x: Tensor, mask: Tensor, index: Tensor, state: MemoryState, positions: LocalPositions
    ) -> tuple[Tensor, MemoryState]:
        attended, state = self.attention(self.attention_norm(x), mask, index, state, positions)
        x = x + self.dropout(attended)
        x = x + self.dropout(self.ffn(self.ffn_norm(x)))
        return x, state


class InfiniEncoder(nn.Module):
    """Bidirectional inside a segment, unbounded through memory.

    One call runs a block of segments layer by layer. A block of one segment is the segment-major
    order of the paper; a larger block gives the same states to rounding, faster.
    """

    main_input_name = "input_ids"  # `generate()` asks the encoder for it

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config
        self.relative_bias = relative_bias(config, config.encoder_layers, bidirectional=True)
        self.layers = nn.ModuleList(EncoderLayer(config, i) for i in range(config.encoder_layers))
        self.norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.dropout = nn.Dropout(config.dropout)

    def initial_state(self, batch: int, like: Tensor) -> EncoderState:
        """The state before the first segment; `like` gives device and dtype."""
        config = self.config
        memories = tuple(
            MemoryState.empty(
                batch,
                config.num_heads,
                config.d_kv,
                config.d_kv,
                like,
                exact=config.segment_length if rule_of_layer(config, i) == "xl" else 0,
            )
            for i in range(config.encoder_layers)
        )
        return EncoderState(memories, torch.zeros(batch, dtype=torch.long, device=like.device))

    def forward(
        self, embedded: Tensor, mask: Tensor, state: EncoderState
    ) -> tuple[Tensor, Tensor, EncoderState]:
        """Read a block.

        Args:
            embedded: `[B, S, N, D]` token embeddings.
            mask: `[B, S, N]` bool, True for tokens; a segment without any is skipped.
            state: before the block.

        Returns:
            States `[B, S, N, D]`, each segment's number in the book `[B, S]`, state after.
        """
        filled = mask.any(-1).long()  # [B, S]
        index = state.segments[:, None] + filled.cumsum(1) - filled  # [B, S]
        positions = self._positions(embedded)
        x = self.dropout(embedded)
        memories = []
        for layer, memory in zip(self.layers, state.memories, strict=True):
            x, memory = layer(x, mask, index, memory, next(positions))
            memories.append(memory)
        after = EncoderState(tuple(memories), state.segments + filled.sum(1))
        return self.dropout(self.norm(x)), index, after

    def _positions(self, embedded: Tensor) -> Iterator[LocalPositions]:
        """Of each layer in turn; made once where all layers have the same."""
        N = embedded.shape[2]
        if isinstance(self.relative_bias, nn.ModuleList):
            for bias in self.relative_bias:
                yield LocalPositions.of(self.config, N, embedded, bias)  # type: ignore[arg-type]
        else:
            yield from repeat(LocalPositions.of(self.config, N, embedded, self.relative_bias))


def longest_segment(mask: Tensor) -> int:
    """Places of a block's longest segment; a GPU is not asked, as that would wait for it."""
    used = mask.flatten(0, 1).any(0).nonzero() if mask.device.type == "cpu" else None
    return mask.shape[-1] if used is None else int(used[-1]) + 1 if len(used) else 1
