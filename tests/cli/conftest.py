from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from infinisum.cli.app import run
from tests.tiny_model import book_file


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command in this process, away from a terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object) -> Result:
        capfd.readouterr()
        status = run([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return call


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return book_file(tmp_path / "harbour.html")
