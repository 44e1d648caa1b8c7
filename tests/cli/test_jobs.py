"""Many books: one after the other and side by side, with a bad one and a killed process."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import book_file


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    for number in range(1, 4):
        book_file(folder / f"{number}.html", chapters=number)
    (folder / "bad.epub").write_bytes(b"PK\x03\x04 broken")
    return folder


def kill_one() -> None:
    """Kill the first process that is started, as the system does when memory runs out."""
    for _ in range(6_000):
        children = multiprocessing.active_children()
        if children and children[0].pid is not None:
            os.kill(children[0].pid, signal.SIGKILL)
            return
        time.sleep(0.01)


def test_side_by_side_gives_the_same_bytes_and_a_killed_process_fails_its_book(
    cli: Cli, books: Path, tiny_model: Path, tmp_path: Path
) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    result = cli("summarize", books, "-o", one, "--model", tiny_model)
    assert result.status == 1
    assert "[1/4]" in result.err
    lines = result.err.splitlines()
    assert lines[-1] == "3 done, 1 failed"
    assert [line.split()[0] for line in lines[-6:-1]] == [
        *("book", "1.html", "2.html", "3.html", "bad.epub")
    ]
    assert lines[-2].endswith("failed")
    killer = threading.Thread(target=kill_one)
    killer.start()
    command = ("summarize", books, "-o", many, "--model", tiny_model, "--jobs", 2)
    result = cli(*command, "--json")
    killer.join()
    assert result.status == 1
    content = json.loads(result.out)
    failed = {Path(row["source"]).name: row for row in content["failed"]}
    assert failed.pop("bad.epub")["exit_status"] == 3
    ((lost, killed),) = failed.items()  # whichever process was killed
    assert "was killed (signal 9)" in killed["message"]
    names = {"1.md", "2.md", "3.md"}
    assert {path.name for path in many.iterdir()} == names - {Path(lost).stem + ".md"}
    (books / "bad.epub").unlink()
    result = cli(*command, "--skip-existing")
    assert result.status == 0
    for name in names:
        assert (many / name).read_bytes() == (one / name).read_bytes()
    assert result.err.count("is there already") == 2


def test_processes_read_within_the_limits_of_the_user(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    books = [book_file(tmp_path / f"{name}.html", chapters=1) for name in ("a", "b")]
    command = ("summarize", *books, "-o", tmp_path / "out", "--model", tiny_model, "--jobs", 2)
    result = cli(*command, "--limit", "text_characters=10")
    assert result.status == 1
    assert result.err.count("characters of text, more than any book has") == 2
    assert not list((tmp_path / "out").iterdir())
