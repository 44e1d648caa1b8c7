"""A path to documents: what is in it is recognised, read in a stream, and named when it is not."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from infinisum.datasets.document import Document, Missing
from infinisum.datasets.rows import Origin, documents_of, has_text
from infinisum.datasets.tables import ENDINGS, read_table
from infinisum.datasets.tree import SUMMARIES, TEXTS, Tree
from infinisum.errors import InputError, NotFoundError

logger = logging.getLogger("infinisum.datasets")

LAYOUTS = (
    "Understood: a checkout of github.com/salesforce/booksum with all_chapterized_books and "
    "finished_summaries (its README says how to get them); kmfoda/booksum or "
    "abertsch/booksum-fullbooks from the Hugging Face hub, as CSV or Parquet "
    "(hf download kmfoda/booksum --repo-type dataset --local-dir booksum); "
    "JSON lines with text and summary. To try: data/booksum-sample of this project."
)
_DEPTH = 4  # folders below the one that was named
_NOT_ENTERED = (TEXTS, SUMMARIES, "shards", "checkpoints")
_NOT_ROWS = ("dataset_info.json", "dataset_dict.json", "dataset_infos.json", "state.json")
_SHOWN = 3  # missing files that are named


def find_data_set(name: str = "booksum", folder: Path | None = None) -> Path:
    """The folder of a data set that no path was given for: one of its name right here.

    Args:
        name: of the data set.
        folder: to look in; the current one.

    Raises:
        NotFoundError: there is none; one line says what is understood and how to get it.
    """
    path = (folder or Path()) / name
    if path.is_dir():
        return path
    raise NotFoundError(f"No data set: there is no folder {path}; name one with --data.", LAYOUTS)


def data_files(path: Path) -> list[Path]:
    """The data files of a file or folder, in a fixed order; alignments alone where it has them.

    Raises:
        NotFoundError: there is nothing there, or nothing that is understood.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NotFoundError(f"{path}: no such file or folder.", LAYOUTS)
    found = list(_walk(path, _DEPTH))
    alignments = [file for file in found if Tree.is_alignment(file)]
    rows = [file for file in found if file.name.endswith(ENDINGS) and file.name not in _NOT_ROWS]
    if not alignments and not rows:
        empty = "the folder is empty" if not any(path.iterdir()) else "no data set in this folder"
        raise NotFoundError(f"{path}: {empty}.", LAYOUTS)
    return alignments or rows


def scan(path: Path, split: str = "", level: str = "") -> Iterator[Document | Missing]:
    """Everything a data set names, and what of it is missing.

    Files of another kind beside those that are understood are passed over, and named.

    Args:
        path: a file or folder of any layout that is understood.
        split: "train", "validation" or "test"; "" takes all, and rows that do not say are of any.
        level: "book" or "chapter"; "" takes both.

    Raises:
        NotFoundError: there is nothing there, or nothing that is understood.
        InputError: a file cannot be read, or has other columns.
    """
    files = data_files(path)
    if Tree.is_alignment(files[0]):
        yield from Tree(path if path.is_dir() else path.parent, files).documents(split, level)
        return
    for file in files:
        _check_ending(file)
    wanted = [f for f in files if not split or Origin.of(f, path).split in ("", split)]
    for file in _with_texts(wanted):
        origin = Origin.of(file, path)
        for number, row in enumerate(read_table(file), start=1):
            for document in documents_of(row, number, origin):
                if split and document.split not in ("", split):
                    continue
                if not level or document.level == level:
                    yield document


def check_files(path: Path) -> None:
    """Look at the first row of every file, so that a bad one is found before the work.

    Raises:
        NotFoundError, InputError: as from `scan`.
    """
    files = data_files(path)
    if Tree.is_alignment(files[0]):
        return
    for file in files:
        _check_ending(file)
        first = next(iter(read_table(file)), None)
        if first is not None:
            list(documents_of(first, 1, Origin.of(file, path)))


def _with_texts(files: list[Path]) -> list[Path]:
    """The files whose first row has a text; all of them where none has, for the error of the first.

    Raises:
        InputError: a file cannot be read.
    """
    kept: list[Path] = []
    others: list[Path] = []
    for file in files:
        first = next(iter(read_table(file)), None)
        (kept if first is None or has_text(first) else others).append(file)
    if not kept:
        return files
    for file in others:
        logger.warning("%s: passed over, its rows have no text.", file)
    return kept


def _check_ending(file: Path) -> None:
    if not file.name.endswith(ENDINGS):
        raise InputError(f"{file}: unknown kind of data.", f"Expected one of {', '.join(ENDINGS)}.")


def read_documents(path: Path, split: str = "", level: str = "") -> Iterator[Document]:
    """Documents that have both a text and a summary, streamed in a fixed order.

    Args:
        path: a file or folder of any layout that is understood.
        split: "train", "validation" or "test"; "" takes all, and rows that do not say are of any.
        level: "book" or "chapter"; "" takes both.

    Raises:
        NotFoundError: nothing there, nothing that is understood, or not one document; missing
            files are named.
        InputError: a file cannot be read, or has other columns.
    """
    missing: list[Missing] = []
    used = False
    for found in scan(path, split, level):
        if isinstance(found, Missing):
            missing.append(found)
        elif found.text and found.summary:
            used = True
            yield found
    if not used:
        raise nothing_usable(path, missing, " ".join(filter(None, (split, level))))


def nothing_usable(path: Path, missing: Iterable[Missing], wanted: str = "") -> NotFoundError:
    """The error of a data set without one usable document: which files are missing, how many."""
    files = list(dict.fromkeys(found.file for found in missing))
    what = f"no usable {wanted} documents" if wanted else "no usable documents"
    if not files:
        return NotFoundError(f"{path}: {what}.", LAYOUTS)
    named = ", ".join(files[:_SHOWN]) + (", …" if len(files) > _SHOWN else "")
    packed = list(path.glob(f"{TEXTS}*.zip")) if path.is_dir() else []
    hint = f"Unpack {packed[0]} there." if packed else f"Put {TEXTS} and {SUMMARIES} beside it."
    count = f"{len(files):,} missing file{'s' * (len(files) != 1)}"
    return NotFoundError(f"{path}: {what}; {count}: {named}.", hint)


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Files of a folder and those below it, by name; hidden ones are passed over."""
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name in _NOT_ENTERED:
                continue
            if entry.is_dir():
                folders.append(Path(entry.path))
            else:
                yield Path(entry.path)
    if depth:
        for below in folders:
            yield from _walk(below, depth - 1)
