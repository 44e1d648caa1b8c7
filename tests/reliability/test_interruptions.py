"""An interrupted run goes on, and ends in the same bytes as one that nobody disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import infinisum
from infinisum.books.book import Book
from infinisum.config import SummarizeOptions
from infinisum.document import to_json
from infinisum.loading import LoadedModel
from infinisum.pipeline import Silent, summarize
from infinisum.readings import snapshots
from infinisum.readings.snapshots import Snapshots
from tests.tiny_model import small_book

CHAPTERS = 18
OPTIONS = SummarizeOptions(words=40)


class Interrupting(Silent):
    """Stops the reading at a chapter; notes the chapters that are read."""

    def __init__(self, at: str = "") -> None:
        self.at = at
        self.chapters: list[str] = []

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        self.chapters.append(chapter)
        if chapter == self.at:
            raise KeyboardInterrupt


def numbered_book() -> Book:
    book = small_book(CHAPTERS, 2)
    chapters = [replace(c, title=f"Chapter {n}") for n, c in enumerate(book.chapters, start=1)]
    return replace(book, chapters=tuple(chapters))


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots after every group of chapters."""
    monkeypatch.setattr(snapshots, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "LEAST_RATIO", 0)


@pytest.mark.parametrize("writes", [False, True])
def test_it_goes_on_where_it_stopped(
    tiny_model: Path, writing_model: Path, tmp_path: Path, always: None, writes: bool
) -> None:
    loaded = infinisum.load_model(writing_model if writes else tiny_model, "cpu", "float32")
    book = numbered_book()
    expected = to_json(summarize(book, loaded, OPTIONS))
    kept = Snapshots(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        summarize(book, loaded, OPTIONS, Interrupting("Chapter 12"), snapshots=kept)
    assert kept.kept == (8 if writes else 11)
    watcher = Interrupting()
    got = summarize(book, loaded, OPTIONS, watcher, snapshots=Snapshots(tmp_path))
    assert to_json(got) == expected
    assert watcher.chapters[0] == ("Chapter 9" if writes else "Chapter 12")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return infinisum.load_model(tiny_model, "cpu", "float32")


def test_other_options_or_another_book_start_anew(
    loaded: LoadedModel, tmp_path: Path, always: None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        summarize(
            numbered_book(),
            loaded,
            OPTIONS,
            Interrupting("Chapter 5"),
            snapshots=Snapshots(tmp_path),
        )
    for book, options in (
        (numbered_book(), SummarizeOptions(words=41)),
        (small_book(CHAPTERS, 2), OPTIONS),
    ):
        watcher = Interrupting()
        summarize(book, loaded, options, watcher, snapshots=Snapshots(tmp_path))
        assert len(watcher.chapters) == CHAPTERS
    assert len(list(tmp_path.iterdir())) == 1  # still there for the one that was interrupted


def test_a_damaged_snapshot_is_no_snapshot(
    loaded: LoadedModel, tmp_path: Path, always: None
) -> None:
    book = numbered_book()
    with pytest.raises(KeyboardInterrupt):
        summarize(book, loaded, OPTIONS, Interrupting("Chapter 5"), snapshots=Snapshots(tmp_path))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    watcher = Interrupting()
    summarize(book, loaded, OPTIONS, watcher, snapshots=Snapshots(tmp_path))
    assert watcher.chapters[0] == "Chapter 1"


def test_a_folder_that_cannot_be_written_to_is_no_error(
    loaded: LoadedModel, tmp_path: Path, always: None
) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", Path("/dev/null/x")):
        summarize(small_book(3, 2), loaded, OPTIONS, snapshots=Snapshots(folder))


def test_snapshots_take_a_hundredth_of_the_time_at_most(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(snapshots.time, "monotonic", lambda: now[0])
    written: list[float] = []

    def slow(*_: object) -> None:
        written.append(now[0])
        now[0] += 0.2  # a slow disk

    monkeypatch.setattr(snapshots, "save_reading", slow)

    class Clock(Silent):
        def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
            now[0] += 4.0

    summarize(numbered_book(), loaded, OPTIONS, Clock(), snapshots=Snapshots(tmp_path))
    assert len(written) > 1
    assert written[0] >= snapshots.LEAST_SECONDS
    assert all(later - earlier >= 20.0 for earlier, later in pairwise(written))


def test_what_nobody_came_back_for_is_removed(loaded: LoadedModel, tmp_path: Path) -> None:
    old = tmp_path / "old.infinisum"
    other = tmp_path / "notes.txt"
    for path in (old, other):
        path.write_text("")
        os.utime(path, (0, 0))
    Snapshots(tmp_path).begin(small_book(), loaded, OPTIONS)
    assert list(tmp_path.iterdir()) == [other]


def test_killed_at_random_moments() -> None:
    command = [sys.executable, "-m", "tests.reliability.kill_and_resume", "--kills", "4"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    counts = json.loads(result.stdout.splitlines()[-1])
    assert counts["same"] == counts["kills"] == 4
