"""Odd and hostile files: their text or one clear line, within the limits, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import epubs, pdfs, texts

ROOT = Path(__file__).resolve().parents[2]
SECONDS, BYTES = 20, 1 << 30
pytestmark = pytest.mark.timeout(1_200)  # the first test waits for all files
ODD = [
    f"{kind}: {name}"
    for kind, cases in (("epubs", epubs), ("pdfs", pdfs), ("texts", texts))
    for name in cases.ODD  # type: ignore[attr-defined]
]
HOSTILE = {
    f"{kind}: {name}": says
    for kind, cases in (("epubs", epubs), ("pdfs", pdfs), ("texts", texts))
    for name, (_, says) in cases.HOSTILE.items()  # type: ignore[attr-defined]
}


@cache
def outcomes() -> dict[str, dict[str, Any]]:
    """What becomes of every file, from one process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.runner"], cwd=ROOT, capture_output=True, check=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row.pop("case"): row for row in rows}


@pytest.mark.parametrize("case", [*ODD, *HOSTILE])
def test_no_file_takes_more_than_20_seconds_and_one_gibibyte(case: str) -> None:
    row = outcomes()[case]
    assert row["cpu_s"] < SECONDS
    assert row["peak_bytes"] < BYTES
    assert "trace" not in row, row["trace"]


@pytest.mark.parametrize("case", ODD)
def test_odd_files_give_their_text(case: str) -> None:
    row = outcomes()[case]
    assert "text" in row, row
    words = ("ferry", "quay") if case.startswith("texts") else ("harbour", "said little")
    for word in words:
        assert word in row["text"]
    for secret in ("root:", "lollol", "\x1b", "\x00", "\u202e", "\x07"):
        assert secret not in row["text"]
    assert row["longest"] <= 100_000


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_in_one_line(case: str) -> None:
    row = outcomes()[case]
    if HOSTILE[case]:
        assert HOSTILE[case] in row["message"]
    if "message" in row:
        assert "\n" not in row["message"]
        assert row["message"].startswith("book")


def test_what_is_left_out_is_said() -> None:
    rows = outcomes()
    assert ["OEBPS/p.jpg", "no text"] in rows["epubs: pictures in the spine"]["left_out"]
    assert ["nobody", "missing or damaged"] in rows["epubs: missing spine entries"]["left_out"]
    assert ["page 2", "page damaged"] in rows["pdfs: flate bomb beside text"]["left_out"]
    assert "cut a paragraph" in rows["texts: one line"]["warnings"][0]


def test_odd_files_are_read_whole() -> None:
    rows = outcomes()
    assert rows["epubs: oddly named"]["titles"] == ["One", "Two", "Three"]
    assert rows["epubs: pictures in the spine"]["titles"] == ["One", "Two"]
    for name in ("UTF-16", "UTF-16 without a mark", "UTF-32", "Latin-1", "XML 1.1"):
        assert "said Zo\xeb." in rows[f"epubs: {name}"]["text"]
    for name in ("deep divisions", "deep quotations", "deep tables"):
        text = rows[f"epubs: {name}"]["text"]
        assert "At the bottom lay a coin." in text
        assert "Ben went" in text
    assert "un caf\xe9" in rows["texts: Windows"]["text"]
    assert "The lamp was lit" in rows["texts: escapes"]["text"]


def test_nothing_climbs_out_of_the_archive() -> None:
    assert "harbour" in outcomes()["epubs: climbing names"]["text"]
    assert not Path("/tmp/infinisum-escaped.xhtml").exists()
    assert not (ROOT.parent.parent / "escaped.xhtml").exists()
