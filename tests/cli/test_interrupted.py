from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import book_file


def test_ctrl_c_keeps_what_was_read_and_says_how_to_go_on(
    cli: Cli, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    book = book_file(tmp_path / "book.html", chapters=5)
    command = ("summarize", book, "--model", tiny_model, "-o", tmp_path / "a.md")
    expected = tmp_path / "expected.md"
    assert cli(*command[:-1], expected).status == 0

    def interrupt(self: object, tokens: int, chapter: str, state_bytes: int) -> None:
        if chapter.startswith("Chapter 4"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("infinisum.cli.console.SummaryBars.read", interrupt)
        stopped = cli(*command)
    assert stopped.status == 130
    hint = "The same command goes on after the 3 chapters that are finished."
    assert stopped.err.splitlines()[-1] == f"Error: interrupted. {hint}"
    assert not (tmp_path / "a.md").exists()
    assert len(list((tmp_path / "cache").rglob("*.infinisum"))) == 1
    again = cli(*command)
    assert "Going on after the 3 chapters" in again.err
    assert (tmp_path / "a.md").read_bytes() == expected.read_bytes()
    assert not list((tmp_path / "cache").rglob("*.infinisum"))
