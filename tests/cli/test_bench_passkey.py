from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.cli.bench_passkey import table
from tests.cli.conftest import Cli


def test_a_table_and_the_same_as_json_on_the_last_line(
    cli: Cli, tiny_model: Path, book: Path
) -> None:
    options = ("--lengths", "640,1024", "--trials", "2", "--model", tiny_model, "--prose", book)
    result = cli("bench", "passkey", *options)
    assert result.status == 0
    *lines, last = result.out.splitlines()
    rows = json.loads(last)["rows"]
    assert len(rows) == 2 * 2 * 3
    assert lines[0].split()[-2:] == ["640", "1,024"]
    assert len(lines) == 1 + 2 * 2
    assert result.err.count("exact") == len(rows)
    again = json.loads(cli("bench", "passkey", *options, "--json", "--quiet").out)
    assert again["rows"] == rows


def test_the_table_has_start_middle_and_end() -> None:
    rows = [
        {
            "filler": "prose",
            "length_tokens": 32_768,
            "position": position,
            "exact": exact,
            "per_digit": 1.0,
        }
        for position, exact in (("start", 1.0), ("middle", 0.5), ("end", 0.05))
    ]
    lines = [line.split("  ") for line in table(rows).splitlines()]
    assert lines[1][0].strip() == "prose, exact"
    assert lines[1][-1].strip() == "100/50/5"
    assert lines[2][-1].strip() == "100/100/100"


@pytest.mark.parametrize(
    ("option", "value", "status"),
    [
        ("--lengths", "many", 2),
        ("--lengths", "16", 2),
        ("--trials", "0", 2),
        ("--fillers", "verse", 2),
        ("--prose", "missing.epub", 3),
        ("--model", "missing", 4),
    ],
)
def test_what_is_wrong_is_one_line(
    cli: Cli, tiny_model: Path, option: str, value: str, status: int
) -> None:
    result = cli("bench", "passkey", "--model", tiny_model, option, value)
    assert (result.status, result.out) == (status, "")
    assert result.err.strip()
    assert "Traceback" not in result.err
