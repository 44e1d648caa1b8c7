"""What an evaluation has done so far, so that an interrupted one goes on where it was.

One line a finished document, appended and flushed; the first line says what was evaluated and how.
A journal of other options, data or weights is started anew.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from infinisum.errors import OutputError


class Journal:
    """Finished parts by their names.

    Args:
        path: the file, or None to remember nothing.
        key: says what is evaluated; a journal with another key is of no use.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self.path = path
        self._key = key
        self._done: dict[str, Any] = {}
        self.resumed = 0  # parts found
        if path is None:
            return
        whole = self._load(path)
        try:
            with path.open("r+b" if whole else "wb") as file:
                if whole:  # a line cut off by a crash goes
                    file.truncate(whole)
                else:
                    file.write(json.dumps({"evaluation": key}).encode() + b"\n")
        except OSError as error:
            raise _cannot_write(path, error) from error

    def get(self, part: str) -> Any:
        """What was kept of a part, or None."""
        return self._done.get(part)

    def put(self, part: str, content: Any) -> None:
        """Keep a finished part.

        Raises:
            OutputError: it cannot be written.
        """
        self._done[part] = content
        if self.path is None:
            return
        line = json.dumps({"part": part, "content": content}, ensure_ascii=True) + "\n"
        try:
            with self.path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def remove(self) -> None:
        """Delete the file: the results are written."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _load(self, path: Path) -> int:
        """Take in what is there; the number of bytes worth keeping."""
        try:
            content = path.read_bytes()
        except OSError:
            return 0
        head, _, rest = content.partition(b"\n")
        if not rest and not content.endswith(b"\n"):
            return 0
        try:
            if json.loads(head) != {"evaluation": self._key}:
                return 0
        except ValueError:
            return 0
        whole = len(head) + 1
        for line in rest.splitlines(keepends=True):
            try:
                row = json.loads(line)
                if not line.endswith(b"\n"):
                    break
                self._done[row["part"]] = row["content"]
            except (ValueError, KeyError, TypeError):
                break
            whole += len(line)
        self.resumed = len(self._done)
        return whole


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(
        f"{path}: cannot write, {reason}.", "Name a place with -o that can be written to."
    )
