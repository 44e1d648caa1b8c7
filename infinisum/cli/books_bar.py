"""One bar for many books at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infinisum.cli.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class BooksBar:
    """Books done, words a second, and where, on one line below the messages.

    Args:
        console: where.
        total: books in all.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._words = 0
        self._started = time.perf_counter()
        self._bar: tuple[Progress, TaskID] | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar while the block runs, where bars are wanted."""
        if not self._console.bars:
            yield
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        with Progress(
            TextColumn("Books"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Remaining(compact=True),
            TextColumn("{task.fields[what]}", markup=False),
            console=self._console.rich(),
            transient=True,
        ) as bar:
            self._bar = bar, bar.add_task("", total=self._total, what="")
            yield

    def finished(self, words: int, places: str) -> None:
        """One more book is done, or has failed.

        Args:
            words: of the book.
            places: where the books are summarised.
        """
        self._words += words
        if self._bar is not None:
            bar, task = self._bar
            speed = self._words / max(time.perf_counter() - self._started, 1e-9)
            bar.update(task, advance=1, what=f"{speed:,.0f} words/s · {places}")
