"""The comparison with other encoders, at a size that takes no time."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "peers.py"


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("peers", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SMALL = ["--layers", "2", "--width", "64", "--segment", "256", "--peak-s", "0.01"]


def test_all_encoders_have_as_many_parameters_and_read(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "limit_memory", lambda gib: None)  # of this process
    rows: list[dict[str, Any]] = []
    for name in (peers.OURS, *peers.PEERS):
        monkeypatch.setattr(
            sys, "argv", ["peers", "--one", name, "--tokens", "1024", "--threads", "1", *SMALL]
        )
        peers.main()
        rows.append(json.loads(capsys.readouterr().out))
    ours = rows[0]["parameters"]
    for row in rows:
        assert row["length_tokens"] == 1024
        assert row["tokens_per_cpu_s"] > 0 and row["peak_bytes"] > 0
        assert row["parameters"] == pytest.approx(ours, rel=0.01), row["model"]


def test_a_row_that_fails_says_why_and_the_rest_is_kept(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "rows.json"
    there = {"model": "t5", "length_tokens": 512, "tokens_per_s": 1.0}
    file.write_text(json.dumps({"rows": [there]}), encoding="utf-8")
    arguments = ["peers", "--models", "t5", peers.OURS, "--tokens", "512", *SMALL]
    monkeypatch.setattr(sys, "argv", [*arguments, "--limit-s", "0.05", "-o", str(file)])
    peers.main()
    first, second = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert first == there
    assert second == {"model": peers.OURS, "length_tokens": 512, "failed": "over 0.05 s"}
