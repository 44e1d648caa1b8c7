"""`finetune` end to end on a tiny network: it learns, resumes, and leaves a loadable model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infinisum.errors import NotFoundError, UsageError
from infinisum.loading import load_model
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.training.optimizer import optimizer_groups
from infinisum.training.trainer import finetune
from tests.training.texts import options, training_log


def test_it_learns_and_leaves_a_loadable_model(network: Path, data: Path, tmp_path: Path) -> None:
    before = load_model(network, "cpu", "float32")
    finetune(options(network, data, tmp_path, max_steps=30, learning_rate=1e-2))
    log = [line for line in training_log(tmp_path) if "loss_summarize" in line and "loss" in line]
    assert log[-1]["loss_summarize"] < log[0]["loss_summarize"] - 0.5
    assert log[-1]["loss_salience"] < log[0]["loss_salience"]
    after = load_model(tmp_path, "cpu", "float32")
    assert after.model.config.use_cache
    gates = [name for name, _ in after.model.named_parameters() if name.endswith("mix.gate")]
    old, new = dict(before.model.named_parameters()), dict(after.model.named_parameters())
    moved = torch.cat([(new[name] - old[name]).abs() for name in gates])
    assert moved.max() > 0.05  # at the rate of the other weights it would be a tenth of that


def test_new_weights_for_a_vocabulary(network: Path, data: Path, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocabulary"
    vocabulary.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (vocabulary / name).write_bytes((network / name).read_bytes())
    output = tmp_path / "out"
    finetune(options(vocabulary, data, output, preset="tiny", max_steps=1))
    assert load_model(output, "cpu", "float32").model.config.d_model == 64


def test_a_network_without_memory_learns_too(network: Path, data: Path, tmp_path: Path) -> None:
    config = load_model(network, "cpu", "float32").model.config
    config.memory_rule = config.cross_memory_rule = "none"
    start, output = tmp_path / "start", tmp_path / "out"
    InfinisumForConditionalGeneration(config).save_pretrained(start)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (start / name).write_bytes((network / name).read_bytes())
    finetune(options(start, data, output, objective="pretrain", max_steps=1, probe_steps=1))
    assert [line["gates"] for line in training_log(output) if "gates" in line] == [[]]


def test_groups_spare_gates_and_norms_from_decay(network: Path) -> None:
    model = load_model(network, "cpu", "float32").model
    gates, writers, plain, embeddings, decayed = optimizer_groups(model, 1e-3, 1e-2)
    assert (gates["lr"], gates["weight_decay"]) == (1e-2, 0.0)
    assert len(gates["params"]) == model.config.encoder_layers + model.config.decoder_layers
    assert (writers["lr"], writers["weight_decay"]) == (3e-3, 0.0)
    assert len(writers["params"]) == 2 * len(gates["params"])  # weight and bias
    assert plain["weight_decay"] == 0.0 and all(p.dim() > 1 for p in decayed["params"])
    assert embeddings["params"] == [model.shared.weight]
    assert embeddings["lr"] == pytest.approx(9e-3 * model.config.d_model**0.5)
    groups = (gates, writers, plain, embeddings, decayed)
    count = sum(p.numel() for group in groups for p in group["params"])
    assert count == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("change", [{"donor": "t5"}, {"scale_decoder_outputs": False}])
def test_embeddings_learn_like_the_rest_where_a_step_moves_as_much(
    network: Path, change: dict[str, object]
) -> None:
    model = load_model(network, "cpu", "float32").model
    for name, value in change.items():
        setattr(model.config, name, value)
    *_, decayed = optimizer_groups(model, 1e-3, 1e-2)
    assert any(parameter is model.shared.weight for parameter in decayed["params"])


@pytest.mark.parametrize("change", [{"objective": "juggle"}, {"device": "tpu"}])
def test_wrong_usage(network: Path, data: Path, tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        finetune(options(network, data, tmp_path, **change))


def test_an_unknown_preset(network: Path, data: Path, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocabulary"
    vocabulary.mkdir()
    (vocabulary / "tokenizer.json").write_bytes((network / "tokenizer.json").read_bytes())
    with pytest.raises(UsageError, match="--preset"):
        finetune(options(vocabulary, data, tmp_path / "out", preset="huge"))


def test_missing_data(network: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.jsonl"):
        finetune(options(network, tmp_path / "nowhere.jsonl", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
