"""A converted model trained whole, in its memories alone, and by LoRA."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from infinisum.config import ConvertOptions
from infinisum.convert.conversion import convert
from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.training.parts import is_memory
from infinisum.training.trainer import finetune
from tests.convert.donors import make_donor
from tests.training.texts import options


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    make_donor(folder / "donor", untied=True, feed_forward_proj="gated-gelu")
    # Small segments and a small window, so that the memories are read.
    made = ConvertOptions(str(folder / "donor"), folder / "ours", 32, window_segments=1)
    return convert(made).folder


def weights(folder: Path) -> dict[str, Tensor]:
    return dict(load_model(folder, "cpu", "float32").model.state_dict())


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def train(model: Path, data: Path, output: Path, **changes: Any) -> dict[str, Tensor]:
    finetune(options(model, data, output, max_steps=3, objective="summarize", **changes))
    return weights(output)


def test_all_is_trained(converted: Path, data: Path, tmp_path: Path) -> None:
    before = weights(converted)
    found = moved(before, train(converted, data, tmp_path / "out"))
    still = {name.partition(".")[0] for name in before.keys() - found}
    assert still <= {"salience"}, before.keys() - found  # it has no part in this objective


def test_memories_and_gates_alone(converted: Path, data: Path, tmp_path: Path) -> None:
    before = weights(converted)
    found = moved(before, train(converted, data, tmp_path / "out", train="memory"))
    assert all(is_memory(name) for name in found)
    for kind in ("mix.gate", "write_strength.weight", "place.embedding.weight", "distance"):
        assert any(kind in name for name in found), kind


def test_lora_is_merged_into_the_projections(converted: Path, data: Path, tmp_path: Path) -> None:
    before = weights(converted)
    after = train(converted, data, tmp_path / "out", train="lora")
    found = moved(before, after)
    projections = {name for name in found if name.rpartition("attention.")[2][1:] == ".weight"}
    assert len(projections) == 4 * (3 + 2 + 2)
    assert all(is_memory(name) for name in found - projections)
    for name in projections:  # of odd head sizes: the rank is higher than the matrix is small
        change = after[name] - before[name]
        assert change.abs().max() > 1e-6


def test_lora_goes_on_from_a_checkpoint(converted: Path, data: Path, tmp_path: Path) -> None:
    whole = train(converted, data, tmp_path / "whole", train="lora")
    torch.manual_seed(1)
    half = tmp_path / "half"
    finetune(options(converted, data, half, max_steps=3, objective="summarize", train="lora"))
    for name in ("model.safetensors", "config.json"):
        (half / name).unlink()
    again = train(converted, data, half, train="lora", resume=True)
    assert not moved(whole, again)
    with pytest.raises(UsageError, match="--train was lora and is all"):
        train(converted, data, half, resume=True)


def test_what_lora_needs_is_said(
    converted: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        train(converted, data, tmp_path / "out", train="lora", parallel="fsdp")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UsageError, match=r"infinisum\[lora\]"):
        train(converted, data, tmp_path / "out", train="lora")
