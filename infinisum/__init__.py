"""Summaries of whole books in constant memory, by an Infini-attention encoder-decoder.

    import infinisum

    book = infinisum.read_book("moby-dick.epub")
    model = infinisum.load_model()
    summary = infinisum.summarize(book, model)
    infinisum.write_document(summary, "moby-dick.md")

Each command is one call: `summarize` and `evaluate` under their own names, `read` as `read` and
`save_reading`, and a reading is opened again by `load_reading`:

    reading = infinisum.read(book, model)
    infinisum.save_reading(reading, "moby-dick.infinisum")
    reading = infinisum.load_reading("moby-dick.infinisum", model)
    options = infinisum.SummarizeOptions(level="book", length="short")
    summary = infinisum.summarize(reading, model, options)  # the same as from the book

`transformers` knows our models from here on: after `import infinisum`,
`AutoModelForSeq2SeqLM.from_pretrained("models/infinisum-base")` loads one.

What can go wrong is an `infinisum.errors.InfinisumError`: one line, with a hint.
Importing this package imports nothing heavy; each name below is imported when it is first used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.automodel import register_when_imported

__version__ = "0.1.0"

__all__ = [
    "Book",
    "EvaluateOptions",
    "Reading",
    "SummarizeOptions",
    "Summary",
    "__version__",
    "evaluate",
    "load_model",
    "load_reading",
    "read",
    "read_book",
    "save_reading",
    "summarize",
    "write_document",
]

_PLACES = {
    "Book": "infinisum.books.book",
    "EvaluateOptions": "infinisum.config",
    "Reading": "infinisum.readings.reading",
    "SummarizeOptions": "infinisum.config",
    "Summary": "infinisum.summary.summary",
    "evaluate": "infinisum.evaluation.evaluate",
    "load_reading": "infinisum.readings.file",
    "read": "infinisum.pipeline",
    "read_book": "infinisum.books.reader",
    "save_reading": "infinisum.readings.file",
    "summarize": "infinisum.pipeline",
    "write_document": "infinisum.document",
}

if TYPE_CHECKING:
    from infinisum.books.book import Book
    from infinisum.books.reader import read_book
    from infinisum.config import EvaluateOptions, SummarizeOptions
    from infinisum.document import write_document
    from infinisum.evaluation.evaluate import evaluate
    from infinisum.loading import LoadedModel
    from infinisum.pipeline import read, summarize
    from infinisum.readings.file import load_reading, save_reading
    from infinisum.readings.reading import Reading
    from infinisum.summary.summary import Summary


def load_model(
    name: str | Path = "infinisum-base", device: str = "auto", dtype: str = "auto"
) -> LoadedModel:
    """Load a model by name.

    Args:
        name: a folder, the bundled model's name, or a hub id.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        dtype: "auto", "float32", "bfloat16" or "float16".

    Raises:
        NotFoundError: there is no such model.
        InputError: it cannot be loaded.
        UsageError: the device is not there, or the dtype is unknown.
    """
    from infinisum.hub import find_model
    from infinisum.loading import load_model as load

    return load(find_model(name), device, dtype)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module 'infinisum' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


register_when_imported()
