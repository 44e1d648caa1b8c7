from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infinisum.atomic import check_writable, write_atomically
from infinisum.document import write_document
from infinisum.errors import OutputError, UsageError
from tests.document.samples import sample


def test_writes_utf8_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    write_atomically(path, "é — ü\n")
    assert path.read_bytes() == "é — ü\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.md"
    path.write_text("old", encoding="utf-8")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    ordinary, path = tmp_path / "ordinary", tmp_path / "a.md"
    ordinary.write_text("", encoding="utf-8")
    write_atomically(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    path.chmod(0o640)
    write_atomically(path, "again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    target, link = tmp_path / "target.md", tmp_path / "link.md"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_a_missing_folder_is_said_before_and_at_writing(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.md"
    for act in (check_writable, lambda path: write_atomically(path, "")):
        with pytest.raises(OutputError, match="there is no folder"):
            act(path)


def test_a_folder_cannot_be_overwritten(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path)


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "a.md")
    assert list(tmp_path.iterdir()) == []


def test_the_ending_names_the_form(tmp_path: Path) -> None:
    for ending, start in ((".md", "# The"), (".json", "{"), (".txt", "THE SMALL")):
        path = tmp_path / f"summary{ending}"
        write_document(sample(), path)
        assert path.read_text(encoding="utf-8").startswith(start)
    with pytest.raises(UsageError, match="unknown kind"):
        write_document(sample(), tmp_path / "summary.docx")
