"""Write docs/commands.md from the `--help` of every command: `python scripts/commands_page.py`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
HEAD = """# Commands

Written by `scripts/commands_page.py` from what `infinisum COMMAND --help` prints.

Options are the same word everywhere. Results go to standard output or into `-o`, everything else to
standard error; `--json` prints one JSON object and nothing else. Exit status: 0 done · 1 the work
failed, or one of several inputs did · 2 wrong usage · 3 input missing or unreadable · 4 model or
data not found · 5 cannot write · 130 interrupted.
"""


def commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command of a group and of the groups in it."""
    for name, command in group.commands.items():
        words = (*above, name)
        if hasattr(command, "commands"):
            yield from commands(command, words)
        else:
            yield words


def help_of(words: tuple[str, ...]) -> str:
    """What `infinisum … --help` prints into a file a hundred columns wide."""
    from infinisum.cli.app import run

    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with contextlib.redirect_stdout(printed):
            status = run([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns
    if status:
        raise SystemExit(f"infinisum {' '.join(words)} --help ended with status {status}")
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def page() -> str:
    """The whole page."""
    import typer

    from infinisum.cli.app import app

    parts = [HEAD]
    for words in commands(typer.main.get_command(app)):
        parts.append(f"## infinisum {' '.join(words)}\n\n```text\n{help_of(words)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
