"""JSON lines, plain or xz, one row at a time."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from infinisum.errors import InputError


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 file for reading, unpacking `.xz` on the way."""
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a `.jsonl` or `.jsonl.xz` file, streamed; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object.
    """
    number = 0
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise InputError(
                        f"{path}: line {number} is not a JSON object.",
                        'Every line must be one row, such as {"text": "…", "summary": "…"}.',
                    )
                yield row
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read after line {number} ({error}).",
            "The file must be JSON lines in UTF-8, plain or xz-compressed.",
        ) from error
