"""What the decoder-only network costs; `infinisum.model.cost` explains the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infinisum.model.memory_cost import memory_size, read_flops, write_flops
from infinisum.model.shape import COMPRESSIVE_RULES

if TYPE_CHECKING:
    from infinisum.model.causal.config import InfinisumCausalConfig


def state_bytes(config: InfinisumCausalConfig, value_bytes: int = 4) -> int:
    """Bytes of all that is kept of one text: two memories a layer, and the last segment's ids."""
    del value_bytes  # memories are fp32 whatever the network's dtype
    memories = 2 * config.num_layers * memory_size(config.num_kv_heads, config.d_kv)
    return memories + config.segment_length * (8 + 1) + 8


def attention_bytes_per_token(config: InfinisumCausalConfig, value_bytes: int = 4) -> int:
    """Bytes of keys and values that ordinary attention keeps of a token."""
    return 2 * config.num_layers * config.num_kv_heads * config.d_kv * value_bytes


def parameters(config: InfinisumCausalConfig) -> int:
    """Number of parameters; tied ones count once."""
    D, d, H, H_kv = config.d_model, config.d_kv, config.num_heads, config.num_kv_heads
    layer = _matrices(config) + 2 * D  # two norms
    layer += (H + 2 * H_kv) * d if config.qkv_bias else 0
    layer += D if config.output_bias else 0
    layer += 2 * d if config.qk_norm else 0
    if config.memory_rule in COMPRESSIVE_RULES:
        layer += H + (H * d if config.memory_norm else 0)
    if config.memory_rule == "delta_net":
        layer += D * H_kv + H_kv
    embeddings = config.vocab_size * D * (1 if config.tie_word_embeddings else 2)
    return embeddings + config.num_layers * layer + D


def flops_per_segment(config: InfinisumCausalConfig) -> int:
    """Multiply-adds, times two, of reading one full segment; no logits are made of it."""
    N, d, H, H_kv = config.segment_length, config.d_kv, config.num_heads, config.num_kv_heads
    memory = read_flops(config.memory_rule, N, H, d)
    memory += write_flops(config.memory_rule, N, H_kv, d, config.delta_chunk)
    local = 4 * N * N * H * d // 2  # causal: half of the products
    return config.num_layers * (2 * N * _matrices(config) + local + memory)


def _matrices(config: InfinisumCausalConfig) -> int:
    """Parameters of one layer's matrices."""
    D, d = config.d_model, config.d_kv
    ffn = (2 if config.ffn == "relu" else 3) * D * config.d_ff
    return 2 * D * d * (config.num_heads + config.num_kv_heads) + ffn
