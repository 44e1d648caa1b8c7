"""What is kept of a book while it is read, so that an interrupted run can go on.

A snapshot is a reading of the chapters that are finished, in the cache folder, under a name that
is made of the book, the model and the options. It is written whole or not at all, so it does not
matter when a run is killed, or whether two runs keep snapshots of the same book: each is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import infinisum
from infinisum.errors import InfinisumError
from infinisum.readings.file import ENDING, load_reading, save_reading
from infinisum.readings.reading import Mark, Reading

if TYPE_CHECKING:
    from infinisum.books.book import Book
    from infinisum.loading import LoadedModel

LEAST_SECONDS: Final = 5.0  # between two snapshots
LEAST_RATIO: Final = 100  # of the time between two snapshots to the time one takes: at most 1 %
OLDEST_DAYS: Final = 30  # snapshots that nobody came back for are removed


class Snapshots:
    """Keeps the snapshot of one book at a time.

    Whatever goes wrong with the cache folder only means that there is no snapshot.

    Attributes:
        kept: chapters in the snapshot that is on disk; 0 for none.

    Args:
        folder: where; None: the user's cache folder.
        on_resume: told how many chapters were read already when an interrupted run goes on.
    """

    def __init__(
        self, folder: Path | None = None, on_resume: Callable[[int], None] | None = None
    ) -> None:
        self.kept = 0
        self._folder = folder
        self._on_resume = on_resume
        self._path: Path | None = None
        self._latest: Reading | None = None  # not written yet
        self._next = 0.0  # when the next may be written

    def begin(self, book: Book, loaded: LoadedModel, options: object) -> Reading | None:
        """Start keeping snapshots of a book.

        Args:
            book: what is read of it.
            loaded: the model.
            options: what else decides the reading; it has a `repr` that says all.

        Returns:
            What an interrupted run had read, or None.
        """
        from infinisum.readings.header import book_fingerprint

        self.kept, self._latest, self._path = 0, None, None
        mark = Mark.of(loaded)
        deciding = [book_fingerprint(book), repr(mark), repr(options), infinisum.__version__]
        key = hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:32]
        try:
            folder = self._folder or _cache_folder()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _remove_old(folder)
        except OSError:
            return None
        self._path = folder / f"{key}{ENDING}"
        self._next = time.monotonic() + LEAST_SECONDS
        if not self._path.exists():
            return None
        try:
            reading = load_reading(self._path, loaded)
        except InfinisumError:
            return None
        count = len(reading.chapters)
        if reading.book.chapters != book.chapters[:count] or not reading.mark.computes_like(mark):
            return None
        self.kept = count
        if self._on_resume is not None:
            self._on_resume(count)
        return replace(reading, book=book)

    def keep(self, reading: Reading) -> None:
        """Take note of what was read by now; writes it if the last time is long enough ago."""
        self._latest = reading
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Write what was noted last, unless it is written."""
        reading, self._latest = self._latest, None
        if reading is None or self._path is None:
            return
        count = len(reading.chapters)
        started = time.monotonic()
        book = replace(reading.book, chapters=reading.book.chapters[:count])
        try:
            save_reading(replace(reading, book=book), self._path)
        except InfinisumError:
            self._path = None
            return
        self.kept = count
        now = time.monotonic()
        self._next = now + max(LEAST_SECONDS, LEAST_RATIO * (now - started))

    def end(self) -> None:
        """The work is done: nothing has to be kept."""
        self._latest = None
        self.kept = 0
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("infinisum") / "interrupted"


def _remove_old(folder: Path) -> None:
    """Remove what runs left behind that nobody came back for."""
    oldest = time.time() - OLDEST_DAYS * 86_400
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            ours = path.name.endswith(ENDING) or path.name.startswith(".infinisum-")
            if ours and path.stat().st_mtime < oldest:
                path.unlink()
