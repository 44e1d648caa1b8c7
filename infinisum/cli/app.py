"""`infinisum`: the commands, and how errors end them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

import typer

import infinisum
from infinisum.cli.commands import COMMANDS, Commands
from infinisum.cli.console import Console, print_result
from infinisum.errors import InfinisumError, StoppedError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="infinisum",
    cls=Commands,
    help="Summarise whole books with a memory that does not grow with the book.",
    epilog="Start with: infinisum summarize BOOK.epub -o summary.md",
    rich_markup_mode=None,  # plain help: quick, and the same in a terminal and in a file
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_result(f"infinisum {infinisum.__version__}\n")
        raise typer.Exit


@app.callback()
def _infinisum(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""


def main() -> None:
    """The console script."""
    # Read by OpenMP when torch is loaded. On a machine that has anything else to do, threads that
    # spin while they wait made reading ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Read by torch at its first tensor: large ones start at bounds of 2 MiB, in huge pages where
    # Linux has them. Otherwise holes in the heap add up over a long book.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    for name in ("SIGTERM", "SIGHUP"):  # a stop by the system is a stop by Ctrl-C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    try:
        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # a second Ctrl-C, while the first was dealt with
        os.write(2, b"Error: interrupted. Nothing is half-written; the same command starts anew.\n")
        os._exit(INTERRUPTED)
    if status == INTERRUPTED and hasattr(signal, "pthread_sigmask"):
        # Python notes a Ctrl-C that came inside exec() of a string, as while a dataclass is made,
        # and `python -m` kills itself with the signal at its end although it was dealt with.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    sys.exit(status)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(args: Sequence[str]) -> int:
    """Run one command; whatever goes wrong is one line on stderr.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 3 unreadable input, 4 model or data set
        not found, 5 cannot write, 130 interrupted.
    """
    console = Console()
    debug = "--debug" in args
    failure: InfinisumError
    cause: BaseException | None
    try:
        status = app(args=list(args or ["--help"]), prog_name="infinisum", standalone_mode=False)
    except InfinisumError as error:
        failure, cause = error, error
    except typer.TyperException as error:
        failure, cause = _usage_error(error, args), error
    except KeyboardInterrupt as error:
        failure, cause = interrupted(), error
    except MemoryError as error:
        failure, cause = InfinisumError("out of memory.", "Try --dtype bfloat16."), error
    except Exception as error:
        if _comes_of_ctrl_c(error):
            failure, cause = interrupted(), error
        else:  # a bug of ours: one line for the user, everything with --debug
            what = f"{type(error).__name__}: {error}"
            failure, cause = InfinisumError(f"internal error, {what}", "Run with --debug."), error
    else:
        if status != INTERRUPTED:
            return int(status or 0)
        failure, cause = interrupted(), None
    if debug and cause is not None:
        import traceback

        traceback.print_exception(cause)
    console.error(failure)
    return failure.exit_status


def interrupted() -> InfinisumError:
    """What is said after Ctrl-C."""
    return StoppedError("interrupted.", "Nothing is half-written; the same command starts anew.")


def _comes_of_ctrl_c(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error: Python 3.11 wraps what comes while a class is made."""
    cause = error.__cause__
    return isinstance(cause, KeyboardInterrupt) or (cause is not None and _comes_of_ctrl_c(cause))


def _usage_error(error: typer.TyperException, args: Sequence[str]) -> UsageError:
    """Typer's own complaint as one line."""
    command = next((arg for arg in args if not arg.startswith("-")), "")
    hint = f"See infinisum {command + ' ' if command in COMMANDS else ''}--help."
    return UsageError(" ".join(error.format_message().split()), hint)
