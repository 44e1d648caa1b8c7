"""A pretrained sentence encoder of BERT's shape with Infini-attention.

Post-normalised layers with biases, learned positions that restart in each segment, and the same
compressive memory and gates as everywhere: an empty memory is bypassed, so one segment is BERT.
BERT's positions are added to the embeddings, so they are in what goes into memory, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.layers import MixingGate, attend, merge_heads, split_heads
from infinisum.model.memory import MemoryState, advance, hard_write_gate, read
from infinisum.model.shape import COMPRESSIVE_RULES

# Theirs → ours in a layer of `transformers.BertModel`.
LAYER_NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "wi",
    "output.dense": "wo",
    "output.LayerNorm": "ffn_norm",
}
EMBEDDING_NAMES = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "types",
    "embeddings.LayerNorm": "norm",
}


@dataclass
class SentenceEncoderConfig:
    """Sizes and switches; the names are those the shared layers ask for."""

    vocab_size: int = 30_522
    most_positions: int = 512  # longest segment
    d_model: int = 384
    d_kv: int = 32  # size of one head
    num_heads: int = 12
    num_layers: int = 6
    d_ff: int = 1_536
    norm_epsilon: float = 1e-12
    memory_rule: str = "delta_net"  # a compressive rule or "none"
    memory_norm: bool = False
    gate_init: float = -2.0
    delta_chunk: int = 64
    ffn: str = "gelu"
    dropout: float = 0.0

    @classmethod
    def of(cls, theirs: Any, **choices: Any) -> SentenceEncoderConfig:
        """The sizes of a `transformers.BertConfig`, and what else is chosen."""
        return cls(
            vocab_size=theirs.vocab_size,
            most_positions=theirs.max_position_embeddings,
            d_model=theirs.hidden_size,
            d_kv=theirs.hidden_size // theirs.num_attention_heads,
            num_heads=theirs.num_attention_heads,
            num_layers=theirs.num_hidden_layers,
            d_ff=theirs.intermediate_size,
            norm_epsilon=theirs.layer_norm_eps,
            **choices,
        )


class SentenceEncoderLayer(nn.Module):
    """Infini-attention and feed-forward, normalised after each residual."""

    def __init__(self, config: SentenceEncoderConfig) -> None:
        super().__init__()
        D, self.config = config.d_model, config
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.attention_norm = nn.LayerNorm(D, config.norm_epsilon)
        self.wi, self.wo = nn.Linear(D, config.d_ff), nn.Linear(config.d_ff, D)
        self.ffn_norm = nn.LayerNorm(D, config.norm_epsilon)
        if config.memory_rule in COMPRESSIVE_RULES:
            self.mix = MixingGate(config)
        if config.memory_rule == "delta_net":
            self.write_strength = nn.Linear(D, config.num_heads)
            nn.init.zeros_(self.write_strength.weight)
            nn.init.zeros_(self.write_strength.bias)

    def forward(self, x: Tensor, mask: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        """`[B, S, N, D] → [B, S, N, D]`, and the memory after the block."""
        q, k, v = (
            split_heads(project(x), self.config.d_kv) for project in (self.q, self.k, self.v)
        )
        allowed = (mask | ~mask.any(-1, keepdim=True)).flatten(0, 1)[:, None, None]
        A = attend(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), allowed, None)
        A = A.unflatten(0, x.shape[:2])  # [B, S, H, N, d]
        rule = self.config.memory_rule
        if rule in COMPRESSIVE_RULES:
            strength = None
            if rule == "delta_net":
                strength = hard_write_gate(self.write_strength(x)).transpose(-1, -2)
            before, state = advance(rule, state, k, v, mask, strength, self.config.delta_chunk)
            A = self.mix(read(rule, before, q), A, before.count > 0)
        x = self.attention_norm(x + self.o(merge_heads(A)))
        return self.ffn_norm(x + self.wo(F.gelu(self.wi(x)))), state


class SentenceEncoder(nn.Module):
    """Reads texts block by block as the network's own encoder does."""

    def __init__(self, config: SentenceEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(config.most_positions, config.d_model)
        self.types = nn.Embedding(2, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, config.norm_epsilon)
        self.layers = nn.ModuleList(SentenceEncoderLayer(config) for _ in range(config.num_layers))

    def initial_state(self, batch: int = 1) -> tuple[MemoryState, ...]:
        """The memories before the first segment, one a layer."""
        c = self.config
        empty = MemoryState.empty(batch, c.num_heads, c.d_kv, c.d_kv, self.words.weight.detach())
        return (empty,) * c.num_layers

    def forward(
        self, input_ids: Tensor, mask: Tensor, state: tuple[MemoryState, ...]
    ) -> tuple[Tensor, tuple[MemoryState, ...]]:
        """Read a block.

        Args:
            input_ids: `[B, S, N]`.
            mask: `[B, S, N]` bool, True for tokens; right-padded; empty segments are skipped.
            state: before the block.

        Returns:
            States `[B, S, N, D]`, and the memories after the block.
        """
        here = torch.arange(input_ids.shape[-1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.positions(here) + self.types.weight[0])
        after = []
        for layer, memory in zip(self.layers, state, strict=True):
            x, memory = layer(x, mask, memory)
            after.append(memory)
        return x, tuple(after)

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of a `transformers.BertModel`; gates and write gates stay as they are.

        Raises:
            ValueError: one is missing.
            RuntimeError: one has another shape.
        """
        names = dict(EMBEDDING_NAMES)
        for i in range(self.config.num_layers):
            for theirs, ours in LAYER_NAMES.items():
                names[f"encoder.layer.{i}.{theirs}"] = f"layers.{i}.{ours}"
        taken = {
            f"{ours}.{kind}": weights[f"{theirs}.{kind}"]
            for theirs, ours in names.items()
            for kind in ("weight", "bias")
            if f"{theirs}.{kind}" in weights
        }
        lacking = self.load_state_dict(taken, strict=False).missing_keys
        new = (".mix.", ".write_strength.")
        if missing := [name for name in lacking if not any(part in name for part in new)]:
            raise ValueError(f"there are no weights for {missing[0]}")
