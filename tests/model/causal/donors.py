"""Tiny random donors made by `transformers`, and the same weights in our network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from infinisum.convert.causal import NAMES, causal_config
from infinisum.model.causal.modeling import InfinisumForCausalLM

VOCABULARY = 29
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 30,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "rms_norm_eps": 1e-5,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 500.0,
    "factor": 4.0,
    "original_max_position_embeddings": 16,
}
DONORS: dict[str, tuple[type, type, dict[str, Any]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "llama3": (
        LlamaConfig,
        LlamaForCausalLM,
        {"rope_parameters": LLAMA3, "attention_bias": True, "head_dim": 10},
    ),
    "llama-mha-tied": (
        LlamaConfig,
        LlamaForCausalLM,
        {"num_key_value_heads": 4, "tie_word_embeddings": True},
    ),
    "mistral": (MistralConfig, MistralForCausalLM, {"sliding_window": 64}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {"rope_parameters": YARN}),
    "qwen2-tied-mqa": (
        Qwen2Config,
        Qwen2ForCausalLM,
        {"tie_word_embeddings": True, "num_key_value_heads": 1},
    ),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"head_dim": 8}),
}


def donor(name: str, **changes: Any) -> PreTrainedModel:
    """A donor with random weights, also those that start at zero or one, in fp32."""
    config_class, model_class, its_changes = DONORS[name]
    model = model_class(config_class(**{**SIZES, **its_changes, **changes})).eval()
    randomize(model, 1)
    return model  # type: ignore[no-any-return]


def randomize(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            around = 1.0 if "norm" in name else 0.0
            parameter.copy_(around + 0.3 * torch.randn(parameter.shape, generator=generator))


def converted(theirs: PreTrainedModel, **choices: Any) -> InfinisumForCausalLM:
    """Our network with the donor's weights; what the donor has nothing for is random."""
    config = causal_config(theirs.config, **{"segment_length": 16, "delta_chunk": 4, **choices})
    model = InfinisumForCausalLM(config).eval()
    randomize(model, 9)
    own = model.state_dict()
    with torch.no_grad():
        for name, weight in theirs.state_dict().items():
            ours = our_name(name)
            if not (ours == "lm_head.weight" and config.tie_word_embeddings):
                assert own[ours].shape == weight.shape, name
            own[ours].copy_(weight)
    return model


def our_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    number = next((part for part in stem.split(".") if part.isdigit()), "")
    return NAMES[stem.replace(f".{number}.", ".{}.")].replace("{}", number) + f".{kind}"


def precise(theirs: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> PreTrainedModel:
    """The donor in fp64 without its roundings to fp32 in norms and rotary angles."""
    module = __import__(type(theirs).__module__, fromlist=["*"])
    family = type(theirs).__name__.removesuffix("ForCausalLM")

    def norm(self: Any, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * x * scale  # type: ignore[no-any-return]

    frequency = theirs.model.rotary_emb.inv_freq.clone()  # fp32, as the weights know them

    def angles(self: Any, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        angle = position_ids[..., None].to(x.dtype) * frequency.to(x.dtype)
        angle = torch.cat([angle, angle], -1)
        return angle.cos() * self.attention_scaling, angle.sin() * self.attention_scaling

    monkeypatch.setattr(getattr(module, f"{family}RMSNorm"), "forward", norm)
    monkeypatch.setattr(getattr(module, f"{family}RotaryEmbedding"), "forward", angles)
    return theirs.double()


def random_ids(*shape: int, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCABULARY, shape, generator=generator)
