"""Model folders and readings that lie are refused with a line, before anything is made of them."""

from __future__ import annotations

import bz2
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from infinisum.books.limits import Limits
from infinisum.checkpoint_safety import check_checkpoint, check_weights
from infinisum.errors import InputError
from infinisum.readings.file import open_book, parse_book, sealed
from tests.cli.conftest import Cli, cli
from tests.tiny_model import book_file

__all__ = ["cli"]  # the fixture


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


def test_a_true_header_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors({"__metadata__": {"a": "b"}, "w": tensor()}, bytes(8)))
    assert check_weights(path) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        safetensors({"w": tensor()}, bytes(8), length=2**63),
        safetensors({"w": tensor()}, bytes(8), length=10**6),
        safetensors(b"not json", bytes(8)),
        safetensors(b"[" * 100_000, bytes(8)),
        safetensors([], bytes(8)),
        safetensors({"w": 3}, bytes(8)),
        safetensors({"w": tensor(dtype="F33")}, bytes(8)),
        safetensors({"w": tensor(shape=[2**40])}, bytes(8)),
        safetensors({"w": tensor(shape=[-2])}, bytes(8)),
        safetensors({"w": tensor(shape=[2**61, 2**61, 0.5])}, bytes(8)),
        safetensors({"w": tensor(data_offsets=[0, 2**40], shape=[2**38])}, bytes(8)),
        safetensors({"w": tensor(data_offsets=[8, 0])}, bytes(8)),
        safetensors({"v": tensor(), "w": tensor()}, bytes(8)),
        safetensors({"w": tensor()}, bytes(9)),
        safetensors({"w": tensor()}, bytes(7)),
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^.*model\.safetensors: cannot be loaded") as caught:
        check_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"d_model": 10**6},
        {"vocab_size": 10**12},
        {"encoder_layers": 10**9},
        {"num_heads": 10**6},
        {"d_ff": 10**9},
        {"d_kv": -1, "num_heads": 4},
        {"segment_length": 10**12},
        {"window_segments": 10**6, "segment_length": 10**6},
        {"reservoir_length": 10**10},
        {"salience_hidden": 10**10},
        {"text_config": {"vocab_size": 10**12}},
    ],
)
def test_configs_that_ask_for_a_terabyte(
    tiny_model: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    check_checkpoint(folder)
    (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    with pytest.raises(InputError, match=r"config\.json: ") as caught:
        check_checkpoint(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, "{", '{"a": ' * 100_000])
def test_configs_that_are_none(tiny_model: Path, tmp_path: Path, content: str) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (folder / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be loaded, no config"):
        check_checkpoint(folder)


def test_weights_that_are_no_numbers_are_refused(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    name = next(name for name, values in weights.items() if values.is_floating_point())
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    book = book_file(tmp_path / "book.html", chapters=2)
    result = cli("summarize", book, "--model", folder)
    assert result.status == 3
    assert "not all numbers (NaN or infinite)" in result.err
    assert result.err.count("\n") == 1


def reading(text: bytes, **changes: Any) -> bytes:
    """A reading's file with a text of our own and a right checksum."""
    table = {"title": "T", "author": "", "language": "", "format": "text", "left_out": [],
             "warnings": [], "chapters": []}  # fmt: skip
    header = {"format": "infinisum-reading", "format_version": 1, "checksum": "0" * 64,
              "book": table} | changes  # fmt: skip
    inner = json.dumps(header, separators=(",", ":"))
    entry = {"dtype": "U8", "shape": [len(text)], "data_offsets": [0, len(text)]}
    outer = json.dumps({"__metadata__": {"infinisum": inner}, "text": entry}, separators=(",", ":"))
    return sealed(struct.pack("<Q", len(outer)) + outer.encode() + text)


def test_an_honest_reading_is_opened() -> None:
    assert parse_book(reading(bz2.compress(b"[]")), "a.infinisum").title == "T"
    assert open_book(reading(bz2.compress(b"[]")), "a.infinisum").title == "T"


@pytest.mark.parametrize(
    "data",
    [
        reading(b"no bzip2"),
        reading(bz2.compress(b"[" * 100_000)),
        reading(bz2.compress(b'[{"paragraphs": [3]}]')),
        reading(bz2.compress(b"[]"), book=[]),
        reading(bz2.compress(b"[]"), format_version="1"),
        reading(bz2.compress(b"[]")).replace(b'"data_offsets":[0,', b'"data_offsets":[9,'),
        reading(bz2.compress(b"[]"))[:-3],
    ],
)
def test_readings_that_lie(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^a\.infinisum: ") as caught:
        parse_book(data, "a.infinisum")
    assert "\n" not in str(caught.value)


def test_a_reading_whose_text_unpacks_to_a_flood_of_objects() -> None:
    many = b"[" + b'{"":0},' * 1_500_000 + b"{}]"
    data = reading(bz2.compress(many, 1))
    assert len(data) < 20_000
    with pytest.raises(InputError, match="needs more than 256 MiB"):
        open_book(data, "a.infinisum", Limits(memory_bytes=256 << 20))
