from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.evaluation.samples import rows, write_rows

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "booksum-sample"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl")


def test_the_sample_in_the_repository(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    result = cli("eval", "--data", SAMPLE, "--level", "chapter", "--model", "none", "-o", out)
    assert result.status == 0, result.err
    assert "surface features" in result.out
    assert "SCROLLS: no stemmer" in result.out
    assert "(copied)" in result.out
    content = json.loads(out.read_text())
    assert content["dataset"]["texts"] == 3
    lines = (tmp_path / "results.predictions.jsonl").read_text().splitlines()
    assert {json.loads(line)["row"] for line in lines} >= {"lead", "greedy oracle"}
    assert not list(tmp_path.glob("*.partial.jsonl"))


def test_two_runs_write_the_same_bytes(cli: Cli, data: Path, tiny_model: Path) -> None:
    files = []
    for name in ("a", "b"):
        out = data.with_name(f"{name}.json")
        common = ("eval", "--dataset", data, "--level", "chapter", "--words", 40, "--limit", 3)
        assert cli(*common, "--model", tiny_model, "-o", out).status == 0
        files.append((out.read_bytes(), data.with_name(f"{name}.predictions.jsonl").read_bytes()))
    assert files[0] == files[1]
    assert b'_s"' not in files[0][0]  # no timing in it


def test_json_is_all_of_stdout(cli: Cli, data: Path) -> None:
    result = cli("eval", "--data", data, "--level", "chapter", "--model", "none", "--json")
    content = json.loads(result.out)
    assert content["settings"]["rouge"] == "scrolls"
    assert content["run"]["total_s"] > 0


def test_compare(cli: Cli, data: Path) -> None:
    files = [data.with_name(name) for name in ("a.json", "b.json")]
    for file, words in zip(files, (20, 40), strict=True):
        common = ("eval", "--data", data, "--level", "chapter", "--model", "none")
        assert cli(*common, "--words", words, "-o", file).status == 0
    result = cli("eval", "--compare", *files)
    assert result.status == 0, result.err
    assert "A - B" in result.out
    assert "greedy oracle" in result.out
    assert json.loads(cli("eval", "--compare", *files, "--json").out)["texts"] == 6


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["--model", "none"], 4, "booksum"),
        (["--data", "missing.jsonl", "--model", "none"], 4, "missing.jsonl"),
        (["--data", "{data}", "--model", "no-such-model"], 4, "no-such-model"),
        (["--data", "{data}", "--level", "page"], 2, "page"),
        (["--data", "{data}", "--method", "magic"], 2, "magic"),
        (["--data", "{data}", "--model", "none", "--model", "infinisum-base"], 2, "stands alone"),
        (["--data", "{data}", "--split", "holdout"], 2, "holdout"),
        (["--data", "{data}", "--model", "none", "-o", "results.docx"], 2, ".json"),
        (["--data", "{data}", "--model", "none", "-o", "no/such/a.json"], 5, "no folder"),
        (["--data", "{data}", "--level", "book", "--model", "none"], 4, "book"),
        (["--compare", "a.json", "b.json"], 4, "a.json"),
    ],
)
def test_what_can_go_wrong_is_one_line(
    cli: Cli,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(data.parent)
    result = cli("eval", *(arg.format(data=data) for arg in args))
    assert result.status == status, result.err
    assert said in result.err
    assert result.err.count("\n") == 1
    assert sorted(path.name for path in data.parent.iterdir()) == ["rows.jsonl"]


def test_interrupted_and_gone_on(tmp_path: Path) -> None:
    data = tmp_path / "many.jsonl"
    many = [
        {**row, "id": f"{row['id']}-{copy}", "text": f"Copy {copy}. " + (row["text"] + "\n\n") * 60}
        for copy in range(20)
        for row in rows()
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in many))
    out = tmp_path / "results.json"
    command = [
        *(sys.executable, "-m", "infinisum", "eval", "--data", str(data), "--level", "book"),
        *("--level", "chapter", "--model", "none", "-o", str(out)),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    journal = tmp_path / "results.partial.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"goes on from" in said.splitlines()[-1]
    assert b"Traceback" not in said
    assert not out.exists()
    lines = journal.read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)
