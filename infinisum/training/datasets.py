"""Rows of training data: read, checked, and made into examples.

A row is a document of any layout that `infinisum.datasets` reads, with text and summary. Rows of
JSON lines may, to train the salience head, have `sentences`, `paragraph_of` and `labels` in place
of the text or beside it. Further fields are used where present: `id`, `title`, `level` ("chapter"
or "book"), `split`, `qc` (what is suspect about the row), `summary_source`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from infinisum.datasets.checks import refusal
from infinisum.datasets.document import Document, Missing
from infinisum.datasets.reader import LAYOUTS, check_files, scan
from infinisum.datasets.report import DUPLICATE, ReadReport, kind_of
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
    split: str = "train"
    kind: str = "chapter"  # as `infinisum.datasets.report.KINDS` has it

    @property
    def key(self) -> str:
        """The same for rows of the same text, however its white space is laid out."""
        text = self.text or " ".join(self.sentences)
        return hashlib.blake2b("".join(text.split()).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One text as the encoder reads it, with what the decoder and the salience head should say."""

    id: str
    title: str
    segments: Sequence[Segment]
    sentences: Sequence[Sentence]  # what the spans of the segments refer to
    decoder_ids: npt.NDArray[np.int32]  # prompt, summary, end; empty without a summary
    labels: npt.NDArray[np.int32]  # the token at each place; IGNORED on the prompt
    salience: npt.NDArray[np.float32]  # one label a sentence, or empty
    vectors: npt.NDArray[np.float16]  # [sentences, VECTOR_SIZE], or [0, VECTOR_SIZE]


def read_rows(
    paths: Sequence[Path],
    *,
    held: HeldOut | None = None,
    split: str = "train",
    refused_sources: Sequence[str] = JOKING_SOURCES,
    bare: bool = False,
    report: ReadReport | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> Iterator[Row]:
    """Usable rows of data sets, streamed in their order.

    Args:
        paths: files or folders of any layout that `infinisum.datasets` reads.
        held: texts that must stay out.
        split: rows of another split are counted but not given; "" gives all.
        refused_sources: writers of summaries that are refused.
        bare: whether a text alone is of use.
        report: filled while reading.
        count_tokens: of a text; measures the documents of other splits for the report.

    Raises:
        NotFoundError: a file is missing, or no row in any file is usable.
        InputError: a file cannot be read, or a field is not what it should be.
    """
    report = ReadReport() if report is None else report
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise NotFoundError(f"{', '.join(missing)}: no such file or folder.", LAYOUTS)
    for path in paths:
        check_files(path)
    check = _Checks(split, held, refused_sources, bare)
    lengths: dict[str, int] = {}
    vectors = lru_cache(maxsize=1)(_vectors_beside)
    for path in paths:
        for document in scan(path):
            report.read += 1
            if isinstance(document, Missing):
                report.miss(document)
                continue
            row = _parse(document, split, vectors)
            key = row.key
            reason = check.refusal(document, row, key)
            if reason:
                report.refused[reason] += 1
                continue
            report.take(document, row.split)
            if split and row.split != split:
                if count_tokens:
                    lengths[key] = lengths.get(key) or count_tokens(row.text)
                    report.add_tokens(row.split, row.kind, lengths[key])
                continue
            report.used += 1
            yield row
    if not report.used:
        raise _nothing_usable(paths, report)


def _nothing_usable(paths: Sequence[Path], report: ReadReport) -> NotFoundError:
    what = f"{', '.join(map(str, paths))}: nothing to train on ({report})."
    if report.missing:
        count = len(set(report.missing))
        hint = f"{count:,} files are missing: unpack or fetch them, beside the alignments."
        return NotFoundError(what, hint)
    return NotFoundError(what, "Rows need text and summary, or sentences, paragraph_of and labels.")


class _Checks:
    """Why rows are refused, with what was seen so far."""

    def __init__(
        self, split: str, held: HeldOut | None, refused_sources: Sequence[str], bare: bool
    ) -> None:
        self._split = split
        self._held = held
        self._refused_sources = refused_sources
        self._bare = bare
        self._seen: set[tuple[str, str, str]] = set()
        self._overlapping: dict[str, bool] = {}

    def refusal(self, document: Document, row: Row, key: str) -> str:
        """Why a row is not used; "" where it is."""
        if document.fields.get("qc"):
            return "suspect (qc)"
        if not row.text.strip() and not row.sentences:
            return "no text"
        if not self._bare and not row.summary and not row.salience:
            return "no summary"
        if document.source in self._refused_sources and row.summary:
            return f"summary by {document.source}"
        if row.text and row.summary and (reason := refusal(document)):
            return reason
        if self._held is not None and row.split == (self._split or row.split):
            reason = _held_reason(row, key, self._held, self._overlapping)
            if reason:
                return reason
        if (row.split, key, row.summary) in self._seen:
            return DUPLICATE
        self._seen.add((row.split, key, row.summary))
        return ""


def _vectors_beside(folder: Path) -> npt.NDArray[np.float16] | None:
    """Sentence vectors that labels came with: `embeddings.npy`, or raw rows in `embeddings.f16`."""
    array, raw = folder / "embeddings.npy", folder / "embeddings.f16"
    if array.is_file():
        loaded: npt.NDArray[np.float16] = np.load(array, mmap_mode="r")
        return loaded
    if raw.is_file() and raw.stat().st_size:
        return np.memmap(raw, dtype=np.float16, mode="r").reshape(-1, VECTOR_SIZE)
    return None


def _parse(
    document: Document,
    split: str,
    vectors: Callable[[Path], npt.NDArray[np.float16] | None] = lambda _: None,
) -> Row:
    """A row of typed fields, with its sentence vectors out of those in a folder.

    Raises:
        InputError: a field is not what it should be.
    """
    fields = document.fields
    sentences, paragraph_of = fields.get("sentences") or [], fields.get("paragraph_of") or []
    salience = fields.get("labels") or []
    if not len(sentences) == len(paragraph_of) or len(salience) not in (0, len(sentences)):
        raise InputError(
            f"{document.file}: {document.id} has {len(sentences)} sentences, "
            f"{len(paragraph_of)} paragraph_of, {len(salience)} labels.",
            "There must be one of each for every sentence.",
        )
    first = fields.get("first")
    own = None
    if salience and isinstance(first, int):
        found = vectors(Path(document.file).parent)
        own = None if found is None else found[first : first + len(sentences)]
    return Row(
        id=document.id,
        title=document.title,
        level=document.level,
        text=document.text,
        summary=document.summary,
        sentences=tuple(sentences),
        paragraph_of=tuple(paragraph_of),
        salience=tuple(salience),
        vectors=own if own is not None and len(own) == len(sentences) else None,
        split=document.split or split or "train",
        kind=kind_of(document),
    )


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
