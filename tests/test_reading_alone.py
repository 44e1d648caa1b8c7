"""Reading without `transformers`: the same numbers, the same refusals, and none of its modules."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import infinisum
from infinisum.engine import Engine, state_tensors
from infinisum.errors import InputError
from infinisum.features import FEATURE_NAMES
from infinisum.hub import find_model
from infinisum.loading import LoadedModel, load_model
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.presets import PRESETS
from infinisum.model.shape import read_shape
from infinisum.segments import book_segments
from tests.tiny_model import book_file, small_book

ROOT = Path(__file__).resolve().parents[1]
# The compiler of torch takes as long to import as the rest of it, and reading needs none.
HEAVY = ("transformers", "huggingface_hub", "accelerate", "torch._dynamo", "sympy", "matplotlib")
RUN = f"""
import sys
from infinisum.cli.app import run
status = run(sys.argv[1:])
print(status, [name for name in {HEAVY} if name in sys.modules])
"""


def theirs(folder: Path, dtype: torch.dtype = torch.float32) -> InfinisumForConditionalGeneration:
    """The network as `transformers` loads it."""
    return InfinisumForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()


@pytest.mark.parametrize("command", ["summarize", "read", "info"])
def test_nothing_heavy_is_imported(tmp_path: Path, command: str) -> None:
    book, out = book_file(tmp_path / "book.html", chapters=2), tmp_path / "out.infinisum"
    output = {"summarize": out.with_suffix(".md"), "read": out, "info": None}[command]
    arguments = [command, str(book), *(["-o", str(output)] if output else []), "--quiet"]
    result = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "0 []"
    assert output is None or output.stat().st_size > 500


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", ["shipped", "untied", "in parts", "T5's positions"])
def test_the_weights_are_what_transformers_loads(folder: Path, case: str, dtype: str) -> None:
    if case == "shipped":
        folder = find_model("infinisum-base")
    else:
        changes: dict[str, Any] = {
            "untied": {"tie_word_embeddings": False},
            "in parts": {},
            "T5's positions": {"position": "t5_bias", "bias_every_layer": True},
        }[case]
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "model.safetensors").unlink()
        made = InfinisumForConditionalGeneration(InfinisumConfig(**(content | changes)))
        made.save_pretrained(folder, max_shard_size="400KB" if case == "in parts" else "1GB")
    loaded = load_model(folder, "cpu", dtype)
    expected = theirs(folder, getattr(torch, dtype))
    reader: Any = loaded.reader
    assert not isinstance(reader, InfinisumForConditionalGeneration)
    same_weights(reader, expected)
    around: Any = loaded.model
    same_weights(around, expected)
    for (name, own), shared in zip(around.named_parameters(), reader.parameters(), strict=True):
        assert own is shared, name  # not a second copy
    assert around.config.to_diff_dict() == expected.config.to_diff_dict()
    assert around.generation_config.to_dict() == expected.generation_config.to_dict()
    assert (around.training, around.dtype, reader.dtype) == (False, *[expected.dtype] * 2)


@pytest.mark.parametrize(
    ("name", "change"),
    [("config.json", {"id2label": 5}), ("generation_config.json", {"max_new_tokens": -5})],
)
def test_what_only_writing_asks_for_is_refused_then(
    folder: Path, name: str, change: dict[str, Any]
) -> None:
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(content | change), encoding="utf-8")
    loaded = load_model(folder, "cpu", "float32")
    with pytest.raises(InputError, match="the model cannot be loaded") as caught:
        _ = loaded.model
    assert "\n" not in str(caught.value)


def test_writing_does_not_need_the_folder_again(writing_model: Path, tmp_path: Path) -> None:
    """A worker on another machine removes its copy once it is loaded."""
    folder = Path(shutil.copytree(writing_model, tmp_path / "model"))
    loaded = load_model(folder, "cpu", "float32")
    shutil.rmtree(folder)
    options = infinisum.SummarizeOptions(method="abstractive", level="book")
    assert infinisum.summarize(small_book(2), loaded, options).text


def same_weights(model: Any, expected: Any) -> None:
    own, other = model.state_dict(), expected.state_dict()
    assert list(own) == list(other)
    for name, weights in own.items():
        assert weights.dtype == other[name].dtype, name
        assert weights.equal(other[name]), name


def readings(model: Any, loaded: LoadedModel) -> Iterator[Any]:
    """Salience of every sentence, then every tensor of the state."""
    engine = Engine(model, pad_id=loaded.tokenizer.pad_id)
    segments = book_segments(small_book(8), loaded.tokenizer, model.config.segment_length)
    yield [chapter.scores for chapter in engine.read(segments, contexts=False)]
    yield from state_tensors(engine.state).items()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_states_and_salience_are_the_same_to_the_last_bit(tiny_model: Path, dtype: str) -> None:
    loaded = load_model(tiny_model, "cpu", dtype)
    own = readings(loaded.reader, loaded)
    other = readings(theirs(tiny_model, getattr(torch, dtype)), loaded)
    assert next(own) == next(other)
    for (name, part), (_, expected) in zip(own, other, strict=True):
        assert part.equal(expected), name


def test_the_summary_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    book = infinisum.read_book(ROOT / "data" / "the-tide-ledger.epub")
    options = infinisum.SummarizeOptions(until="30%")
    loaded = infinisum.load_model(device="cpu", dtype="float32")
    summary = infinisum.summarize(book, loaded, options)
    by_theirs = replace(loaded, reader=theirs(find_model("infinisum-base")))
    assert infinisum.summarize(book, by_theirs, options) == summary
    assert len(summary.passages) > 10


def test_what_is_written_is_the_same(writing_model: Path) -> None:
    loaded = load_model(writing_model, "cpu", "float32")
    options = infinisum.SummarizeOptions(method="abstractive")
    summary = infinisum.summarize(small_book(), loaded, options)
    by_theirs = replace(loaded, reader=theirs(writing_model))
    assert infinisum.summarize(small_book(), by_theirs, options) == summary
    assert summary.text


@pytest.mark.parametrize(
    "name", ["encoder.layers.1.attention.q.weight", "salience.feature_mean", "lm_head.weight"]
)
def test_a_weight_that_is_missing(folder: Path, name: str) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    weights = load_file(path)
    weights["lm_head.weight"] = weights["shared.weight"].clone()
    save_file(weights, path, {"format": "pt"})
    load_model(folder, "cpu")
    del weights[name]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(InputError, match=f"there are no weights for {name}") as caught:
        load_model(folder, "cpu")
    assert "\n" not in str(caught.value)


def test_a_weight_of_another_shape(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(content | {"num_heads": 2}), encoding="utf-8")
    expected = r"attention\.q\.weight has the shape \[64, 64\], the config says \[32, 64\]"
    with pytest.raises(InputError, match=expected) as caught:
        load_model(folder, "cpu")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "change",
    [
        {"d_model": "wide"},
        {"d_model": 64.0},
        {"d_model": True},
        {"d_model": None},
        {"dropout": "none"},
        {"place_embeddings": 1},
        {"memory_rule": None},
        {"memory_rule": ["delta"]},
        {"eos_token_id": [1, "2"]},
        {"attention_scale": {}},
        {"hidden_size": "wide"},
        {"segment_length": 0},
        {"local_radius": -1},
    ],
)
def test_values_that_make_no_shape(change: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"must be|cannot be"):
        read_shape(PRESETS["tiny"] | change)


def test_a_shape_knows_the_names_of_transformers_and_leaves_others_aside() -> None:
    content = {"hidden_size": 96, "dropout": 0, "eos_token_id": [1, 2], "architectures": ["X"]}
    shape = read_shape(content | {"sentence_features": len(FEATURE_NAMES)})
    assert (shape.d_model, shape.dropout, shape.eos_token_id) == (96, 0, [1, 2])
    assert not hasattr(shape, "architectures")
