from __future__ import annotations

from pathlib import Path

import torch

from infinisum.bench.measure import matmul_peak, peak_bytes, random_blocks
from infinisum.bench.reading import run
from infinisum.loading import load_model


def test_rows_say_what_was_read(tiny_model: Path) -> None:
    loaded = load_model(tiny_model, "cpu", "float32")
    result = run(loaded, [100, 512])
    assert [row["length_tokens"] for row in result["rows"]] == [128, 512]  # whole segments
    for row in result["rows"]:
        assert row["tokens_per_s"] > 0
        assert 0 < row["share_of_peak"] < 1.5
        assert row["peak_bytes"] > row["state_bytes"] > 0
    assert len({row["state_bytes"] for row in result["rows"]}) == 1
    assert result["model"] == "tiny"


def test_state_bytes_are_those_of_the_real_state(tiny_model: Path) -> None:
    from infinisum.engine import Engine

    loaded = load_model(tiny_model, "cpu", "float32")
    assert run(loaded, [128])["rows"][0]["state_bytes"] == Engine(loaded.model).state_bytes()


def test_random_text_is_repeatable_and_bounded(tiny_model: Path) -> None:
    model = load_model(tiny_model, "cpu", "float32").model
    first = [ids for ids, _ in random_blocks(model, 700, 2, seed=5)]
    again = [ids for ids, _ in random_blocks(model, 700, 2, seed=5)]
    assert [ids.shape[1] for ids in first] == [2, 2, 2]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_the_peak_is_measured() -> None:
    assert matmul_peak(torch.device("cpu"), torch.float32, seconds=0.1) > 1e8
    assert peak_bytes(torch.device("cpu")) > 10_000_000
