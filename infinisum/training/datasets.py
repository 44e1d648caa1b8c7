"""Rows of training data: read, checked, and made into examples.

A row is a JSON object with `text` and `summary`, or, to train the salience head, `sentences`,
`paragraph_of` and `labels`, or both. Further fields are used where present: `id`, `title`,
`level` ("chapter" or "book"), `split`, `qc` (what is suspect about the row), `summary_source`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from infinisum.datasets.jsonl import read_json_lines
from infinisum.errors import InputError, NotFoundError
from infinisum.segments import ChapterSegments, Segment, Sentence, segment_sentences
from infinisum.tokenizer import Tokenizer, plain_typography
from infinisum.training.labels import split_paragraphs
from infinisum.training.overlap import HeldOut

IGNORED = -100  # label of a decoder token without a loss
JOKING_SOURCES = ("shmoop",)  # study guides that address the reader in a joking second person
VECTOR_SIZE = 384  # of the sentence encoder that made the labels


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of training data that passed the checks."""

    id: str
    title: str
    level: Literal["chapter", "book"]
    text: str  # "" where only sentences were given
    summary: str  # "" where only salience is known
    sentences: tuple[str, ...] = ()
    paragraph_of: tuple[int, ...] = ()
    salience: tuple[float, ...] = ()  # a label in 0 … 1 for each sentence, or none
    vectors: npt.NDArray[np.float16] | None = None  # [sentences, VECTOR_SIZE] of the labeller

    @property
    def key(self) -> str:
        """The same for rows of the same text, however its white space is laid out."""
        text = self.text or " ".join(self.sentences)
        return hashlib.blake2b("".join(text.split()).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class ReadReport:
    """What became of the rows read."""

    read: int = 0
    used: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # reason → rows

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.refused.most_common())
        return f"{self.read} rows read, {self.used} used" + (
            f"; refused: {reasons}" * bool(reasons)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One text as the encoder reads it, with what the decoder and the salience head should say."""

    id: str
    title: str
    segments: tuple[Segment, ...]
    sentences: tuple[Sentence, ...]  # what the spans of the segments refer to
    decoder_ids: npt.NDArray[np.int32]  # prompt, summary, end; empty without a summary
    labels: npt.NDArray[np.int32]  # the token at each place; IGNORED on the prompt
    salience: npt.NDArray[np.float32]  # one label a sentence, or empty
    vectors: npt.NDArray[np.float16]  # [sentences, VECTOR_SIZE], or [0, VECTOR_SIZE]


def data_files(paths: Iterable[Path]) -> list[Path]:
    """The JSON-lines files that `paths` name; folders give those inside them, by name.

    Raises:
        NotFoundError: a path does not exist, or there is no such file at all.
    """
    given = list(paths)
    missing = [str(path) for path in given if not path.exists()]
    if missing:
        raise NotFoundError(f"{', '.join(missing)}: no such file or folder.", "Check the path.")
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.name.endswith((".jsonl", ".jsonl.xz")))
        else:
            found.append(path)
    if not found:
        raise NotFoundError(
            f"{', '.join(map(str, given))}: no training data.",
            "Expected .jsonl or .jsonl.xz files with text and summary.",
        )
    return found


def read_rows(
    paths: Sequence[Path],
    *,
    held: HeldOut | None = None,
    split: str = "train",
    refused_sources: Sequence[str] = JOKING_SOURCES,
    bare: bool = False,
    report: ReadReport | None = None,
) -> Iterator[Row]:
    """Usable rows of JSON-lines files, streamed in their order.

    Args:
        paths: files, or folders of them.
        held: texts that must stay out.
        split: rows that name another split are refused; "" takes all.
        refused_sources: values of `summary_source` whose summaries are refused.
        bare: whether a text alone is of use.
        report: filled while reading.

    Raises:
        NotFoundError: a file is missing, or no row in any file is usable.
        InputError: a file cannot be read, or a field is not what it should be.
    """
    report = ReadReport() if report is None else report
    files = data_files(paths)
    seen: set[tuple[str, str]] = set()
    overlapping: dict[str, bool] = {}
    for path in files:
        vectors = _vectors_beside(path)
        for number, raw in enumerate(read_json_lines(path), start=1):
            report.read += 1
            row = _parse(raw, f"{path}: row {number}", vectors)
            reason = _refusal(raw, row, split, refused_sources, bare)
            key = row.key
            if not reason and held is not None:
                reason = _held_reason(row, key, held, overlapping)
            if not reason and (key, row.summary) in seen:
                reason = "duplicate"
            if reason:
                report.refused[reason] += 1
                continue
            seen.add((key, row.summary))
            report.used += 1
            yield row
    if not report.used:
        raise NotFoundError(
            f"{', '.join(map(str, files))}: nothing to train on ({report}).",
            "Rows need text and summary, or sentences, paragraph_of and labels.",
        )


def _vectors_beside(path: Path) -> npt.NDArray[np.float16] | None:
    """Sentence vectors that labels came with: `embeddings.npy`, or raw rows in `embeddings.f16`."""
    array, raw = path.parent / "embeddings.npy", path.parent / "embeddings.f16"
    if array.is_file():
        loaded: npt.NDArray[np.float16] = np.load(array, mmap_mode="r")
        return loaded
    if raw.is_file() and raw.stat().st_size:
        return np.memmap(raw, dtype=np.float16, mode="r").reshape(-1, VECTOR_SIZE)
    return None


def _parse(raw: dict[str, Any], name: str, vectors: npt.NDArray[np.float16] | None) -> Row:
    """A row of typed fields.

    Raises:
        InputError: a field is not what it should be.
    """
    text, summary = raw.get("text") or "", raw.get("summary") or ""
    sentences, paragraph_of = raw.get("sentences") or [], raw.get("paragraph_of") or []
    salience = raw.get("labels") or []
    if not isinstance(text, str) or not isinstance(summary, str):
        raise InputError(f"{name}: text and summary must be strings.", "Check the file's fields.")
    if not len(sentences) == len(paragraph_of) or len(salience) not in (0, len(sentences)):
        raise InputError(
            f"{name}: {len(sentences)} sentences, {len(paragraph_of)} paragraph_of, "
            f"{len(salience)} labels.",
            "There must be one of each for every sentence.",
        )
    first = raw.get("first")
    own = None
    if vectors is not None and salience and isinstance(first, int):
        own = vectors[first : first + len(sentences)]
    return Row(
        id=str(raw.get("id", "")),
        title=str(raw.get("title") or ""),
        level="book" if raw.get("level") == "book" else "chapter",
        text=text,
        summary=summary.strip(),
        sentences=tuple(sentences),
        paragraph_of=tuple(paragraph_of),
        salience=tuple(salience),
        vectors=own if own is not None and len(own) == len(sentences) else None,
    )


def _refusal(
    raw: dict[str, Any], row: Row, split: str, refused_sources: Sequence[str], bare: bool
) -> str:
    """Why a row is not used; "" where it is."""
    if split and raw.get("split", split) != split:
        return "other split"
    if raw.get("qc"):
        return "suspect (qc)"
    if not row.text.strip() and not row.sentences:
        return "no text"
    if not bare and not row.summary and not row.salience:
        return "no summary"
    if raw.get("summary_source") in refused_sources:
        return f"summary by {raw['summary_source']}"
    if row.text and len(row.summary.split()) > len(row.text.split()):
        return "summary longer than text"
    return ""


def _held_reason(row: Row, key: str, held: HeldOut, overlapping: dict[str, bool]) -> str:
    """Why a row must stay out; texts compared once are remembered in `overlapping`."""
    if held.has_title(row.title) or row.id in held.ids:
        return "held-out title"
    if key not in overlapping:
        overlapping[key] = held.overlaps(row.text or " ".join(row.sentences))
    return "shares its words with a held-out text" if overlapping[key] else ""


def segment_row(row: Row, tokenizer: Tokenizer, segment_length: int) -> ChapterSegments:
    """Segments of a row's text; sentences that were given are not split again."""
    sentences: Sequence[str] = row.sentences
    paragraph_of: Sequence[int] = row.paragraph_of
    if not sentences:
        sentences, paragraph_of = split_paragraphs(row.text)
    return segment_sentences(
        sentences,
        paragraph_of,
        index=0,
        title=row.title,
        tokenizer=tokenizer,
        segment_length=segment_length,
    )


def target_ids(row: Row, tokenizer: Tokenizer, max_target: int) -> tuple[list[int], int]:
    """What the decoder should write: prompt, summary, end.

    A summary that is too long ends at its last sentence that fits (the first one is cut where even
    it does not), and the prompt asks for the length that is left.

    Args:
        row: with a summary.
        tokenizer: of the model.
        max_target: most tokens in all.

    Returns:
        The ids, and how many of them are prompt; ([], 0) without a summary.
    """
    if not row.summary:
        return [], 0
    sentences, paragraph_of = split_paragraphs(row.summary)
    room = max_target - len(tokenizer.prompt(row.level, 1)) - 1
    ids: list[int] = []
    words = 0
    pieces = tokenizer.encode_batch([plain_typography(sentence) for sentence in sentences])
    for number, piece in enumerate(pieces):
        if number and paragraph_of[number] != paragraph_of[number - 1]:
            piece = [tokenizer.paragraph_id, *piece]
        if len(ids) + len(piece) > room:
            if not ids:
                ids, words = piece[:room], round(room / len(piece) * len(sentences[0].split()))
            break
        ids += piece
        words += len(sentences[number].split())
    prompt = tokenizer.prompt(row.level, words)
    return [*prompt, *ids, tokenizer.eos_id], len(prompt)


def make_example(
    row: Row, tokenizer: Tokenizer, segment_length: int, max_target: int = 1_024
) -> Example:
    """One example from one row.

    Args:
        row: from `read_rows`.
        tokenizer: of the model.
        segment_length: most tokens in a segment.
        max_target: most decoder tokens.
    """
    text = segment_row(row, tokenizer, segment_length)
    ids, prompt = target_ids(row, tokenizer, max_target)
    decoder_ids = np.array(ids, dtype=np.int32)
    return Example(
        id=row.id,
        title=row.title,
        segments=text.segments,
        sentences=text.sentences,
        decoder_ids=decoder_ids,
        labels=without_prompt(decoder_ids, prompt),
        salience=np.array(row.salience, dtype=np.float32),
        vectors=np.zeros((0, VECTOR_SIZE), np.float16) if row.vectors is None else row.vectors,
    )


def without_prompt(decoder_ids: npt.NDArray[np.int32], prompt: int) -> npt.NDArray[np.int32]:
    """Labels: the ids themselves, IGNORED on the first `prompt` of them."""
    labels = decoder_ids.copy()
    labels[:prompt] = IGNORED
    return labels
