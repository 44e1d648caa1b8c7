"""Examples on disk, ready to train on: flat arrays, memory-mapped, each text stored once.

A folder of shards holds one raw file a column (`tokens.bin`, `spans.bin`, …) and `index.json`:
column types, the tables of texts and examples, the settings they were made with. The same rows and
settings give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from infinisum.errors import InputError, NotFoundError
from infinisum.features import FEATURE_NAMES
from infinisum.segments import Segment, Sentence, SentenceSpan
from infinisum.tokenizer import Tokenizer
from infinisum.training.datasets import (
    VECTOR_SIZE,
    Example,
    ReadReport,
    Row,
    data_files,
    read_rows,
    segment_row,
    target_ids,
    without_prompt,
)
from infinisum.training.overlap import HeldOut

INDEX = "index.json"
FORMAT = 1
COLUMNS: dict[str, tuple[str, int]] = {  # name → type and width of one entry
    "tokens": ("<i4", 1),
    "bounds": ("<i8", 1),  # segment starts within the text's tokens, and the end of the last
    "spans": ("<i4", 4),  # segment, sentence, start, end
    "sentences": ("<i4", 2),  # paragraph, words
    "features": ("<f2", len(FEATURE_NAMES)),
    "salience": ("<f4", 1),
    "vectors": ("<f2", VECTOR_SIZE),
    "targets": ("<i4", 1),
}
TEXT_COLUMNS = ("tokens", "bounds", "spans", "sentences", "features")
NONE = [0, 0]  # place of what a text does not have


class _Columns:
    """Columns being written: append entries, learn their place."""

    def __init__(self, folder: Path) -> None:
        self._files = {name: (folder / f"{name}.bin").open("wb") for name in COLUMNS}
        self.entries = dict.fromkeys(COLUMNS, 0)

    def append(self, name: str, values: npt.ArrayLike) -> list[int]:
        """Write entries; returns the first one's place and how many there are."""
        kind, width = COLUMNS[name]
        array = np.asarray(values, dtype=kind).reshape(-1, width)
        self._files[name].write(array.tobytes())
        place = [self.entries[name], len(array)]
        self.entries[name] += len(array)
        return place

    def __enter__(self) -> _Columns:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()


def prepare(
    rows: Iterable[Row],
    tokenizer: Tokenizer,
    folder: Path,
    segment_length: int,
    max_target: int = 1_024,
    report: ReadReport | None = None,
) -> ShardDataset:
    """Write examples to a folder and open it.

    Rows of the same text share it: several summaries of a chapter make several examples, and
    salience labels given in another row belong to all of them. A text with labels alone makes an
    example without a summary.

    Args:
        rows: from `read_rows`.
        tokenizer: of the model.
        folder: replaced as a whole when everything is written.
        segment_length: most tokens in a segment.
        max_target: most decoder tokens.
        report: of the reading of these rows, kept in the index.

    Raises:
        NotFoundError, InputError: from reading the rows.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    table = _Table()
    with _Columns(part) as columns:
        for row in rows:
            number = table.numbers.get(row.key)
            if number is None:
                number = table.add(row, _write_text(columns, row, tokenizer, segment_length))
            text = table.texts[number]
            if row.salience and text["sentences"][1] == len(row.salience):
                text["salience"] = columns.append("salience", row.salience)
                if row.vectors is not None:
                    text["vectors"] = columns.append("vectors", row.vectors)
            if row.summary:
                ids, prompt = target_ids(row, tokenizer, max_target)
                table.examples.append(
                    {
                        "id": row.id,
                        "level": row.level,
                        "text": number,
                        "targets": columns.append("targets", ids),
                        "prompt": prompt,
                    }
                )
    table.add_texts_without_summary()
    index = {
        "format": FORMAT,
        "tokenizer": tokenizer.fingerprint,
        "segment_length": segment_length,
        "max_target": max_target,
        "features": list(FEATURE_NAMES),
        "entries": columns.entries,
        "report": str(report or ""),
        "texts": table.texts,
        "examples": table.examples,
    }
    (part / INDEX).write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return ShardDataset(folder)


class _Table:
    """Texts and examples of a folder, as they go into the index."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}  # a row's key → its text
        self.texts: list[dict[str, Any]] = []
        self.examples: list[dict[str, Any]] = []

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


def _write_text(
    columns: _Columns, row: Row, tokenizer: Tokenizer, segment_length: int
) -> dict[str, list[int]]:
    """Write what the encoder reads of a row; returns the place in each of `TEXT_COLUMNS`."""
    text = segment_row(row, tokenizer, segment_length)
    lengths = [len(segment.token_ids) for segment in text.segments]
    sentences = text.sentences
    values: dict[str, npt.ArrayLike] = {
        "tokens": np.concatenate([segment.token_ids for segment in text.segments]),
        "bounds": np.cumsum([0, *lengths]),
        "spans": [
            (number, span.sentence, span.start, span.end)
            for number, segment in enumerate(text.segments)
            for span in segment.spans
        ],
        "sentences": [(sentence.paragraph, sentence.words) for sentence in sentences],
        "features": [sentence.features for sentence in sentences],
    }
    return {name: columns.append(name, values[name]) for name in TEXT_COLUMNS}


class ShardDataset:
    """Examples of a folder written by `prepare`; a map-style dataset, memory-mapped.

    Sentences come without their text, which training does not need.

    Attributes:
        index: what `index.json` holds.
        segments: number of segments of each example's text.
        target_tokens: number of decoder tokens of each example, 0 without a summary.

    Args:
        folder: where the shards are.

    Raises:
        NotFoundError: there are none.
        InputError: they are damaged or of another version.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / INDEX
        if not path.is_file():
            raise NotFoundError(f"{path}: no such file.", "Prepare the training data first.")
        try:
            self.index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if self.index["format"] != FORMAT or self.index["features"] != list(FEATURE_NAMES):
                raise ValueError("made by another version")
            self._columns = {
                name: _open_column(folder / f"{name}.bin", name, self.index["entries"][name])
                for name in COLUMNS
            }
            self._texts: list[dict[str, Any]] = self.index["texts"]
            self._examples: list[dict[str, Any]] = self.index["examples"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder}: damaged training shards ({error}).", "Delete the folder, prepare anew."
            ) from error
        self.segments = [self._texts[e["text"]]["bounds"][1] - 1 for e in self._examples]
        self.target_tokens = [e["targets"][1] for e in self._examples]

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, number: int) -> Example:
        example = self._examples[number]
        text = self._texts[example["text"]]
        decoder_ids = np.array(self._take("targets", example["targets"])[:, 0])
        return Example(
            id=example["id"],
            title=text["title"],
            segments=self._segments(text),
            sentences=tuple(
                Sentence("", int(paragraph), int(words), features)
                for (paragraph, words), features in zip(
                    self._take("sentences", text["sentences"]),
                    self._take("features", text["features"]).astype(np.float32).tolist(),
                    strict=True,
                )
            ),
            decoder_ids=decoder_ids,
            labels=without_prompt(decoder_ids, example["prompt"]),
            salience=np.array(self._take("salience", text["salience"])[:, 0]),
            vectors=np.array(self._take("vectors", text["vectors"])),
        )

    def level(self, number: int) -> str:
        """ "chapter" or "book"."""
        return str(self._examples[number]["level"])

    def text_number(self, number: int) -> int:
        """Which text an example is about; several may be about one."""
        return int(self._examples[number]["text"])

    def labelled(self, number: int) -> bool:
        """Whether an example has salience labels."""
        return bool(self._texts[self._examples[number]["text"]]["salience"][1])

    def _take(self, name: str, place: Sequence[int]) -> npt.NDArray[Any]:
        first, count = place
        return self._columns[name][first : first + count]

    def _segments(self, text: dict[str, Any]) -> tuple[Segment, ...]:
        tokens = np.array(self._take("tokens", text["tokens"])[:, 0])
        bounds = self._take("bounds", text["bounds"])[:, 0].tolist()
        spans: list[list[SentenceSpan]] = [[] for _ in bounds[1:]]
        for segment, sentence, start, end in self._take("spans", text["spans"]).tolist():
            spans[segment].append(SentenceSpan(sentence, start, end))
        return tuple(
            Segment(0, tokens[start:end], tuple(spans[number]))
            for number, (start, end) in enumerate(pairwise(bounds))
        )


def _open_column(path: Path, name: str, entries: int) -> npt.NDArray[Any]:
    """Map one column as `[entries, width]`.

    Raises:
        ValueError: the file has another size than the index says.
    """
    kind, width = COLUMNS[name]
    wanted = entries * width * np.dtype(kind).itemsize
    if path.stat().st_size != wanted:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {wanted}")
    if not wanted:
        return np.zeros((0, width), dtype=kind)
    return np.memmap(path, dtype=kind, mode="r", shape=(entries, width))


def prepared(
    data: Sequence[Path],
    tokenizer: Tokenizer,
    segment_length: int,
    cache: Path,
    max_target: int = 1_024,
    held: HeldOut | None = None,
    bare: bool = False,
    report: ReadReport | None = None,
) -> ShardDataset:
    """Examples of training files, prepared once.

    A single folder that holds shards is opened as it is. Else the files' names, sizes and times
    with the settings name a folder inside `cache`.

    Args:
        data: JSON-lines files, folders of them, or one folder of shards.
        tokenizer: of the model.
        segment_length: most tokens in a segment.
        cache: folder for prepared data.
        max_target: most decoder tokens.
        held: texts that must stay out; shards that exist are taken as they are.
        bare: whether texts without summary and labels are of use.
        report: filled where rows are read; `index["report"]` holds what it said.

    Raises:
        NotFoundError: nothing usable in the data.
        InputError: data that cannot be read, or shards made with another vocabulary or segment
            length.
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
    stamps = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in data_files(data)]
    held = HeldOut() if held is None else held
    model = [tokenizer.fingerprint, segment_length, max_target]
    settings = json.dumps([FORMAT, *model, bare, held.fingerprint, list(FEATURE_NAMES), stamps])
    folder = cache / hashlib.blake2b(settings.encode(), digest_size=8).hexdigest()
    if (folder / INDEX).is_file():
        return ShardDataset(folder)
    report = ReadReport() if report is None else report
    rows = read_rows(data, held=held, bare=bare, report=report)
    return prepare(rows, tokenizer, folder, segment_length, max_target, report)
