"""`.infinisum`: a reading on disk.

A safetensors file: the state's tensors, the salience of every sentence, the compressed text, and
one entry of metadata, `infinisum`, which is a JSON object:

    format, format_version   "infinisum-reading", and a number that changes with the layout
    checksum                 SHA-256 of the file with 64 zeros in the place of these digits
    …                        model, book with its chapter table, chapter summaries

Nothing in a file is trusted: sizes and kinds are checked, and nothing of it is executed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import infinisum
from infinisum.atomic import write_atomically
from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.books.reader import open_file, read_stream
from infinisum.books.transfer import book_from_dict, book_to_dict
from infinisum.books.transfer import entry as value
from infinisum.errors import InputError
from infinisum.guard import run_guarded
from infinisum.readings.header import (
    book_of,
    book_table,
    drafts_of,
    drafts_table,
    mark_of,
)
from infinisum.readings.reading import Mark, ReadChapter, Reading, Settled
from infinisum.readings.text import Sentences, pack_text, unpack_text

if TYPE_CHECKING:
    from torch import Tensor

    from infinisum.books.book import Book
    from infinisum.loading import LoadedModel

ENDING: Final = ".infinisum"
FORMAT: Final = "infinisum-reading"
FORMAT_VERSION: Final = 1
DAMAGED: Final = "It is damaged; make it again with infinisum read."

_MOST_HEADER_BYTES: Final = 64 << 20
_NO_CHECKSUM: Final = "0" * 64
_CHECKSUM: Final = '\\"checksum\\":\\"'  # as it stands in the file: JSON inside JSON


def is_reading(path: str | Path) -> bool:
    """Whether a file is a reading, by its content."""
    try:
        with Path(path).open("rb") as file:
            return is_reading_bytes(file.read(64))
    except OSError:
        return False


def is_reading_bytes(head: bytes) -> bool:
    """Whether a file that begins so is a reading."""
    return head[8:].startswith(b'{"__metadata__":{"infinisum":')


def save_reading(reading: Reading, path: str | Path) -> None:
    """Write a reading to a file, whole or not at all; the same reading gives the same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    write_atomically(Path(path), reading_bytes(reading))


def load_reading(path: str | Path, loaded: LoadedModel) -> Reading:
    """Read a `.infinisum` file.

    Args:
        path: the file.
        loaded: the model that made it.

    Raises:
        InputError: missing, no reading, damaged, or made by another model.
    """
    return parse_reading(read_bytes(path), loaded, str(path))


def read_bytes(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: it is missing, too large, or cannot be read.
    """
    with open_file(Path(path), str(path), limits) as file:
        return read_stream(file, str(path), limits)


def reading_bytes(reading: Reading) -> bytes:
    """A reading as a file holds it.

    Raises:
        ValueError: the book was not read to its end.
    """
    import torch
    from safetensors.torch import save

    from infinisum.engine import state_tensors

    tensors: dict[str, Tensor] = {}
    settled = reading.settled
    states = {"state": reading.state, "settled": settled.state if settled else None}
    for name, state in states.items():
        if state is not None:
            for part, tensor in state_tensors(state).items():
                tensors[f"{name}.{part}"] = tensor.cpu().clone().contiguous()
    scores = [score for chapter in reading.chapters for score in chapter.scores]
    tensors["scores"] = torch.tensor(scores, dtype=torch.float64)
    texts = [
        (chapter.paragraphs, _by_paragraph(read, len(chapter.paragraphs)))
        for chapter, read in zip(reading.book.chapters, reading.chapters, strict=True)
    ]
    tensors["text"] = torch.frombuffer(bytearray(pack_text(texts)), dtype=torch.uint8)
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "checksum": _NO_CHECKSUM,
        "infinisum_version": infinisum.__version__,
        "model": asdict(reading.mark),
        "book": book_table(reading),
        "state_bytes": reading.state_bytes,
        "settled": None if settled is None else settled.chapters,
        "drafts": drafts_table(reading.drafts),
    }
    text = json.dumps(header, separators=(",", ":"))
    return sealed(save(tensors, {"infinisum": text}))


def sealed(data: bytes) -> bytes:
    """The bytes of a file with the checksum they must have."""
    at, _ = _checksum(data)
    blank = data[:at] + _NO_CHECKSUM.encode() + data[at + 64 :]
    return data[:at] + hashlib.sha256(blank).hexdigest().encode() + data[at + 64 :]


def parse_header(data: bytes, name: str) -> dict[str, Any]:
    """What a file says about itself, after its checksum was found right.

    Args:
        data: the whole file.
        name: how messages call it.

    Raises:
        InputError: no reading, of a later version, or damaged.
    """
    if not is_reading_bytes(data[:64]):
        raise InputError(f"{name}: this is no reading.", "Make one with infinisum read.")
    try:
        header = json.loads(_metadata(data))
        version = value(header, "format_version", int)
        if value(header, "format", str) == FORMAT and version > FORMAT_VERSION:
            raise InputError(
                f"{name}: a reading of format {version}, made by a later infinisum.",
                "Update infinisum, or read the book again.",
            )
        _, found = _checksum(data)
        if sealed(data) != data:
            raise ValueError("its checksum is wrong")
        if header.get("format") != FORMAT or header.get("checksum") != found:
            raise ValueError("its header is not of this kind")
    except (ValueError, RecursionError) as error:
        raise _damaged(name, error) from error
    return dict(header)


def parse_book(data: bytes, name: str) -> Book:
    """The book in the bytes of a reading's file, which no model is needed for.

    Raises:
        InputError: no reading, or damaged.
    """
    header = parse_header(data, name)
    try:
        (length,) = struct.unpack("<Q", data[:8])
        start, end = json.loads(data[8 : 8 + length])["text"]["data_offsets"]
        texts = unpack_text(data[8 + length + start : 8 + length + end])
        return book_of(header.get("book"), [paragraphs for paragraphs, _ in texts], name)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(name, error) from error


def open_book(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Book:
    """`parse_book` in a child process, so that what a file unpacks to harms nobody.

    Raises:
        InputError: no reading, damaged, or over a limit.
    """
    content = run_guarded("infinisum.readings.file:parse_to_dict", data, name, {}, limits)
    try:
        return book_from_dict(content)
    except ValueError as error:
        raise _damaged(name, error) from error


def parse_to_dict(data: bytes, name: str) -> dict[str, Any]:
    """`parse_book` for another process."""
    return book_to_dict(parse_book(data, name))


def part_bytes(data: bytes) -> dict[str, int]:
    """Bytes of the parts of a file that `parse_header` took: "state", "settled", "text", …"""
    (length,) = struct.unpack("<Q", data[:8])
    sizes: dict[str, int] = {"header": 8 + length}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            part = name.partition(".")[0]
            sizes[part] = sizes.get(part, 0) + end - start
    return sizes


def parse_reading(data: bytes, loaded: LoadedModel, name: str) -> Reading:
    """A reading from the bytes of its file.

    Raises:
        InputError: no reading, damaged, or made by another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    header = parse_header(data, name)
    try:
        mark = mark_of(header.get("model"))
        mark.check(Mark.of(loaded), name)
        tensors = load(data)
        return _reading(header, mark, tensors, loaded, name)
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise _damaged(name, error) from error


def _reading(
    header: Mapping[str, Any],
    mark: Mark,
    tensors: Mapping[str, Tensor],
    loaded: LoadedModel,
    name: str,
) -> Reading:
    from infinisum.engine import restore_state

    def state(prefix: str) -> Any:
        parts = {
            tensor_name.removeprefix(prefix): tensor
            for tensor_name, tensor in tensors.items()
            if tensor_name.startswith(prefix)
        }
        # What another dtype left is of no use: the text will be read again.
        usable = parts and mark.computes_like(Mark.of(loaded))
        return restore_state(loaded.reader, parts) if usable else None

    texts = unpack_text(tensors["text"].numpy().tobytes())
    book = book_of(header.get("book"), [paragraphs for paragraphs, _ in texts], name)
    tokens = [value(entry, "tokens", int) for entry in header["book"]["chapters"]]
    settled = header.get("settled")
    if settled is not None and not 0 <= value(header, "settled", int) <= len(tokens):
        raise ValueError("a chapter that is not there")
    return Reading(
        book=book,
        mark=mark,
        chapters=_chapters([its for _, its in texts], tokens, tensors["scores"].tolist()),
        drafts=drafts_of(header.get("drafts")),
        state=state("state."),
        state_bytes=value(header, "state_bytes", int),
        settled=None if settled is None else Settled(settled, state("settled.")),
    )


def _chapters(
    sentences: list[Sentences], tokens: list[int], scores: list[float]
) -> tuple[ReadChapter, ...]:
    chapters, at = [], 0
    for by_paragraph, count in zip(sentences, tokens, strict=True):
        texts = [text for its in by_paragraph for text in its]
        numbers = [number for number, its in enumerate(by_paragraph) for _ in its]
        own = tuple(scores[at : at + len(texts)])
        if len(own) != len(texts) or not all(abs(score) < float("inf") for score in own):
            raise ValueError("sentences without a score")
        chapters.append(ReadChapter(tuple(texts), tuple(numbers), own, count))
        at += len(texts)
    if at != len(scores):
        raise ValueError("scores without a sentence")
    return tuple(chapters)


def _by_paragraph(read: ReadChapter, paragraphs: int) -> Sentences:
    sentences: Sentences = [[] for _ in range(paragraphs)]
    for text, paragraph in zip(read.sentences, read.paragraph_of, strict=True):
        sentences[paragraph].append(text)
    return sentences


def _metadata(data: bytes) -> str:
    """Our entry in the header of a safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(_MOST_HEADER_BYTES, len(data) - 8):
        raise ValueError("it is cut off")
    header = json.loads(data[8 : 8 + length])
    return value(value(header, "__metadata__", dict), "infinisum", str)


def _checksum(data: bytes) -> tuple[int, str]:
    """Where the checksum stands, and its digits."""
    start = data.find(_CHECKSUM.encode()) + len(_CHECKSUM)
    digits = data[start : start + 64]
    if start < len(_CHECKSUM) or len(digits) < 64 or not digits.isalnum():
        raise ValueError("it has no checksum")
    return start, digits.decode("ascii")


def _damaged(name: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{name}: the reading cannot be used, {reason}.", DAMAGED)
