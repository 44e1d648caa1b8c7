"""The switches of T5 against `transformers`' own T5 in float64, weights copied by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5LayerNorm

from infinisum.model.modeling import InfinisumForConditionalGeneration
from tests.model.helpers import F64, close
from tests.model.networks import tiny_config

LENGTH, VOCABULARY = 40, 23  # long enough for the logarithmic buckets


def precise_norm(self: T5LayerNorm, x: Tensor) -> Tensor:
    """T5's norm without its rounding of the variance to fp32."""
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def t5(ffn: str, tied: bool) -> T5ForConditionalGeneration:
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=12,
        d_kv=6,
        d_ff=14,
        num_layers=3,
        num_decoder_layers=2,
        num_heads=3,
        relative_attention_num_buckets=16,
        relative_attention_max_distance=30,
        feed_forward_proj={"relu": "relu", "geglu": "gated-gelu"}[ffn],
        tie_word_embeddings=tied,
        scale_decoder_outputs=tied,
        dropout_rate=0.0,
        decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model.to(F64)


def ours(
    theirs: T5ForConditionalGeneration, ffn: str, tied: bool
) -> tuple[InfinisumForConditionalGeneration, set[str]]:
    """Our model with T5's weights, and the names of its parameters that T5 has nothing for."""
    model = InfinisumForConditionalGeneration(
        tiny_config(
            vocab_size=VOCABULARY,
            d_model=12,
            d_kv=6,
            d_ff=14,
            encoder_layers=3,
            decoder_layers=2,
            num_heads=3,
            relative_buckets=16,
            relative_max_distance=30,
            ffn=ffn,
            position="t5_bias",
            attention_scale=1.0,
            tie_word_embeddings=tied,
            scale_decoder_outputs=tied,
            segment_length=LENGTH,
            norm_epsilon=theirs.config.layer_norm_epsilon,
            decoder_start_token_id=0,
        )
    ).eval()
    model.to(F64)
    T, names = theirs.state_dict(), {}
    names["shared"] = "shared"
    names["lm_head"] = "shared" if tied else "lm_head"
    for stack, bias in (("encoder", 0), ("decoder", 0)):
        names[f"{stack}.norm"] = f"{stack}.final_layer_norm"
        names[f"{stack}.relative_bias.embedding"] = (
            f"{stack}.block.{bias}.layer.0.SelfAttention.relative_attention_bias"
        )
    for i in range(3):
        block = f"encoder.block.{i}.layer"
        names[f"encoder.layers.{i}.attention_norm"] = f"{block}.0.layer_norm"
        names[f"encoder.layers.{i}.ffn_norm"] = f"{block}.1.layer_norm"
        for x in "qkvo":
            names[f"encoder.layers.{i}.attention.{x}"] = f"{block}.0.SelfAttention.{x}"
    for i in range(2):
        block = f"decoder.block.{i}.layer"
        for at, norm in enumerate(("self_norm", "cross_norm", "ffn_norm")):
            names[f"decoder.layers.{i}.{norm}"] = f"{block}.{at}.layer_norm"
        for x in "qkvo":
            names[f"decoder.layers.{i}.self_attention.{x}"] = f"{block}.0.SelfAttention.{x}"
            names[f"decoder.layers.{i}.cross_attention.{x}"] = f"{block}.1.EncDecAttention.{x}"
    for stack, layers, at in (("encoder", 3, 1), ("decoder", 2, 2)):
        for i in range(layers):
            dense = f"{stack}.block.{i}.layer.{at}.DenseReluDense"
            names[f"{stack}.layers.{i}.ffn.wo"] = f"{dense}.wo"
            if ffn == "relu":
                names[f"{stack}.layers.{i}.ffn.wi"] = f"{dense}.wi"
            else:
                names[f"{stack}.layers.{i}.ffn.wi"] = f"{dense}.wi_0"
                names[f"{stack}.layers.{i}.ffn.wi_linear"] = f"{dense}.wi_1"
    weights = {f"{a}.weight": T[f"{b}.weight"] for a, b in names.items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    used = {f"{b}.weight" for b in names.values()} | {"encoder.embed_tokens.weight"}
    assert set(T) - used <= {"decoder.embed_tokens.weight", "lm_head.weight"}
    return model, set(missing)


@pytest.mark.parametrize(("ffn", "tied"), [("relu", True), ("geglu", False)], ids=["1.0", "1.1"])
def test_one_segment_equals_t5(ffn: str, tied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(T5LayerNorm, "forward", precise_norm)
    theirs = t5(ffn, tied)
    model, missing = ours(theirs, ffn, tied)
    for name in missing:  # only what T5 does not have stays as it was made
        assert any(x in name for x in ("mix.", "place.", "distance.", "write_", "salience")), name
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(3, VOCABULARY, (2, LENGTH), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 29:] = 0
    target = torch.randint(3, VOCABULARY, (2, LENGTH), generator=generator)
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=target)
        output = model(input_ids=ids, attention_mask=mask, decoder_input_ids=target)
        states = model.encode(ids, mask)
    there = mask.bool()
    assert states.exact_mask is not None and states.last_hidden_state is not None
    close(states.last_hidden_state[states.exact_mask], expected.encoder_last_hidden_state[there])
    close(output.logits, expected.logits)


@pytest.mark.parametrize(("ffn", "tied"), [("relu", True), ("geglu", False)], ids=["1.0", "1.1"])
@pytest.mark.parametrize("beams", [1, 3])
def test_generate_equals_t5_token_for_token(ffn: str, tied: bool, beams: int) -> None:
    theirs = t5(ffn, tied).float()
    model, _ = ours(theirs, ffn, tied)
    model.float()
    ids = torch.randint(3, VOCABULARY, (2, 30), generator=torch.Generator().manual_seed(3))
    how = {"max_new_tokens": 12, "num_beams": beams, "do_sample": False}
    expected = theirs.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **how)
    assert model.generate(ids, **how).tolist() == expected.tolist()
