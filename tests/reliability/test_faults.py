"""What happens to the machine: full disks, closed folders, signals, closed pipes, a full GPU."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from infinisum.cli.eval_report import Evaluating
from infinisum.cli.work import Work
from infinisum.engine import Engine
from infinisum.evaluation.common import Evaluation
from infinisum.evaluation.runner import Trivial
from infinisum.loading import load_model
from infinisum.segments import book_segments
from tests.cli.conftest import Cli, Result, cli
from tests.evaluation.samples import write_rows
from tests.tiny_model import book_file, small_book

__all__ = ["cli"]  # the fixture

resource = pytest.importorskip("resource")
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def full_disk(left: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: to a writer a full disk, by the kernel itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python 3.11 keeps the bytecode of a module that it could write only in part, and dies of it.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = before


def own_lines(said: str) -> list[str]:
    """Without Ray's: had by an earlier test in this process, its log fills the disk as well."""
    return [line for line in said.splitlines() if "[ray_log_sink]" not in line]


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("summarize", "--method", "extractive"), "summary.md"),
        (("summarize", "--method", "extractive"), "summary.json"),
        (("summarize", "--method", "extractive"), "summary.txt"),
        (("summarize", "--method", "extractive"), "summary.html"),
        (("read",), "book.infinisum"),
    ],
)
def test_a_full_disk_is_one_line_and_what_was_there_stays(
    cli: Cli, tiny_model: Path, tmp_path: Path, command: tuple[str, ...], output: str
) -> None:
    book = book_file(tmp_path / "book.html", chapters=2)
    folder = tmp_path / "out"
    folder.mkdir()
    old = folder / output
    old.write_bytes(b"what was there")
    verb, *options = command
    with full_disk(600):
        result = cli(verb, book, *options, "-o", old, "--model", tiny_model, "--quiet")
    assert result.status == 5
    assert len(own_lines(result.err)) == 1
    assert f"Error: {old}: cannot write" in result.err
    assert [path.name for path in folder.iterdir()] == [output]
    assert old.read_bytes() == b"what was there"


@pytest.mark.parametrize("ending", [".json", ".html"])
def test_an_evaluation_on_a_full_disk_keeps_what_it_did(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    data = write_rows(tmp_path / "rows.jsonl")
    out, journal = tmp_path / f"results{ending}", tmp_path / "results.partial.jsonl"
    out.write_bytes(b"what was there")
    command = ("eval", "--data", data, "--level", "chapter", "--limit", 2, "--model", "none")
    command = (*command, "--jobs", 1, "--quiet", "-o", out)

    def refused(result: Result, path: Path) -> None:
        assert result.status == 5
        assert result.out == ""
        assert len(own_lines(result.err)) == 1
        assert f"Error: {path}: cannot write" in result.err
        assert out.read_bytes() == b"what was there"

    with full_disk(600):  # too little for the first text that is done
        refused(cli(*command), journal)
    finished, done = Evaluating.finished, list[int]()

    def on_a_full_disk(self: Evaluating, evaluation: Evaluation) -> None:
        with full_disk(600):
            finished(self, evaluation)

    monkeypatch.setattr(Evaluating, "finished", on_a_full_disk)
    refused(cli(*command), out)
    assert {path.name for path in tmp_path.iterdir()} == {data.name, out.name, journal.name}
    monkeypatch.setattr(Evaluating, "finished", finished)
    monkeypatch.setattr(Trivial, "score", lambda *_: done.append(1))
    assert cli(*command).status == 0
    assert not done  # nothing was done twice
    assert out.stat().st_size > 600
    assert not journal.exists()


def test_a_read_only_folder_is_found_before_the_work(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    book = book_file(tmp_path / "book.html", chapters=2)
    monkeypatch.setattr(tempfile, "mkstemp", closed)  # root may write to what is closed to others
    result = cli("summarize", book, "-o", tmp_path / "a.md", "--model", tiny_model)
    assert result.status == 5
    assert result.err.count("\n") == 1
    assert "read-only" in result.err


def command(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "infinisum", *args],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_closed_pipe_ends_the_command_without_a_traceback(tmp_path: Path) -> None:
    book = book_file(tmp_path / "book.html", chapters=60)
    process = command("info", "--text", str(book))
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # as `| head` does
    said = process.stderr.read()
    assert process.wait(200) == 5
    assert said.count(b"\n") == 1
    assert b"Traceback" not in said


# Reads standard input for ever, and is slow to say that it was stopped.
_WAITING = """
import sys, time
from infinisum.cli import app, console
seconds = float(sys.argv.pop())
say = console.Console.error
def slowly(self, error):
    say(self, error)
    sys.stderr.flush()
    time.sleep(seconds)
console.Console.error = slowly
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.argv[1:] = ["info", "-"]
app.main()
"""


@contextlib.contextmanager
def waiting(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", _WAITING, str(seconds)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(1.0)
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_one_line(number: signal.Signals) -> None:
    with waiting(0) as process:
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(200) in (130, -signal.SIGINT)
    assert said.startswith(b"Error: interrupted. ")
    assert b"Traceback" not in said


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    with waiting(60) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"Error: interrupted. ")
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(200) in (130, -signal.SIGINT)
        assert time.monotonic() - started < 55
    assert b"Traceback" not in said


class Full:
    """A network that fits only so many segments into the memory of its device."""

    def __init__(self, model: Any, most: int) -> None:
        self.original, self.most, self.sizes = model.read_block, most, list[int]()

    def __call__(self, ids: Any, *args: Any, **kwargs: Any) -> Any:
        self.sizes.append(ids.shape[1])
        if ids.shape[1] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.original(ids, *args, **kwargs)


def test_a_full_gpu_gets_smaller_blocks(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_model(tiny_model, "cpu", "float32")
    segment_length = loaded.model.config.segment_length
    chapters = list(book_segments(small_book(2, 40), loaded.tokenizer, segment_length))
    expected = [reading.scores for reading in Engine(loaded.model).read(chapters)]
    full = Full(loaded.model, 1)
    monkeypatch.setattr(loaded.model, "read_block", full)
    engine = Engine(loaded.model)
    got = [reading.scores for reading in engine.read(chapters)]
    assert [len(scores) for scores in got] == [len(scores) for scores in expected]
    for scores, others in zip(got, expected, strict=True):
        assert scores == pytest.approx(others, abs=1e-3)
    assert engine.block_segments == 1
    assert full.sizes[:3] == [4, 2, 1]
    full.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        list(Engine(loaded.model).read(chapters))


def test_a_gpu_too_small_for_any_block_hands_over_to_the_cpu(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, devices = Work._summarize, list[str]()

    def on_a_gpu(self: Work, source: Any, output: Any) -> Any:
        devices.append(self.device)
        if self.device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, source, output)

    def load(self: Work) -> Any:
        from types import SimpleNamespace

        real = load_model(tiny_model, "cpu", "float32")
        return real if self.device == "cpu" else SimpleNamespace(device="cuda")

    monkeypatch.setattr(Work, "_summarize", on_a_gpu)
    monkeypatch.setattr(Work, "load", load)
    books = [book_file(tmp_path / f"{name}.html", chapters=2) for name in ("a", "b")]
    result = cli("summarize", *books, "-o", f"{tmp_path}/out/", "--model", tiny_model)
    assert result.status == 0, result.err
    assert devices == ["auto", "cpu", "cpu"]
    assert result.err.count("memory of cuda is full") == 1
