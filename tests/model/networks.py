"""Tiny networks with random weights, and the same weights as the reference takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from infinisum.model.config import InfinisumConfig
from infinisum.model.memory import EPSILON
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.shape import COMPRESSIVE_RULES
from tests.reference.attention import AttentionWeights
from tests.reference.network import FeedForwardWeights, LayerWeights, Network

VOCABULARY, N = 23, 6


def tiny_config(**changes: Any) -> InfinisumConfig:
    values: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "d_model": 10,
        "d_kv": 6,
        "num_heads": 2,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "d_ff": 14,
        "segment_length": N,
        "window_segments": 2,
        "reservoir_length": 5,
        "relative_buckets": 8,
        "relative_max_distance": 10,
        "place_buckets": 6,
        "place_max_segments": 12,
        "delta_chunk": 4,
        "knn_neighbours": 3,
        "sentence_features": 3,
        "salience_hidden": 5,
        "sentence_dim": 4,
    }
    return InfinisumConfig(**{**values, **changes})


def tiny_model(
    seed: int = 0, dtype: torch.dtype = torch.float64, **changes: Any
) -> InfinisumForConditionalGeneration:
    """Every parameter random, also those that start at zero or one."""
    model = InfinisumForConditionalGeneration(tiny_config(**changes)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            around = 1.0 if "norm" in name else 0.0
            scale = 1.0 if ("gate" in name or "write_strength" in name) else 0.4
            parameter.copy_(around + scale * noise)
    return model.to(dtype)


def attention_weights(
    model: InfinisumForConditionalGeneration, name: str, rule: str, positions: str
) -> AttentionWeights:
    """Parameters of the attention called `name`; `positions`: "encoder", "decoder" or "none"."""
    config, p = model.config, dict(model.named_parameters())
    scale = config.attention_scale
    bias = p.get(f"{positions}.relative_bias.embedding.weight")
    return AttentionWeights(
        **{letter: p[f"{name}.{letter}.weight"] for letter in "qkvo"},
        heads=config.num_heads,
        scale=config.d_kv**-0.5 if scale is None else scale,
        eps=EPSILON**2 if rule == "delta_net" else EPSILON,
        beta=p.get(f"{name}.mix.gate"),
        memory_gain=p.get(f"{name}.mix.norm"),
        memory_norm_eps=config.norm_epsilon,
        eta_w=p.get(f"{name}.write_strength.weight"),
        eta_b=p.get(f"{name}.write_strength.bias"),
        rope_base=config.rope_theta if positions != "none" and bias is None else None,
        bias=bias,
        bias_max_distance=config.relative_max_distance,
        place=p.get(f"{name}.place.embedding.weight"),
        place_max=config.place_max_segments,
    )


def reference_of(model: InfinisumForConditionalGeneration) -> Network:
    """The reference network on the very parameters of `model`, so that gradients meet there."""
    config, p = model.config, dict(model.named_parameters())

    def ffn(name: str) -> FeedForwardWeights:
        gate: Tensor | None = p.get(f"{name}.wi_linear.weight")
        return FeedForwardWeights(config.ffn, p[f"{name}.wi.weight"], gate, p[f"{name}.wo.weight"])

    def encoder_rule(i: int) -> str:
        if config.memory_rule == "knn":
            return "knn" if i == config.encoder_layers // 2 else "none"
        return config.memory_rule

    encoder = [
        LayerWeights(
            p[f"{at}.attention_norm.weight"],
            attention_weights(model, f"{at}.attention", encoder_rule(i), "encoder"),
            p[f"{at}.ffn_norm.weight"],
            ffn(f"{at}.ffn"),
            encoder_rule(i),
        )
        for i, at in enumerate(f"encoder.layers.{i}" for i in range(config.encoder_layers))
    ]
    rule = config.cross_memory_rule
    assert rule in (*COMPRESSIVE_RULES, "none")
    decoder = [
        LayerWeights(
            p[f"{at}.self_norm.weight"],
            attention_weights(model, f"{at}.self_attention", rule, "decoder"),
            p[f"{at}.ffn_norm.weight"],
            ffn(f"{at}.ffn"),
            rule,
            p[f"{at}.cross_norm.weight"],
            attention_weights(model, f"{at}.cross_attention", rule, "none"),
        )
        for at in (f"decoder.layers.{i}" for i in range(config.decoder_layers))
    ]
    return Network(
        embedding=p["shared.weight"],
        head=p.get("lm_head.weight", p["shared.weight"]),
        encoder=encoder,
        encoder_norm=p["encoder.norm.weight"],
        decoder=decoder,
        decoder_norm=p["decoder.norm.weight"],
        distance=p.get("decoder.distance.embedding.weight"),
        place_max=config.place_max_segments,
        norm_eps=config.norm_epsilon,
        output_scale=config.d_model**-0.5 if config.scale_decoder_outputs else 1.0,
        neighbours=config.knn_neighbours,
    )


def text_of(lengths: list[list[int]], seed: int = 0, filler: int = 0) -> tuple[Tensor, Tensor]:
    """Random token ids `[B, S, N]` and mask of ragged segments; padding holds `filler`."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY, (len(lengths), len(lengths[0]), N), generator=generator)
    mask = torch.arange(N)[None, None] < torch.tensor(lengths)[..., None]
    return ids.masked_fill(~mask, filler), mask


def sentences_of(lengths: list[list[int]], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sentences of 1-4 tokens `[B, S, N]` (-1: none) and scores of a few levels `[B, S, K]`."""
    generator = torch.Generator().manual_seed(100 + seed)
    ids = torch.full((len(lengths), len(lengths[0]), N), -1)
    for b, row in enumerate(lengths):
        for s, length in enumerate(row):
            at, k = 0, 0
            while at < length:
                size = int(torch.randint(1, 5, (1,), generator=generator))
                ids[b, s, at : min(at + size, length)] = k
                at, k = at + size, k + 1
    scores = torch.randint(0, 5, (*ids.shape[:2], N), generator=generator) / 4  # ties on purpose
    return ids, scores
