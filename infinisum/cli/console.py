"""What a person sees while a command runs: messages, bars and errors, all on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from infinisum.errors import InfinisumError, OutputError
from infinisum.lines import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress as RichProgress


@dataclass(slots=True)
class Console:
    """Messages on stderr, as loud as the command line asked for."""

    quiet: bool = False
    verbose: bool = False
    _rich: RichConsole | None = field(default=None, repr=False)

    @property
    def bars(self) -> bool:
        """Whether bars are wanted: a person is watching."""
        return sys.stderr.isatty() and not self.quiet and not os.environ.get("CI")

    def note(self, message: str) -> None:
        """A line of interest to everyone, unless --quiet."""
        if not self.quiet:
            self._print(message)

    def row(self, line: str) -> None:
        """A line of a table; its spaces stay."""
        if not self.quiet:
            self.rich().print(printable(line), soft_wrap=True)

    def detail(self, message: str) -> None:
        """A line for --verbose."""
        if self.verbose and not self.quiet:
            self._print(message, style="dim")

    def warning(self, message: str) -> None:
        """Something a person should know, unless --quiet."""
        if not self.quiet:
            self._print(f"Warning: {message}", style="yellow")

    def error(self, error: InfinisumError) -> None:
        """The one line that says what is wrong and what to do, even with --quiet."""
        self._print(f"Error: {error}", style="red")

    @contextmanager
    def busy(self, message: str) -> Iterator[None]:
        """Show that something takes a while, where bars are wanted."""
        if not self.bars:
            yield
            return
        with self.rich().status(one_line(message), spinner="line"):
            yield

    @contextmanager
    def opening(self, source: str) -> Iterator[Callable[[int, int], None] | None]:
        """Show that a book is opened: a spinner, and a bar as soon as its pages are counted.

        Yields:
            What is to be called with the pages done and the pages there are; None without bars.
        """
        if not self.bars:
            yield None
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        with Progress(
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[pages]}", markup=False),
            console=self.rich(),
            transient=True,
        ) as bars:
            task = bars.add_task(one_line(f"Opening {source}"), total=None, pages="")
            yield lambda done, total: bars.update(
                task, completed=done, total=total, pages=f"page {done:,} of {total:,}"
            )

    def rich(self) -> RichConsole:
        """The rich console on stderr."""
        if self._rich is None:
            from rich.console import Console as RichConsole

            plain = not sys.stderr.isatty() or bool(os.environ.get("CI"))
            self._rich = RichConsole(stderr=True, no_color=plain, highlight=False, markup=False)
        return self._rich

    def pass_on(self, messages: Iterable[tuple[str, str | None]]) -> None:
        """Print what another process collected."""
        for message, style in messages:
            self._print(message, style)

    def _print(self, message: str, style: str | None = None) -> None:
        self.rich().print(one_line(message), style=style, soft_wrap=True)


class Collected(Console):
    """Messages kept for another process to print."""

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        super().__init__(quiet, verbose)
        self.messages: list[tuple[str, str | None]] = []

    @property
    def bars(self) -> bool:
        """Never: nobody watches this process."""
        return False

    def _print(self, message: str, style: str | None = None) -> None:
        self.messages.append((message, style))

    def taken(self) -> list[tuple[str, str | None]]:
        """The messages since the last call, with their styles."""
        messages, self.messages = self.messages, []
        return messages


def quiet_libraries() -> None:
    """Keep the bars and notices of the model libraries off stderr; errors are ours to report.

    They are imported when something needs them, which may be later or never.
    """
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    if "huggingface_hub" in sys.modules:
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    if "transformers" in sys.modules:
        from importlib import import_module

        logging: Any = import_module("transformers.utils.logging")  # has no types
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def print_result(text: str) -> None:
    """Print a result on stdout, as UTF-8 whatever the locale.

    Raises:
        OutputError: nobody takes it, or the disk behind it is full.
    """
    try:
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(text)
        else:
            buffer.write(text.encode("utf-8"))
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again when it ends
        reason = "nobody reads it" if isinstance(error, BrokenPipeError) else str(error.strerror)
        raise OutputError(f"standard output: cannot write, {reason.lower()}.") from error


class SummaryBars:
    """`pipeline.Progress` as two bars, reading and writing; keeps the times in any case.

    Args:
        console: where.
        tokens: about how many there are to read.
        stop: once set, the work ends as it does on Ctrl-C, for where no signal arrives.
    """

    def __init__(self, console: Console, tokens: int, stop: Event | None = None) -> None:
        self.console = console
        self._stop = stop
        self.tokens_read = 0
        self.state_bytes = 0
        self.texts_written = 0
        self._expected_tokens = tokens
        self._started = time.perf_counter()
        self._read_until = self._started
        self._reading_s = 0.0
        self._bars: RichProgress | None = None
        self._tasks: dict[str, Any] = {}

    @contextmanager
    def shown(self) -> Iterator[SummaryBars]:
        """Show the bars while the block runs, where bars are wanted."""
        self._started = self._read_until = time.perf_counter()
        if not self.console.bars:
            yield self
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[what]}", markup=False),
            console=self.console.rich(),
            transient=True,
        ) as bars:
            self._bars = bars
            self._tasks = {"read": bars.add_task("Reading", total=self._expected_tokens, what="")}
            yield self

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        """More was read."""
        self._end_if_stopped()
        now = time.perf_counter()
        self._reading_s += now - self._read_until
        self._read_until = now
        self.tokens_read += tokens
        self.state_bytes = state_bytes
        if self._bars is not None:
            speed = self.tokens_read / max(self._reading_s, 1e-9)
            what = f"{speed:,.0f} tokens/s · state {state_bytes / 1e6:.1f} MB · {chapter[:40]}"
            self._bars.update(self._tasks["read"], completed=self.tokens_read, what=what)

    def wrote(self, done: int, total: int) -> None:
        """More was written."""
        self._end_if_stopped()
        self._read_until = time.perf_counter()  # what has passed since the last block was writing
        self.texts_written = done
        if self._bars is not None:
            if "write" not in self._tasks:
                self._tasks["write"] = self._bars.add_task("Writing", total=total, what="")
            what = f"{done} of {total} texts"
            self._bars.update(self._tasks["write"], completed=done, total=total, what=what)

    def _end_if_stopped(self) -> None:
        if self._stop is not None and self._stop.is_set():
            raise KeyboardInterrupt

    def run(self) -> dict[str, Any]:
        """Times of this run, for `--json` under `run`."""
        total = time.perf_counter() - self._started
        return {
            "total_s": round(total, 3),
            "reading_s": round(self._reading_s, 3),
            "writing_s": round(total - self._reading_s, 3),
            "tokens_per_s": round(self.tokens_read / max(self._reading_s, 1e-9), 1),
            "peak_bytes": peak_bytes(),
        }


def peak_bytes() -> int | None:
    """The most memory this process has held, where the system tells."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
