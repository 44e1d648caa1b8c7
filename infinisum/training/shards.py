"""Examples on disk, ready to train on: flat arrays, memory-mapped, each text stored once.

A folder of shards holds one raw file a column (`tokens.bin`, `sentences.bin`, …) and `index.json`:
column types, the tables of texts and examples, the settings they were made with, a fingerprint of
the tokenizer and one of the rows. The same rows and settings give the same bytes. A column may be
packed (`xz tokens.bin`) to be sent somewhere; it is unpacked where it is first opened.

An example gives its segments and sentences as they are asked for, so a run of segments out of a
whole book costs what the run costs.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from infinisum.errors import InputError, NotFoundError
from infinisum.features import FEATURE_NAMES
from infinisum.segments import Segment, Sentence, SentenceSpan
from infinisum.training.datasets import VECTOR_SIZE, Example, without_prompt

INDEX = "index.json"
FORMAT = 2
WIDTHS: dict[str, int] = {  # name of a column → numbers in one entry
    "tokens": 1,
    "bounds": 1,  # segment starts within the text's tokens, and the end of the last
    "sentences": 3,  # paragraph, words, tokens; a paragraph break lies between two paragraphs
    "features": len(FEATURE_NAMES),
    "salience": 1,
    "vectors": VECTOR_SIZE,
    "targets": 1,
}
TEXT_COLUMNS = ("tokens", "bounds", "sentences", "features")
NONE = [0, 0]  # place of what a text does not have


def column_types(vocab_size: int) -> dict[str, str]:
    """The number type of each column: tokens take two bytes where the vocabulary allows it."""
    token = "<u2" if vocab_size <= 1 << 16 else "<i4"
    whole, real = dict.fromkeys(("bounds", "sentences"), "<u4"), {"salience": "<f4"}
    halves = dict.fromkeys(("features", "vectors"), "<f2")
    return {"tokens": token, "targets": token, **whole, **real, **halves}


class StoredSegments(Sequence[Segment]):
    """Segments of a stored text, made as they are asked for.

    Args:
        tokens: `[tokens]` of the text.
        bounds: `[segments + 1]`, where segments begin, and the end of the last.
        paragraphs, counts: `[sentences]`, each sentence's paragraph and number of tokens.
    """

    def __init__(
        self,
        tokens: npt.NDArray[Any],
        bounds: npt.NDArray[Any],
        paragraphs: npt.NDArray[Any],
        counts: npt.NDArray[Any],
    ) -> None:
        self._tokens = tokens
        self._bounds: list[int] = bounds.tolist()
        breaks = np.zeros(len(counts), dtype=np.int64)
        breaks[1:] = np.cumsum(paragraphs[1:] != paragraphs[:-1])
        self._ends = np.cumsum(counts, dtype=np.int64) + breaks
        self._starts = self._ends - counts

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @overload
    def __getitem__(self, index: int) -> Segment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Segment, ...]: ...
    def __getitem__(self, index: int | slice) -> Segment | tuple[Segment, ...]:
        if isinstance(index, slice):
            return tuple(self._segment(number) for number in range(len(self))[index])
        return self._segment(range(len(self))[index])

    def _segment(self, number: int) -> Segment:
        begin, end = self._bounds[number], self._bounds[number + 1]
        first = int(np.searchsorted(self._ends, begin, side="right"))
        last = int(np.searchsorted(self._starts, end, side="left"))
        starts = np.maximum(self._starts[first:last], begin) - begin
        ends = np.minimum(self._ends[first:last], end) - begin
        spans = tuple(
            SentenceSpan(sentence, start, stop)
            for sentence, (start, stop) in enumerate(
                zip(starts.tolist(), ends.tolist(), strict=True), start=first
            )
            if start < stop
        )
        return Segment(0, self._tokens[begin:end].astype(np.int32), spans)


class StoredSentences(Sequence[Sentence]):
    """Sentences of a stored text, made as they are asked for; without their words, which training
    does not need.

    Args:
        rows: `[sentences, 3]`: paragraph, words, tokens.
        features: `[sentences, len(FEATURE_NAMES)]`.
    """

    def __init__(self, rows: npt.NDArray[Any], features: npt.NDArray[Any]) -> None:
        self._rows = rows
        self._features = features

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sentence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Sentence, ...]: ...
    def __getitem__(self, index: int | slice) -> Sentence | tuple[Sentence, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(len(self))[index])
        paragraph, words, _ = self._rows[index].tolist()
        return Sentence("", paragraph, words, self._features[index].tolist())


class ShardDataset:
    """Examples of a folder written by `prepare`; a map-style dataset, memory-mapped.

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
                name: _open_column(folder / f"{name}.bin", width, self.index["columns"][name])
                for name, width in WIDTHS.items()
            }
            self._texts: list[dict[str, Any]] = self.index["texts"]
            self._examples: list[dict[str, Any]] = self.index["examples"]
        except (OSError, EOFError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
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
        decoder_ids = self._take("targets", example["targets"])[:, 0].astype(np.int32)
        rows = np.array(self._take("sentences", text["sentences"]))
        features = self._take("features", text["features"])
        tokens = self._take("tokens", text["tokens"])[:, 0]
        bounds = self._take("bounds", text["bounds"])[:, 0]
        return Example(
            id=example["id"],
            title=text["title"],
            segments=StoredSegments(tokens, bounds, rows[:, 0], rows[:, 2]),
            sentences=StoredSentences(rows, features),
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


def _open_column(path: Path, width: int, column: Sequence[Any]) -> npt.NDArray[Any]:
    """Map one column as `[entries, width]`; a packed one is unpacked first.

    Raises:
        ValueError: the file has another size than the index says.
    """
    kind, entries = column
    packed = path.with_name(path.name + ".xz")
    if not path.exists() and packed.exists():
        part = path.with_name(f"{path.name}.part-{os.getpid()}")
        with lzma.open(packed) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
        part.replace(path)
    wanted = entries * width * np.dtype(kind).itemsize
    if path.stat().st_size != wanted:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {wanted}")
    if not wanted:
        return np.zeros((0, width), dtype=kind)
    return np.memmap(path, dtype=kind, mode="r", shape=(entries, width))
