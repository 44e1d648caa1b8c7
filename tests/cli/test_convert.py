"""`infinisum convert` as people use it: what works, and one line for what does not."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.cli.conftest import Cli
from tests.convert.donors import make_donor


@pytest.fixture(scope="module")
def donor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("donors") / "tiny-t5"
    make_donor(folder)
    return folder


@pytest.fixture
def copy(donor: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(donor, tmp_path / "donor"))


def test_a_folder_becomes_a_model(cli: Cli, donor: Path, tmp_path: Path, book: Path) -> None:
    out = tmp_path / "ours"
    result = cli("convert", donor, "-o", out, "--segment-length", 64, "--json")
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert (told["output"], told["family"], told["left_out"]) == (str(out), "t5", [])
    assert sorted(path.name for path in out.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert len({path.stat().st_mode for path in out.iterdir()}) == 1  # all readable alike
    facts = json.loads(cli("info", out, "--json").out)
    assert (facts["segment_tokens"], facts["encoder_layers"]) == (64, 3)
    assert facts["parameters"] + 2 * 25 == told["parameters"]  # feature means and scales
    for method in ("hybrid", "abstractive"):
        result = cli("summarize", book, "--model", out, "--method", method, "--length", "short")
        assert result.status == 0, result.err
        assert result.out.startswith("# The Small Harbour")


def test_the_same_in_several_files(cli: Cli, donor: Path, tmp_path: Path, book: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert cli("convert", donor, "-o", whole).status == 0
    assert cli("convert", donor, "-o", parts, "--shard-gb", 1e-4, "--quiet").status == 0
    names = sorted(path.name for path in parts.glob("*.safetensors"))
    assert len(names) > 2 and names[0] == f"model-00001-of-{len(names):05}.safetensors"
    together = {k: v for name in names for k, v in load_file(parts / name).items()}
    single = load_file(whole / "model.safetensors")
    assert together.keys() == single.keys()
    assert all(torch.equal(tensor, single[name]) for name, tensor in together.items())
    for name in names:  # as large as was asked for, or one tensor alone
        assert (parts / name).stat().st_size < 110_000 or len(load_file(parts / name)) == 1
    results = [cli("summarize", book, "--model", folder) for folder in (whole, parts)]
    assert results[0].status == results[1].status == 0
    assert results[0].out.replace("whole", "parts") == results[1].out
    sizes = [json.loads(cli("info", f, "--json").out)["weights_bytes"] for f in (whole, parts)]
    assert 0 < sizes[1] - sizes[0] < 20_000  # more headers


def test_weights_in_another_precision(cli: Cli, donor: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours"
    assert cli("convert", donor, "-o", out, "--dtype", "bfloat16").status == 0
    for name, tensor in load_file(out / "model.safetensors").items():
        exact = name.endswith("mix.gate")
        assert tensor.dtype == (torch.float32 if exact else torch.bfloat16), name
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"


def test_the_same_seed_gives_the_same_bytes(cli: Cli, donor: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert cli("convert", donor, "-o", tmp_path / name, "--seed", seed).status == 0
    content = [(tmp_path / n / "model.safetensors").read_bytes() for n in "abc"]
    assert content[0] == content[1] != content[2]


def refused(cli: Cli, donor: object, out: Path, status: int, *words: str) -> None:
    """One line on stderr with `words`, and nothing where the model would be."""
    result = cli("convert", donor, "-o", out)
    assert (result.status, result.out) == (status, ""), result.err
    assert result.err.count("\n") == 1
    assert all(word in result.err for word in words), result.err
    assert not out.exists()


def config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


Q = "encoder.block.0.layer.0.SelfAttention.q.weight"


@pytest.mark.parametrize("kind", ["bart", "", None])
def test_an_unknown_architecture(cli: Cli, copy: Path, tmp_path: Path, kind: str | None) -> None:
    config(copy, model_type=kind)
    refused(cli, copy, tmp_path / "out", 3, "config.json", "model_type", "umt5")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"feed_forward_proj": "gated-relu"}, "gated-relu"),
        ({"d_model": "many"}, "d_model is 'many'"),
        ({"d_kv": 6}, "15 x 12"),
        ({"num_layers": 4}, "encoder.block.3"),
        ({"vocab_size": 7}, "the model 7"),
        ({"vocab_size": 500}, "shared.weight"),
        ({"num_heads": 0}, "makes no network"),
        ({"eos_token_id": 10**6}, "no token 1000000"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_config_that_does_not_fit(
    cli: Cli, copy: Path, tmp_path: Path, change: dict[str, object], word: str
) -> None:
    config(copy, **change)
    refused(cli, copy, tmp_path / "out", 3, word)


def test_a_config_that_is_none(cli: Cli, copy: Path, tmp_path: Path) -> None:
    for content in ("{", "[]", "\x00"):
        (copy / "config.json").write_text(content)
        refused(cli, copy, tmp_path / "out", 3, "config.json")


def test_a_wrong_shape(cli: Cli, copy: Path, tmp_path: Path) -> None:
    weights(copy, lambda tensors: tensors.update({Q: torch.zeros(15, 11)}))
    refused(cli, copy, tmp_path / "out", 3, f"{Q} is 15 x 11")


def test_a_missing_tensor(cli: Cli, copy: Path, tmp_path: Path) -> None:
    weights(copy, lambda tensors: tensors.pop(Q))
    refused(cli, copy, tmp_path / "out", 3, f"no tensor {Q}")


def test_an_encoder_alone(cli: Cli, copy: Path, tmp_path: Path) -> None:
    def cut(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.startswith("decoder")]:
            del tensors[name]

    weights(copy, cut)
    refused(cli, copy, tmp_path / "out", 3, "decoder.", "all of their stacks")


def test_a_tensor_nobody_knows_is_said(cli: Cli, copy: Path, tmp_path: Path) -> None:
    weights(copy, lambda tensors: tensors.update({"adapter.down": torch.zeros(2)}))
    result = cli("convert", copy, "-o", tmp_path / "out")
    assert result.status == 0
    assert "1 tensors of unknown use are left out: adapter.down" in result.err


def test_a_missing_shard(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "donor"
    make_donor(folder).save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink()
    assert cli("convert", folder, "-o", tmp_path / "whole").status == 0
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.unlink()
    refused(cli, folder, tmp_path / "out", 3, shard.name, "missing")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": 3}')
    refused(cli, folder, tmp_path / "out", 3, "index.json")


def test_weights_cut_short(cli: Cli, copy: Path, tmp_path: Path) -> None:
    path = copy / "model.safetensors"
    for size in (5_000, 4, 0):
        path.write_bytes(path.read_bytes()[:size])
        refused(cli, copy, tmp_path / "out", 3, "model.safetensors", "cannot be read")


def test_quantised_weights(cli: Cli, copy: Path, tmp_path: Path) -> None:
    weights(copy, lambda tensors: tensors.update({Q: tensors[Q].to(torch.float8_e4m3fn)}))
    refused(cli, copy, tmp_path / "out", 3, Q, "F8_E4M3", "quantisation")


def test_a_pickle_is_never_opened(cli: Cli, copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'echo no'\ntR.")
    refused(cli, copy, tmp_path / "out", 3, "pytorch_model.bin", "save_pretrained")


@pytest.mark.parametrize("name", ["tf_model.h5", None])
def test_no_safetensors(cli: Cli, copy: Path, tmp_path: Path, name: str | None) -> None:
    (copy / "model.safetensors").rename(copy / (name or "weights.safetensors"))
    refused(cli, copy, tmp_path / "out", 3 if name else 4, "safetensors", "save_pretrained")


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}'])
def test_no_tokenizer(cli: Cli, copy: Path, tmp_path: Path, content: str | None) -> None:
    path = copy / "tokenizer.json"
    path.unlink() if content is None else path.write_text(content)
    refused(cli, copy, tmp_path / "out", 4 if content is None else 3, "tokenizer.json")


def test_an_id_while_offline(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    refused(cli, "google/flan-t5-base", tmp_path / "out", 4, "google/flan-t5-base: not cached")
    refused(cli, "./nowhere", tmp_path / "out", 4, "nowhere: no such model")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 50 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_fills_up(cli: Cli, donor: Path, tmp_path: Path) -> None:
    refused(cli, donor, tmp_path / "new" / "out", 5, "cannot write", "GB")
    (tmp_path / "out").mkdir()
    assert cli("convert", donor, "-o", tmp_path / "out").status == 5
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_without_room(
    cli: Cli, donor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    refused(cli, donor, tmp_path / "out", 5, "0.0 GB are free")


def test_an_output_that_holds_something(cli: Cli, donor: Path, tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text("mine")
    for out, word in ((tmp_path, "not empty"), (tmp_path / "novel.txt", "is a file")):
        result = cli("convert", donor, "-o", out)
        assert (result.status, result.err.count("\n")) == (5, 1)
        assert word in result.err
    assert (tmp_path / "novel.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [
        ["--memory-rule", "magic"],
        ["--dtype", "int8"],
        ["--segment-length", 1],
        ["--window-segments", -1],
        ["--shard-gb", 0],
    ],
    ids=lambda options: options[0],
)
def test_wrong_use(cli: Cli, donor: Path, tmp_path: Path, options: list[object]) -> None:
    result = cli("convert", donor, "-o", tmp_path / "out", *options)
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert str(options[0]) in result.err
