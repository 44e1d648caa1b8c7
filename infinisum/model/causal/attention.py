"""Causal Infini-attention: local softmax attention and a compressive memory, gated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.cache_utils import Cache

from infinisum.model.causal.config import InfinisumCausalConfig
from infinisum.model.layers import MixingGate, RMSNorm, merge_heads, split_heads
from infinisum.model.memory import BlockMemory, MemoryState, advance, hard_write_gate, read
from infinisum.model.positions import rotate
from infinisum.model.shape import COMPRESSIVE_RULES

Table = tuple[Tensor, Tensor]  # cosines and sines of positions


class CausalInfiniAttention(nn.Module):
    """A = g ⊙ A_mem + (1 - g) ⊙ A_dot (paper, section 2.1).

    Query heads that share keys and values share their memory; each has a gate of its own.
    """

    def __init__(self, config: InfinisumCausalConfig, layer: int) -> None:
        super().__init__()
        D, d, bias = config.d_model, config.d_kv, config.qkv_bias
        self.config, self.layer, self.rule = config, layer, config.memory_rule
        self.group = config.num_heads // config.num_kv_heads  # G
        self.q = nn.Linear(D, config.num_heads * d, bias=bias)
        self.k = nn.Linear(D, config.num_kv_heads * d, bias=bias)
        self.v = nn.Linear(D, config.num_kv_heads * d, bias=bias)
        self.o = nn.Linear(config.num_heads * d, D, bias=config.output_bias)
        if config.qk_norm:
            self.q_norm = RMSNorm(d, config.norm_epsilon)
            self.k_norm = RMSNorm(d, config.norm_epsilon)
        if self.rule in COMPRESSIVE_RULES:
            self.mix = MixingGate(config)
        if self.rule == "delta_net":
            self.write_strength = nn.Linear(D, config.num_kv_heads)

    def forward(
        self, x: Tensor, mask: Tensor, state: MemoryState, table: Table
    ) -> tuple[Tensor, BlockMemory | None, MemoryState]:
        """Read a block: attend inside each segment, and to what was before it.

        Args:
            x: `[B, S, N, D]`, normed.
            mask: `[B, S, N]` bool, True for tokens, right-padded.
            state: memory before the block.
            table: of positions `0 … N - 1`.

        Returns:
            `[B, S, N, D]`, the memory before each segment, the memory after the block.
        """
        q, k, v = self._project(x)  # q: [B, S, H, N, d]; k, v: [B, S, H_kv, N, d]
        # Padding stands behind all tokens, so the causal order alone keeps it from being seen.
        A_dot = F.scaled_dot_product_attention(
            rotate(q, table).flatten(0, 1),
            rotate(k, table).flatten(0, 1),
            v.flatten(0, 1),
            is_causal=True,
            enable_gqa=self.group > 1,
        ).unflatten(0, x.shape[:2])
        if self.rule not in COMPRESSIVE_RULES:
            return self.o(merge_heads(A_dot)), None, state
        strength = None
        if self.rule == "delta_net":
            strength = hard_write_gate(self.write_strength(x)).transpose(-1, -2)  # [B, S, H_kv, N]
        before, after = advance(self.rule, state, k, v, mask, strength, self.config.delta_chunk)
        return self.o(merge_heads(self._mixed(q, A_dot, before))), before, after

    def write(
        self, x: Tensor, mask: Tensor | None, memory: BlockMemory, table: Table, cache: Cache | None
    ) -> Tensor:
        """Go on in the open segment; the memory of what was before it stays as it is.

        Args:
            x: `[B, T, D]`, normed.
            mask: as `transformers` makes it; None means plainly causal.
            memory: before the open segment, S = 1.
            table: of these tokens' positions in the open segment.
            cache: keys and values of the open segment so far.
        """
        q, k, v = self._project(x)  # q: [B, H, T, d]; k, v: [B, H_kv, T, d]
        turned = rotate(k, table)
        if cache is not None:
            turned, v = cache.update(turned, v, self.layer)
        A_dot = F.scaled_dot_product_attention(
            rotate(q, table),
            turned,
            v,
            attn_mask=mask,
            is_causal=mask is None and q.shape[2] > 1,
            enable_gqa=self.group > 1,
        )
        if self.rule in COMPRESSIVE_RULES:
            A_dot = self._mixed(q[:, None], A_dot[:, None], memory)[:, 0]
        return self.o(merge_heads(A_dot))  # type: ignore[no-any-return]

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, without positions."""
        d = self.config.d_kv
        q, k, v = (split_heads(project(x), d) for project in (self.q, self.k, self.v))
        if self.config.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        return q, k, v

    def _mixed(self, q: Tensor, A_dot: Tensor, memory: BlockMemory) -> Tensor:
        """Gate what the memory answers with what the segment does, `[B, S, H, N, d]` each."""
        groups = q.unflatten(2, (-1, self.group))  # [B, S, H_kv, G, N, d]
        answers = read(self.rule, memory, groups.flatten(3, 4))  # [B, S, H_kv, G N, d]
        A_mem = answers.unflatten(3, (self.group, -1)).flatten(2, 3)  # [B, S, H, N, d]
        written = (memory.count > 0).repeat_interleave(self.group, dim=-1)  # [B, S, H]
        mixed: Tensor = self.mix(A_mem, A_dot, written)
        return mixed


def at_last(before: BlockMemory, old: MemoryState, mask: Tensor) -> MemoryState:
    """The memory before the last segment of a block that has tokens; `old` where none has.

    Args:
        before: memory before each segment `[B, S, …]`.
        old: the memory before the last segment of earlier blocks.
        mask: `[B, S, N]`.
    """
    filled = mask.any(-1)  # [B, S]
    number = torch.arange(filled.shape[1], device=mask.device)
    last = torch.where(filled, number, -1).amax(1)  # [B]

    def pick(blocks: Tensor, otherwise: Tensor) -> Tensor:
        index = last.clamp(min=0).view(-1, *[1] * (blocks.dim() - 1))
        found = blocks.gather(1, index.expand(-1, 1, *blocks.shape[2:]))[:, 0]
        return torch.where((last >= 0).view(-1, *[1] * (found.dim() - 1)), found, otherwise)

    return old._replace(
        M=pick(before.M, old.M), z=pick(before.z, old.z), count=pick(before.count, old.count)
    )
