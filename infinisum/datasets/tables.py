"""Files of rows: CSV, Parquet, Arrow, JSON and JSON lines, as dictionaries and one at a time."""

from __future__ import annotations

import codecs
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infinisum.datasets.jsonl import read_json_lines
from infinisum.errors import InputError

ENDINGS = (".jsonl", ".jsonl.xz", ".jsonl.gathered", ".json", ".csv", ".parquet", ".arrow")
_POINTER = b"version https://git-lfs.github.com/spec/"
_BATCH = 16  # rows: a book is a megabyte
_DAMAGED = "The file seems cut off or damaged: fetch it again."


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of one file, by its ending.

    Raises:
        InputError: the file is damaged, cut off, or only a pointer to the data.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_POINTER))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read, {reason}.") from error
    if head == _POINTER:
        raise InputError(
            f"{path}: a Git LFS pointer, not the data.", "Run `git lfs pull` in its folder."
        )
    if path.name.endswith(".csv"):
        return _read_csv(path)
    if path.name.endswith((".parquet", ".arrow")):
        return _read_arrow(path)
    if path.name.endswith(".json"):
        return _read_json(path)
    return read_json_lines(path)


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(sys.maxsize)  # a book in one cell
    with path.open(encoding=_csv_encoding(path), newline="") as file:
        rows = csv.DictReader(file, strict=True)
        number = 0
        try:
            for number, row in enumerate(rows, start=1):
                if None in row or None in row.values():
                    raise InputError(
                        f"{path}: row {number} has not the {len(rows.fieldnames or ())} columns of "
                        "the first line.",
                        _DAMAGED,
                    )
                yield row
        except csv.Error as error:
            raise InputError(
                f"{path}: cannot be read after row {number} ({error}).", _DAMAGED
            ) from error


def _csv_encoding(path: Path) -> str:
    """UTF-8 where the file is that from end to end, else the Windows page spreadsheets write."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                decoder.decode(data)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _read_arrow(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH):
                    yield from batch.to_pylist()
            return
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            for batch in stream:
                for start in range(0, batch.num_rows, _BATCH):
                    yield from batch.slice(start, _BATCH).to_pylist()
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        kind = path.suffix[1:].capitalize()
        raise InputError(f"{path}: no readable {kind} file ({reason}).", _DAMAGED) from error


def _read_json(path: Path) -> Iterator[dict[str, Any]]:
    """A list of rows, or rows line by line under the name of JSON."""
    with path.open("rb") as file:
        first = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first != b"[":
        yield from read_json_lines(path)
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}).", _DAMAGED) from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path}: entry {number} is not an object with text and summary.")
        yield row
