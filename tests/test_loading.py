from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from infinisum.errors import InputError, NotFoundError, UsageError
from infinisum.loading import choose, load_model


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_loads_with_what_is_to_be_said(folder: Path) -> None:
    loaded = load_model(folder, "cpu", "bfloat16")
    assert (loaded.name, loaded.device, loaded.dtype) == ("model", "cpu", "bfloat16")
    assert loaded.version == "0.0.1"
    assert not loaded.model.training
    gates = [p for name, p in loaded.model.named_parameters() if name.endswith("mix.gate")]
    assert gates and all(gate.dtype == torch.float32 for gate in gates)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(NotFoundError, match=name):
        load_model(folder)


def test_weights_cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(folder)


@pytest.mark.parametrize(
    "change", [{"memory_rule": "magic"}, {"d_kv": 7}, {"num_heads": "many"}, {"d_model": 96}]
)
def test_a_config_that_makes_no_network(folder: Path, change: dict[str, object]) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(folder)


def test_a_tokenizer_that_does_not_fit(folder: Path) -> None:
    vocabulary = Path(__file__).parents[1] / "models" / "infinisum-base" / "tokenizer.json"
    shutil.copyfile(vocabulary, folder / "tokenizer.json")
    with pytest.raises(InputError, match="do not belong together"):
        load_model(folder)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "cpux"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(UsageError, match="--device"):
        choose(device, "auto")


def test_an_unknown_dtype() -> None:
    with pytest.raises(UsageError, match="--dtype"):
        choose("cpu", "int8")


def test_the_choice_is_explained() -> None:
    device, dtype, why = choose("cpu", "auto")
    assert (device.type, dtype) == ("cpu", torch.float32)
    assert "safe choice" in why
