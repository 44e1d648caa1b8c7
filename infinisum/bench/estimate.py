"""What summarising a book would take, from sizes alone: no weights are loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from infinisum.bench.measure import matmul_peak, peak_bytes
from infinisum.books.book import Book
from infinisum.books.selection import select_part
from infinisum.config import BLOCK_SEGMENTS, CHAPTERS_AT_ONCE, SummarizeOptions
from infinisum.document.phrases import counted, size
from infinisum.errors import InputError
from infinisum.loading import choose
from infinisum.model import network
from infinisum.model.cost import flops_per_segment, parameters, state_bytes
from infinisum.model.network import Config
from infinisum.tokenizer import load_tokenizer, plain_typography

PEAK_SECONDS: Final = 0.3  # of measuring this machine
# Share of the machine's matmul peak that reading reaches, as `infinisum bench speed` prints it:
# 0.46 to 0.70 on two CPU cores with models of 44 M and 11 M parameters.
READING_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Time and memory to expect of one book."""

    source_words: int
    source_chapters: int
    source_tokens: int
    segments: int
    reading_s: float  # writing comes on top, where the model writes
    state_bytes: int
    peak_bytes: int
    device: str
    dtype: str

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def sentence(self) -> str:
        """For people."""
        return (
            f"{counted(self.source_words, 'word')}, {counted(self.source_chapters, 'chapter')}, "
            f"{self.source_tokens:,} tokens; about {duration(self.reading_s)} to read on "
            f"{self.device} in {self.dtype}, {size(self.state_bytes)} of memory for the book, "
            f"about {size(self.peak_bytes)} in all"
        )


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate(
    book: Book, folder: Path, device: str, dtype: str, options: SummarizeOptions
) -> Estimate:
    """Count the book's tokens, and reckon time and memory from the network's sizes.

    Args:
        book: the book.
        folder: of the model; its config and tokenizer are read.
        device, dtype: as the user names them.
        options: which part of the book is read.

    Raises:
        UsageError: a device or a part of the book that is not there.
        NotFoundError, InputError: the folder is no model.
    """
    part = select_part(book, options.chapters, options.until).book
    torch_device, torch_dtype, _ = choose(device, dtype)
    config = read_config(folder)
    tokenizer = load_tokenizer(folder)
    tokens = []
    for chapter in part.chapters:
        texts = [plain_typography(paragraph.text) for paragraph in chapter.paragraphs]
        breaks = max(0, len(texts) - 1)
        tokens.append(sum(map(len, tokenizer.encode_batch(texts))) + breaks)
    segments = sum(-(-count // config.segment_length) for count in tokens)
    value_bytes = torch.finfo(torch_dtype).bits // 8
    state = state_bytes(config, value_bytes)
    speed = READING_SHARE * matmul_peak(torch_device, torch_dtype, PEAK_SECONDS)
    return Estimate(
        source_words=part.words,
        source_chapters=len(part.chapters),
        source_tokens=sum(tokens),
        segments=segments,
        reading_s=round(segments * flops_per_segment(config) / speed, 1),
        state_bytes=state,
        peak_bytes=(
            peak_bytes(torch.device("cpu"))  # what Python, the libraries and the book take by now
            + parameters(config) * value_bytes
            + (1 + CHAPTERS_AT_ONCE) * state
            + _working_bytes(config, value_bytes)
        ),
        device=str(torch_device),
        dtype=str(torch_dtype).removeprefix("torch."),
    )


def read_config(folder: Path) -> Config:
    """The sizes of the network in a model folder.

    Raises:
        InputError: the config cannot be read, or no network can be built from it.
    """
    try:
        return network.read_config(folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{folder}: config.json is no config of a model: {reason}", "Is the folder complete?"
        ) from error


def _working_bytes(config: Config, value_bytes: int) -> int:
    """What one block needs while it goes through a layer: hidden states and the inner FFN."""
    width = 8 * config.d_model + 3 * config.d_ff
    return BLOCK_SEGMENTS * config.segment_length * width * value_bytes
