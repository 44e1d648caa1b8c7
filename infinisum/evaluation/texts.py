"""Texts without summaries, for perplexity: PG-19 and LaTeX of mathematics in the usual layouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infinisum.books.encodings import decode
from infinisum.datasets.jsonl import read_json_lines
from infinisum.errors import InputError, NotFoundError

ENDINGS = {"pg19": (".txt",), "arxiv-math": (".tex", ".txt")}
_WORDS = {"pg19": "pg19", "arxiv-math": "math"}  # in the name of a file of rows
LAYOUTS = {
    "pg19": "Understood: the folders train, validation, test of text files "
    "(gsutil -m cp -r gs://deepmind-gutenberg/test pg19/), or JSON lines with text.",
    "arxiv-math": "Understood: a folder of .tex files, or JSON lines with text.",
}


@dataclass(frozen=True, slots=True)
class LongText:
    """A text to be continued."""

    id: str
    title: str
    text: str


def load_texts(dataset: str, path: Path | None, split: str) -> list[LongText]:
    """The texts of a data set, in a fixed order.

    Args:
        dataset: "pg19" or "arxiv-math".
        path: a file or folder; None: the folder of the data set's name right here.
        split: a folder of that name inside is preferred to the rest.

    Raises:
        NotFoundError: nothing there that is understood.
        InputError: a file cannot be read.
    """
    folder = path or Path(dataset)
    if not folder.exists():
        named = "" if path else "; name one with --data"
        raise NotFoundError(f"{folder}: no such file or folder{named}.", LAYOUTS[dataset])
    texts = list(_texts(dataset, folder, split))
    if not texts:
        raise NotFoundError(f"{folder}: no texts in it.", LAYOUTS[dataset])
    return texts


def _texts(dataset: str, path: Path, split: str) -> Iterator[LongText]:
    if path.is_file():
        yield from _rows(path)
        return
    rows = sorted(p for p in path.iterdir() if p.name.endswith((".jsonl", ".jsonl.xz")))
    named = [p for p in rows if _WORDS[dataset] in p.name.lower()]
    if rows:
        for file in named or rows:
            yield from _rows(file)
        return
    inside = path / split if (path / split).is_dir() else path
    for file in sorted(p for p in inside.rglob("*") if p.suffix in ENDINGS[dataset]):
        text = decode(file.read_bytes(), name=str(file))[0]
        yield LongText(file.stem, file.stem, text)


def _rows(path: Path) -> Iterator[LongText]:
    for number, row in enumerate(read_json_lines(path), start=1):
        text = row.get("text")
        if not isinstance(text, str):
            raise InputError(f"{path}: row {number} has no text.", "Every row needs text.")
        yield LongText(str(row.get("id", number)), str(row.get("title", number)), text)
