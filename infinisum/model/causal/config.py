"""`InfinisumCausalConfig`: every size and switch of the decoder-only network."""

from __future__ import annotations

from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from infinisum.model.causal import CAUSAL_MODEL_TYPE
from infinisum.model.shape import COMPRESSIVE_RULES

# Kinds of rotary frequencies that do not depend on how long the text is.
ROPE_TYPES = ("default", "linear", "llama3", "yarn")


@strict
class InfinisumCausalConfig(PreTrainedConfig):
    """Sizes and switches of a decoder-only language model with Infini-attention.

    Llama is the defaults; Qwen2 has `qkv_bias`, Qwen3 `qk_norm`.
    """

    model_type: ClassVar[str] = CAUSAL_MODEL_TYPE
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["cache", "past_key_values"]
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "d_model",
        "intermediate_size": "d_ff",
        "num_attention_heads": "num_heads",
        "num_key_value_heads": "num_kv_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }

    vocab_size: int = 32_000
    d_model: int = 512  # width of the residual stream, D
    d_kv: int = 64  # size of one head, d_k = d_v
    num_heads: int = 8  # of queries, H
    num_kv_heads: int = 8  # of keys and values, and of memories, H_kv
    num_layers: int = 8
    d_ff: int = 1_024
    ffn: str = "swiglu"
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False  # RMSNorm of queries and keys, head by head, before rotation
    rope_parameters: dict[str, Any] | None = None  # as in `transformers`; None: theta 10,000
    max_position_embeddings: int = 2_048  # positions the weights were trained on
    norm_epsilon: float = 1e-6
    dropout: float = 0.0

    segment_length: int = 1_024  # N
    memory_rule: str = "delta_net"  # a compressive rule or "none"
    memory_norm: bool = False  # per-head RMSNorm with gain on what is read from memory
    gate_init: float = 0.0  # beta; 0 from scratch, -2 on pretrained weights
    delta_chunk: int = 64  # tokens solved at once by delta_net, rounded up to a power of two

    donor: str = ""  # the pretrained model whose weights these were made from
    infinisum_version: str = ""  # of the weights, said in every summary they make
    writes_well: bool = False  # whether the text they generate is fit to be shown unasked

    initializer_range: float = 0.02
    use_cache: bool = True
    tie_word_embeddings: bool = False
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    bos_token_id: int | None = 2

    def validate_architecture(self) -> None:
        """Refuse values that no network can be built from.

        Raises:
            ValueError: names the field and what it may be.
        """
        rules = (*COMPRESSIVE_RULES, "none")
        if self.memory_rule not in rules:
            raise ValueError(f"memory_rule must be one of {', '.join(rules)}")
        if self.ffn not in ("swiglu", "geglu", "relu"):
            raise ValueError("ffn must be one of swiglu, geglu, relu")
        for name in ("segment_length", "delta_chunk", "num_heads", "num_kv_heads", "d_model"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.d_kv < 2 or self.d_kv % 2:
            raise ValueError("d_kv must be even")
        if self.num_heads % self.num_kv_heads:
            raise ValueError("num_heads must be a multiple of num_kv_heads")
        if self.segment_length > self.max_position_embeddings:
            raise ValueError("segment_length must not be greater than max_position_embeddings")
        kind = (self.rope_parameters or {}).get("rope_type", "default")
        if kind not in ROPE_TYPES:
            raise ValueError(f"rope_type must be one of {', '.join(ROPE_TYPES)}")


AutoConfig.register(CAUSAL_MODEL_TYPE, InfinisumCausalConfig, exist_ok=True)
