from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize("command", ["memory", "speed"])
def test_a_table_and_the_same_as_json_on_the_last_line(
    cli: Cli, tiny_model: Path, command: str
) -> None:
    result = cli("bench", command, "--lengths", "256,1024", "--model", tiny_model)
    assert result.status == 0
    *table, last = result.out.splitlines()
    rows = json.loads(last)["rows"]
    assert [row["length_tokens"] for row in rows] == [256, 1024]
    assert rows[0]["state_bytes"] == rows[1]["state_bytes"] > 0
    assert {"peak_bytes", "tokens_per_s"} <= set(rows[0])
    assert len(table) == 3
    assert table[2].split()[0] == "1,024"


def test_json_alone(cli: Cli, tiny_model: Path) -> None:
    result = cli("bench", "speed", "--lengths", "128", "--json", "--model", tiny_model)
    assert len(json.loads(result.out)["rows"]) == 1


@pytest.mark.parametrize("lengths", ["", "0", "many", "16,-4", "1.5"])
def test_lengths_that_are_none(cli: Cli, tiny_model: Path, lengths: str) -> None:
    result = cli("bench", "speed", "--lengths", lengths, "--model", tiny_model)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1


def test_writing_says_what_memory_could_feed(cli: Cli, tiny_model: Path) -> None:
    options = ("--batch", "2", "--states", "16", "--tokens", "5", "--model", tiny_model)
    result = cli("bench", "writing", *options)
    assert result.status == 0
    *table, last = result.out.splitlines()
    found = json.loads(last)
    assert found["bandwidth_bytes_per_s"] > 0
    assert found["rows"][0]["floor_tokens_per_s"] > 0 and found["rows"][0]["tokens_per_s"] > 0
    assert table[0].split()[-1] == "floor_tokens_per_s"
    assert cli("bench", "writing", "--batch", "0").status == 2
