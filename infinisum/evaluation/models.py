"""What a model writes about a case: exactly what `infinisum summarize --level book` would."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from infinisum.books.reader import read_book
from infinisum.config import DecodingOptions, Method, SummarizeOptions
from infinisum.errors import InfinisumError
from infinisum.evaluation.cases import Case
from infinisum.hub import CONFIG_FILE, WEIGHTS_FILE, weight_files
from infinisum.tokenizer import TOKENIZER_FILE

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel


@lru_cache(maxsize=8)
def model_fingerprint(folder: Path) -> str:
    """Tells models apart: a hash of config, weights and vocabulary."""
    digest = hashlib.sha256()
    weights = weight_files(folder) or (folder / WEIGHTS_FILE,)
    for path in (folder / CONFIG_FILE, *weights, folder / TOKENIZER_FILE):
        if path.is_file():
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def row_names(models: Sequence[str], methods: Iterable[Method]) -> list[tuple[str, Method, str]]:
    """Model, method and the name of their row; the model is named where there are several."""
    return [
        (model, method, f"{model}, {method}" if len(models) > 1 else str(method))
        for model in models
        for method in methods
    ]


def summaries(
    case: Case,
    loaded: LoadedModel,
    words: int,
    methods: Sequence[Method],
    decoding: DecodingOptions,
) -> dict[Method, str]:
    """A summary of the whole text by each method, from one reading of it."""
    from infinisum.pipeline import read, summarize

    content = io.BytesIO(case.text.encode("utf-8", "replace"))
    try:
        # Thousands of short texts: a process for each would take longer than the reading.
        book = read_book(content, name=f"{case.work or case.id}.txt", isolate=False)
    except InfinisumError:  # no text a reader would take for a book
        return dict.fromkeys(methods, "")
    asked = {
        method: SummarizeOptions(level="book", words=words, method=method, decoding=decoding)
        for method in methods
    }
    reading = read(book, loaded, SummarizeOptions(level="book", decoding=decoding))
    return {m: summarize(reading, loaded, options).running_text for m, options in asked.items()}
