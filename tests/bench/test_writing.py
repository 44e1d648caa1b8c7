from __future__ import annotations

from pathlib import Path

import torch

from infinisum.bench.reading import linear_fit
from infinisum.bench.writing import read_bandwidth, run
from infinisum.loading import load_model
from infinisum.model.cost import writing_bytes_per_step


def test_a_row_says_what_was_written_and_what_it_could_be(tiny_model: Path) -> None:
    loaded = load_model(tiny_model, "cpu", "float32")
    (row,) = run(loaded, states=32, batch=2, tokens=6)["rows"]
    assert (row["batch"], row["states"], row["length_tokens"]) == (2, 32, 6)
    assert row["tokens_per_s"] > 0 and row["seconds_s"] > 0
    assert row["share_of_floor"] > 0
    assert row["bytes_per_step"] == writing_bytes_per_step(loaded.model.config, 2, 32, 3)


def test_bytes_of_a_step_are_those_of_the_parameters_and_the_keys(tiny_model: Path) -> None:
    model = load_model(tiny_model, "cpu", "float32").model
    config = model.config
    idle = ("norm", "gate", "place", "write_strength", "cross_attention.k", "cross_attention.v")
    read = sum(
        p.numel()
        for name, p in model.decoder.layers.named_parameters()
        if not any(part in name for part in idle)
    )
    read += model.lm_head.weight.numel()
    keys = 2 * 2 * config.decoder_layers * (32 + 3) * config.num_heads * config.d_kv
    memories = 2 * config.decoder_layers * config.num_heads * (16 * 16 * 4 + 16 * 4 + 8)
    assert writing_bytes_per_step(config, 2, 32, 3) == 4 * (read + keys) + memories


def test_bandwidth_is_of_this_machine() -> None:
    assert 1e8 < read_bandwidth(torch.device("cpu"), seconds=0.05) < 1e13


def test_a_straight_line_has_no_deviation_and_a_bent_one_has() -> None:
    lengths = [1_000, 2_000, 4_000, 8_000, 16_000]
    straight = linear_fit(lengths, [0.5 + 0.002 * n for n in lengths])
    assert straight["s_per_1000_tokens"] == 2.0
    assert straight["start_s"] == 0.5
    assert straight["deviation"] == 0.0
    assert linear_fit(lengths, [n * n * 1e-6 for n in lengths])["deviation"] > 0.5
    assert linear_fit([512, 512], [1.0, 1.1]) == {}
