"""Initialisation, saving, loading, registration and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from infinisum.model.config import InfinisumConfig
from infinisum.model.cost import flops_per_segment, parameters, state_bytes
from infinisum.model.modeling import InfinisumForConditionalGeneration
from tests.model.helpers import close
from tests.model.networks import text_of, tiny_config, tiny_model
from tests.model.test_decoder import TARGET

SWITCHES: list[dict[str, Any]] = [
    {},
    {"tie_word_embeddings": False, "memory_norm": True},
    {"memory_rule": "linear", "cross_memory_rule": "delta", "ffn": "relu"},
    {"memory_rule": "knn", "position": "t5_bias"},
    {"memory_rule": "xl", "cross_memory_rule": "none", "place_embeddings": False},
]
IDS = [",".join(switches) or "plain" for switches in SWITCHES]


@pytest.mark.parametrize("switches", SWITCHES, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_saved_and_loaded_it_is_the_same_model(
    switches: dict[str, Any], dtype: torch.dtype, tmp_path: Path
) -> None:
    model = tiny_model(dtype=dtype, **switches)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, dtype=dtype)
    assert isinstance(loaded, InfinisumForConditionalGeneration)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), InfinisumConfig)
    assert loaded.config.to_dict() == {**model.config.to_dict(), **changed_by_saving(loaded)}
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        assert torch.equal(theirs[name].to(value.dtype), value), name
    ids, mask = text_of([[6, 2, 0, 6, 5]])
    if dtype == torch.float32:
        with torch.no_grad():
            how = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": TARGET[:1]}
            assert torch.equal(loaded(**how).logits, model(**how).logits)


def changed_by_saving(loaded: InfinisumForConditionalGeneration) -> dict[str, Any]:
    """Book-keeping of `transformers` that is no part of the architecture."""
    names = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype")
    values = loaded.config.to_dict()
    return {name: values[name] for name in names if name in values}


def test_gates_stay_in_fp32_when_loaded_in_bf16(tmp_path: Path) -> None:
    model = tiny_model(dtype=torch.float32)
    model.save_pretrained(tmp_path)
    loaded = InfinisumForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.bfloat16)
    kinds = {name: parameter.dtype for name, parameter in loaded.named_parameters()}
    gates = {name for name in kinds if name.endswith("mix.gate")}
    assert len(gates) == 4
    assert all(kinds[name] == torch.float32 for name in gates)
    assert {kind for name, kind in kinds.items() if name not in gates} == {torch.bfloat16}
    for name in gates:
        assert torch.equal(loaded.get_parameter(name), model.get_parameter(name))
    ids, mask = text_of([[6, 2, 0, 6, 5]])
    with torch.no_grad():
        output = loaded(input_ids=ids, attention_mask=mask, decoder_input_ids=TARGET[:1])
    assert output.logits.dtype == torch.bfloat16
    assert bool(output.logits.isfinite().all())
    assert loaded.generate(ids, attention_mask=mask, max_new_tokens=3, num_beams=2).shape[0] == 1


def test_weights_that_are_not_in_the_file_are_initialised(tmp_path: Path) -> None:
    """Memory added to a model that was trained without: gates at their start, places at zero."""
    tiny_model(
        dtype=torch.float32,
        memory_rule="none",
        cross_memory_rule="none",
        place_embeddings=False,
    ).save_pretrained(tmp_path)
    config = tiny_config(gate_init=-2.0, memory_norm=True)
    model = InfinisumForConditionalGeneration.from_pretrained(tmp_path, config=config)
    fresh(model, -2.0)


def test_feature_statistics_that_are_not_in_the_file_change_nothing(tmp_path: Path) -> None:
    """A model saved before they existed, or converted from another family."""
    model = tiny_model(dtype=torch.float32)
    kept = {name: value for name, value in model.state_dict().items() if "feature_" not in name}
    del kept["lm_head.weight"]  # tied
    model.config.save_pretrained(tmp_path)
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    head = InfinisumForConditionalGeneration.from_pretrained(tmp_path).salience
    assert torch.equal(head.feature_mean, torch.zeros_like(head.feature_mean))
    assert torch.equal(head.feature_scale, torch.ones_like(head.feature_scale))


@pytest.mark.parametrize("gate_init", [0.0, -2.0])
def test_what_a_new_model_starts_from(gate_init: float) -> None:
    model = InfinisumForConditionalGeneration(tiny_config(gate_init=gate_init, memory_norm=True))
    fresh(model, gate_init)
    assert float(model.shared.weight.detach().std()) == pytest.approx(0.02, rel=0.3)
    assert model.lm_head.weight is model.shared.weight


def fresh(model: InfinisumForConditionalGeneration, gate_init: float) -> None:
    seen = set()
    for name, parameter in model.named_parameters():
        value = parameter.detach()
        for part, expected in (
            ("mix.gate", gate_init),
            ("mix.norm", 1.0),
            ("place.embedding", 0.0),
            ("distance.embedding", 0.0),
            ("write_strength.bias", 0.0),
        ):
            if part in name:
                seen.add(part)
                assert torch.equal(value, torch.full_like(value, expected)), name
    assert len(seen) == 5
    assert all(bool(p.isfinite().all()) for p in model.parameters())


@pytest.mark.parametrize("switches", SWITCHES, ids=IDS)
def test_cost_counts_parameters_and_bytes(switches: dict[str, Any]) -> None:
    for dtype, size in ((torch.float32, 4), (torch.bfloat16, 2)):
        model = tiny_model(dtype=dtype, **switches)
        assert parameters(model.config) == sum(p.numel() for p in model.parameters())
        state = model.initial_state(1)
        if switches.get("memory_rule") != "knn":
            ids, mask = text_of([[6, 2, 0, 6, 5]])
            with torch.no_grad():
                _, state = model.read_block(ids, mask, state)
        real = sum(leaf.numel() * leaf.element_size() for leaf in pytree.tree_leaves(state))
        assert state_bytes(model.config, value_bytes=size) == real


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_net", "none", "xl"])
def test_cost_counts_operations(rule: str) -> None:
    """Against the products that really run; softmax attention has its own name, so it is added."""
    tokens = 64
    model = tiny_model(
        dtype=torch.float32,
        memory_rule=rule,
        cross_memory_rule="none" if rule == "xl" else rule,
        d_model=32,
        d_kv=8,
        num_heads=4,
        d_ff=64,
        segment_length=tokens,
        delta_chunk=16,
    )
    ids = torch.randint(3, 20, (1, 1, tokens), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.read_block(ids, mask, model.initial_state(1))
    attention = 4 * tokens * tokens * 32 * model.config.encoder_layers * (2 if rule == "xl" else 1)
    counts = counter.get_flop_counts()["Global"]
    products = sum(n for kind, n in counts.items() if "attention" not in str(kind))
    real = products + attention
    if rule == "delta_net":  # of 16 tokens each; the counter knows no forward substitution
        layers = model.config.encoder_layers + model.config.decoder_layers
        real += layers * 4 * (tokens // 16) * 16 * 15 * 8
    assert flops_per_segment(model.config) == pytest.approx(real, rel=0.02)


def test_the_default_shape() -> None:
    """44 M parameters, 2 M for sentence vectors; 95 MB in bf16; 8-9 MB of state."""
    config = InfinisumConfig()
    assert 46e6 < parameters(config) < 47.5e6
    assert 7e6 < state_bytes(config, value_bytes=2) < 10e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory_rule": "decay"},
        {"cross_memory_rule": "xl"},
        {"ffn": "mlp"},
        {"position": "alibi"},
        {"d_kv": 5},
        {"segment_length": 0},
    ],
    ids=str,
)
def test_a_network_that_cannot_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=next(iter(wrong))):
        tiny_config(**wrong)


def test_all_parameters_learn() -> None:
    """One step reaches every parameter of a text longer than the window."""
    model = tiny_model(dtype=torch.float32)
    ids, mask = text_of([[6, 2, 0, 6, 5, 6]])
    labels = torch.tensor([[5, 9, 1]])
    sentences = torch.arange(6).expand(ids.shape).clamp(max=2)
    features = torch.ones(1, 6, 3, model.config.sentence_features)
    output = model(
        input_ids=ids,
        attention_mask=mask,
        labels=labels,
        sentence_ids=sentences,
        sentence_features=features,
    )
    (output.loss + output.salience.sum() + output.vectors.square().sum()).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())]
    assert idle == []


def test_saved_state_dict_holds_tied_weights_once(tmp_path: Path) -> None:
    from safetensors import safe_open

    tiny_model(dtype=torch.float32).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        names = set(file.keys())
    assert ("lm_head.weight" in names) != ("shared.weight" in names)
    loaded = InfinisumForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.lm_head.weight.data_ptr() == loaded.shared.weight.data_ptr()
    close(loaded.shared.weight, tiny_model(dtype=torch.float32).shared.weight, 1e-12)
