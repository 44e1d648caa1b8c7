"""Names and sizes of decoders of the Llama and Qwen families: theirs → ours.

Memory has no positions: queries and keys go into it before rotation, after Qwen3's norms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infinisum.errors import InputError
from infinisum.model.causal.config import ROPE_TYPES, InfinisumCausalConfig

# Theirs → ours; "{}" is the number of a layer. A weight, and of some a bias, follows.
NAMES: Final[Mapping[str, str]] = {
    "model.embed_tokens": "embedding",
    "model.norm": "norm",
    "lm_head": "lm_head",
    "model.layers.{}.input_layernorm": "layers.{}.attention_norm",
    **{f"model.layers.{{}}.self_attn.{x}_proj": f"layers.{{}}.attention.{x}" for x in "qkvo"},
    **{f"model.layers.{{}}.self_attn.{x}_norm": f"layers.{{}}.attention.{x}_norm" for x in "qk"},
    "model.layers.{}.post_attention_layernorm": "layers.{}.ffn_norm",
    "model.layers.{}.mlp.gate_proj": "layers.{}.ffn.wi",
    "model.layers.{}.mlp.up_proj": "layers.{}.ffn.wi_linear",
    "model.layers.{}.mlp.down_proj": "layers.{}.ffn.wo",
}


def causal_config(theirs: Any, **choices: Any) -> InfinisumCausalConfig:
    """The config of the converted network.

    Args:
        theirs: the donor's config, as `transformers` loads it.
        choices: fields to set: `segment_length`, `memory_rule`, `gate_init`, `vocab_size`, …

    Raises:
        InputError: the donor has something this network has no place for.
    """
    kind = theirs.model_type
    rope = dict(theirs.rope_parameters or {})
    bias = bool(getattr(theirs, "attention_bias", False))
    heads = theirs.num_attention_heads
    values = {
        "vocab_size": theirs.vocab_size,
        "d_model": theirs.hidden_size,
        "d_kv": getattr(theirs, "head_dim", None) or theirs.hidden_size // heads,
        "num_heads": heads,
        "num_kv_heads": theirs.num_key_value_heads or heads,
        "num_layers": theirs.num_hidden_layers,
        "d_ff": theirs.intermediate_size,
        "qkv_bias": bias or kind == "qwen2",
        "output_bias": bias,
        "qk_norm": kind == "qwen3",
        "rope_parameters": rope,
        "max_position_embeddings": theirs.max_position_embeddings,
        "norm_epsilon": theirs.rms_norm_eps,
        "tie_word_embeddings": theirs.tie_word_embeddings,
        "pad_token_id": theirs.pad_token_id,
        "bos_token_id": theirs.bos_token_id,
        "eos_token_id": theirs.eos_token_id,
        "gate_init": -2.0,
    } | choices
    N = values.get("segment_length", InfinisumCausalConfig.segment_length)
    limit = most_tokens(theirs)
    refused = {
        f"hidden_act {theirs.hidden_act!r}": theirs.hidden_act != "silu",
        "mlp_bias": bool(getattr(theirs, "mlp_bias", False)),
        f"rope_type {rope.get('rope_type')!r}": rope.get("rope_type", "default") not in ROPE_TYPES,
        "rotary positions on a part of each head": rope.get("partial_rotary_factor", 1.0) != 1.0,
    }
    for what, is_there in refused.items():
        if is_there:
            raise InputError(f"{kind} with {what} cannot be converted.", "Choose another donor.")
    if limit < N:
        raise InputError(
            f"segments of {N} tokens are longer than what this {kind} attends to ({limit}).",
            "Choose a shorter segment length.",
        )
    return InfinisumCausalConfig(**values)


def most_tokens(theirs: Any) -> int:
    """How far tokens of a donor see, in tokens."""
    most: int = theirs.max_position_embeddings
    return min(most, getattr(theirs, "sliding_window", None) or most)


def names(config: InfinisumCausalConfig) -> Iterator[tuple[str, str]]:
    """Their names with ours."""
    biased = dict.fromkeys("qkv", config.qkv_bias) | {"o": config.output_bias}
    for theirs, ours in NAMES.items():
        if ours.endswith(("q_norm", "k_norm")) and not config.qk_norm:
            continue
        if theirs == "lm_head" and config.tie_word_embeddings:
            continue
        kinds = ("weight", "bias") if biased.get(ours.rpartition(".")[2]) else ("weight",)
        for i in range(config.num_layers if "{}" in theirs else 1):
            for kind in kinds:
                yield f"{theirs.format(i)}.{kind}", f"{ours.format(i)}.{kind}"
