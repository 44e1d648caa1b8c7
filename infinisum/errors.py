"""What can go wrong, and the exit status each kind ends a command with.

Every error a user can cause is an `InfinisumError`: one line that says what is wrong and with
which file, and a hint that says what to do about it. The command line prints both and exits with
`exit_status`; a traceback is for bugs.
"""

from __future__ import annotations


class InfinisumError(Exception):
    """The work failed (exit status 1).

    Args:
        message: one line: what is wrong, and with which file.
        hint: one line: what to do about it; may be empty.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(InfinisumError):
    """The command was called wrongly: an option or a value that makes no sense (exit status 2)."""

    exit_status = 2


class InputError(InfinisumError):
    """An input is missing or cannot be read: corrupt, encrypted, no text (exit status 3)."""

    exit_status = 3


class NotFoundError(InfinisumError):
    """A model or a data set was not found (exit status 4)."""

    exit_status = 4


class OutputError(InfinisumError):
    """A result cannot be written where it was asked for (exit status 5)."""

    exit_status = 5


class StoppedError(InfinisumError):
    """Ctrl-C (exit status 130)."""

    exit_status = 130
