"""Rows → shards: cut, tokenized and packed once, so that training only has to read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from infinisum.config import FinetuneOptions
from infinisum.datasets.reader import data_files
from infinisum.datasets.report import ReadReport
from infinisum.datasets.tree import Tree
from infinisum.errors import InputError, OutputError, UsageError
from infinisum.features import FEATURE_NAMES
from infinisum.tokenizer import Tokenizer, load_tokenizer
from infinisum.training.datasets import Row, read_rows, segment_row, target_ids
from infinisum.training.folders import new_folder
from infinisum.training.overlap import HeldOut, held_out
from infinisum.training.shards import (
    FORMAT,
    INDEX,
    NONE,
    TEXT_COLUMNS,
    WIDTHS,
    ShardDataset,
    column_types,
)

_ALONE = 64  # texts before other processes are asked to help: they take seconds to start
_AHEAD = 4  # texts in work for each process

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Cutter:
    """What every row is cut with; travels to the processes."""

    tokenizer: Tokenizer
    segment_length: int
    max_target: int

    def text(self, row: Row) -> Columns:
        """What the encoder reads of a row, one array for each of `TEXT_COLUMNS`."""
        text = segment_row(row, self.tokenizer, self.segment_length)
        tokens = np.zeros(len(text.sentences), dtype=np.int64)
        for segment in text.segments:
            for span in segment.spans:
                tokens[span.sentence] += span.end - span.start
        lengths = [len(segment.token_ids) for segment in text.segments]
        return {
            "tokens": np.concatenate(
                [s.token_ids for s in text.segments] or [np.zeros(0, np.int32)]
            ),
            "bounds": np.cumsum([0, *lengths]),
            "sentences": np.array(
                [
                    (sentence.paragraph, sentence.words, count)
                    for sentence, count in zip(text.sentences, tokens.tolist(), strict=True)
                ]
            ),
            "features": np.array([sentence.features for sentence in text.sentences]),
        }

    def target(self, row: Row) -> tuple[list[int], int]:
        """As `target_ids`."""
        return target_ids(row, self.tokenizer, self.max_target)


class _Writer:
    """Columns being written: append entries, learn their place."""

    def __init__(self, folder: Path, types: dict[str, str]) -> None:
        self._files = {name: (folder / f"{name}.bin").open("wb") for name in WIDTHS}
        self._types = types
        self.entries = dict.fromkeys(WIDTHS, 0)

    def append(self, name: str, values: npt.ArrayLike) -> list[int]:
        """Write entries; returns the first one's place and how many there are."""
        array = np.asarray(values, dtype=self._types[name]).reshape(-1, WIDTHS[name])
        self._files[name].write(array.tobytes())
        place = [self.entries[name], len(array)]
        self.entries[name] += len(array)
        return place

    def __enter__(self) -> _Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            with file:
                if kind is None:
                    file.flush()
                    os.fsync(file.fileno())


class _Table:
    """Texts and examples of a folder, as they go into the index."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}  # a row's key → its text
        self.texts: list[dict[str, Any]] = []
        self.examples: list[dict[str, Any]] = []
        self._rows = hashlib.blake2b(digest_size=16)

    @property
    def fingerprint(self) -> str:
        """Of the rows: the same for the same rows in the same order, wherever they came from."""
        return self._rows.hexdigest()

    def see(self, row: Row) -> None:
        """Count a row into the fingerprint."""
        seen = [row.id, row.title, row.level, row.key, row.summary, row.salience]
        self._rows.update(json.dumps(seen).encode())

    def add(self, row: Row, places: dict[str, list[int]]) -> int:
        """Add a text; returns its number."""
        self.numbers[row.key] = len(self.texts)
        named = {"id": row.id, "title": row.title, "level": row.level}
        self.texts.append({**named, **places, "salience": NONE, "vectors": NONE})
        return len(self.texts) - 1

    def add_texts_without_summary(self) -> None:
        """One example for each text that only has labels."""
        summarised = {example["text"] for example in self.examples}
        for number, text in enumerate(self.texts):
            if number not in summarised:
                named = {"id": text["id"], "level": text["level"], "text": number}
                self.examples.append({**named, "targets": NONE, "prompt": 0})


def prepare(
    rows: Iterable[Row],
    tokenizer: Tokenizer,
    folder: Path,
    segment_length: int,
    max_target: int = 1_024,
    *,
    report: ReadReport | None = None,
    jobs: int | None = None,
) -> ShardDataset:
    """Write examples to a folder and open it.

    Rows of the same text share it: several summaries of a chapter make several examples, and
    salience labels given in another row belong to all of them. A text with labels alone makes an
    example without a summary. The bytes do not depend on the number of processes.

    Args:
        rows: from `read_rows`.
        tokenizer: of the model.
        folder: replaced as a whole when everything is written.
        segment_length: most tokens in a segment.
        max_target: most decoder tokens.
        report: of the reading of these rows; lengths are noted in it, and it goes into the index.
        jobs: processes that cut texts; None: one a core.

    Raises:
        NotFoundError, InputError: from reading the rows.
        OutputError: the folder cannot be written, or the disk is full; nothing is left behind.
    """
    types = column_types(tokenizer.vocab_size)
    cutter = _Cutter(tokenizer, segment_length, max_target)
    table = _Table()
    with new_folder(folder) as part:
        with _Writer(part, types) as writer:
            for row, columns in _cut(rows, cutter, _cores() if jobs is None else jobs):
                _write_row(row, columns, cutter, table, writer, report)
        table.add_texts_without_summary()
        index = {
            "format": FORMAT,
            "tokenizer": tokenizer.fingerprint,
            "rows": table.fingerprint,
            "segment_length": segment_length,
            "max_target": max_target,
            "features": list(FEATURE_NAMES),
            "columns": {name: [types[name], writer.entries[name]] for name in WIDTHS},
            "report": report.as_dict() if report else None,
            "texts": table.texts,
            "examples": table.examples,
        }
        (part / INDEX).write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
    return ShardDataset(folder)


def _write_row(
    row: Row,
    columns: Columns | None,
    cutter: _Cutter,
    table: _Table,
    writer: _Writer,
    report: ReadReport | None,
) -> None:
    """Write a row's text where it is new (it has `columns` then), its labels and its summary."""
    table.see(row)
    if columns is not None:
        table.add(row, {name: writer.append(name, columns[name]) for name in TEXT_COLUMNS})
    number = table.numbers[row.key]
    text = table.texts[number]
    if report:
        report.add_tokens(row.split, row.kind, text["tokens"][1])
    if row.salience and text["sentences"][1] == len(row.salience):
        text["salience"] = writer.append("salience", row.salience)
        if row.vectors is not None:
            text["vectors"] = writer.append("vectors", row.vectors)
    if row.summary:
        ids, prompt = cutter.target(row)
        table.examples.append(
            {
                "id": row.id,
                "level": row.level,
                "text": number,
                "targets": writer.append("targets", ids),
                "prompt": prompt,
            }
        )


def _cut(rows: Iterable[Row], cutter: _Cutter, jobs: int) -> Iterator[tuple[Row, Columns | None]]:
    """Rows in their order, each with what is to be written of its text where that is new."""
    seen: set[str] = set()
    waiting: deque[tuple[Row, Future[Columns] | None]] = deque()
    with contextlib.ExitStack() as stack:
        pool: ProcessPoolExecutor | None = None
        for row in rows:
            new = row.key not in seen
            seen.add(row.key)
            if jobs > 1 and pool is None and len(seen) > _ALONE:
                pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
                stack.callback(pool.shutdown, cancel_futures=True)
            if pool is None:
                yield row, cutter.text(row) if new else None
                continue
            waiting.append((row, pool.submit(cutter.text, row) if new else None))
            while len(waiting) > _AHEAD * jobs:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _done(row: Row, future: Future[Columns] | None) -> tuple[Row, Columns | None]:
    return row, None if future is None else future.result()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def prepared(
    data: Sequence[Path],
    tokenizer: Tokenizer,
    segment_length: int,
    cache: Path,
    max_target: int = 1_024,
    held: HeldOut | None = None,
    bare: bool = False,
) -> ShardDataset:
    """Examples of training data, prepared once.

    A single folder that holds shards is opened as it is. Else the files' names, sizes and times
    with the settings name a folder inside `cache`.

    Args:
        data: data sets of any layout, or one folder of shards.
        tokenizer: of the model.
        segment_length: most tokens in a segment.
        cache: folder for prepared data.
        max_target: most decoder tokens.
        held: texts that must stay out; shards that exist are taken as they are.
        bare: whether texts without summary and labels are of use.

    Raises:
        NotFoundError: nothing usable in the data.
        InputError: data that cannot be read, or shards made with another vocabulary or segment
            length.
        OutputError: the cache cannot be written.
    """
    if len(data) == 1 and (data[0] / INDEX).is_file():
        shards = ShardDataset(data[0])
        made = shards.index["tokenizer"], shards.index["segment_length"]
        if made != (tokenizer.fingerprint, segment_length):
            raise InputError(
                f"{data[0]}: made with another tokenizer, or {made[1]} tokens a segment instead of "
                f"{segment_length}.",
                "Prepare the data again for this model.",
            )
        return shards
    held = HeldOut() if held is None else held
    model = [tokenizer.fingerprint, segment_length, max_target]
    settings = [FORMAT, *model, bare, held.fingerprint, list(FEATURE_NAMES), _stamps(data)]
    name = hashlib.blake2b(json.dumps(settings).encode(), digest_size=8).hexdigest()
    if (cache / name / INDEX).is_file():
        return ShardDataset(cache / name)
    return prepare_data(data, tokenizer, segment_length, cache / name, max_target, held, bare)


def prepare_for(options: FinetuneOptions) -> ShardDataset:
    """Write shards of the data to the output folder, for the model that the options name.

    Raises:
        UsageError: unknown preset.
        NotFoundError, InputError: as in `prepared`.
        OutputError: the folder holds something else, or cannot be written.
    """
    folder = options.output
    other = folder.is_dir() and any(folder.iterdir()) and not (folder / INDEX).is_file()
    if other or folder.is_file():
        raise OutputError(
            f"{folder}: holds something else than shards.", "Name a new folder with -o."
        )
    assert options.model is not None
    length = segment_length_of(options.model, options.preset)
    tokenizer = load_tokenizer(options.model)
    bare = needs_no_summary(options)
    held = held_out(options.held_out)
    return prepare_data(options.data, tokenizer, length, folder, held=held, bare=bare)


def needs_no_summary(options: FinetuneOptions) -> bool:
    """Whether an objective makes something of texts that have neither summary nor labels."""
    return any(name not in ("summarize", "salience") for name in options.weights())


def segment_length_of(model: Path, preset: str) -> int:
    """Tokens a segment of the model in a folder, or of the new one that starts there.

    Raises:
        UsageError: unknown preset.
        InputError: the folder's config cannot be read.
    """
    config = model / "config.json"
    try:
        if config.is_file():
            return int(json.loads(config.read_text(encoding="utf-8"))["segment_length"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{config}: no config of a model ({error}).") from error
    from infinisum.model.presets import PRESETS

    if preset not in PRESETS:
        raise UsageError(f"--preset {preset}: unknown.", f"One of {', '.join(PRESETS)}.")
    return int(PRESETS[preset]["segment_length"])


def prepare_data(
    data: Sequence[Path],
    tokenizer: Tokenizer,
    segment_length: int,
    folder: Path,
    max_target: int = 1_024,
    held: HeldOut | None = None,
    bare: bool = False,
) -> ShardDataset:
    """Read data sets and write their shards to `folder`; arguments and errors as in `prepared`."""
    report = ReadReport()
    count = _counter(tokenizer)
    rows = read_rows(data, held=held, bare=bare, report=report, count_tokens=count)
    return prepare(rows, tokenizer, folder, segment_length, max_target, report=report)


def _counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    return lambda text: len(tokenizer.encode(text))


def _stamps(data: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Names, sizes and times of all files that are read."""
    files: list[Path] = []
    for path in data:
        own = data_files(path)
        files += own
        if Tree.is_alignment(own[0]):
            for folder in Tree(path if path.is_dir() else path.parent, own).folders:
                files += sorted(file for file in folder.rglob("*") if file.is_file())
    found = [(str(file.resolve()), file.stat()) for file in files]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]
