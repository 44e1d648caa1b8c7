"""Rows of the layouts people have, as documents.

kmfoda/booksum           chapter, summary_text (or summary, a JSON document), bid, book_id, …
abertsch/booksum-fullbooks   book, summary, title, source, bid
ubaada/booksum-complete-cleaned   text, summary: a list of {source, text, analysis}
BookSum's .gathered      text: paragraphs, summary: sentences, bid, book_id, …
our JSON lines           text, summary; id, title, level, split, summary_source where known
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from infinisum.datasets.document import Document, Level, split_name, split_of_file
from infinisum.errors import InputError

TEXT_COLUMNS = ("text", "chapter", "content", "book")
SUMMARY_COLUMNS = ("summary_text", "summary")
_CUT = ("sentences",)  # a text that was cut into sentences, as `infinisum` labels it
_EXPECTED = (
    "Expected text and summary; or chapter and summary_text (kmfoda/booksum); "
    "or book and summary (abertsch/booksum-fullbooks)."
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: a file, and what its name and place say about them."""

    path: Path
    split: str
    level: Level | None

    @classmethod
    def of(cls, path: Path, root: Path) -> Origin:
        """What the name of a file, and of its folders below `root`, says."""
        names = [path.name, *reversed(path.relative_to(root).parts[:-1])] if path != root else []
        names = names or [path.name]
        splits = [split for name in names if (split := split_of_file(name))]
        words = [set(re.findall(r"[a-z]+", name.lower())) for name in names]
        book = any({"book", "books"} & own and not {"chapter", "chapters"} & own for own in words)
        return cls(path, splits[0] if splits else "", "book" if book else None)


def documents_of(row: Mapping[str, Any], number: int, origin: Origin) -> Iterator[Document]:
    """The documents in a row: one for each of its summaries.

    Args:
        row: as the file has it.
        number: of the row within its file, from 1.
        origin: of the file.

    Raises:
        InputError: the row has other columns, or text that is none.
    """
    name = f"{origin.path}: row {number}"
    _check_columns(row, name)
    split = split_name(str(row.get("split") or "")) or origin.split
    if origin.split and split != origin.split:
        raise InputError(
            f"{name} is of the {split} split in a file named after {origin.split}.",
            "Splits must not be mixed: sort the rows, or rename the file.",
        )
    column, text = _text(row, name)
    level = _level(row, column, origin)
    summaries = list(_summaries(row, name))
    for place, (source, summary) in enumerate(summaries, start=1):
        own_id = _id(row, source, number, origin)
        yield Document(
            id=f"{own_id}-{place}" if len(summaries) > 1 and not source else own_id,
            title=title_of(row),
            level=level,
            text=text,
            summary=summary,
            source=source,
            split=split,
            aggregate=str(row.get("is_aggregate", "")).lower() == "true",
            file=str(origin.path),
            fields=row,
        )


def has_text(row: Mapping[str, Any]) -> bool:
    """Whether a row has a column for a text; rows of other kinds of data have none."""
    return any(column in row for column in TEXT_COLUMNS + _CUT)


def _check_columns(row: Mapping[str, Any], name: str) -> None:
    if not has_text(row):
        columns = ", ".join(map(str, list(row)[:8])) + (", …" if len(row) > 8 else "")
        raise InputError(f"{name} has other columns: {columns}.", _EXPECTED)


def _text(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The column that holds the text, and the text; ("", "") where the row has only sentences."""
    if "text" not in row and any(column in row for column in _CUT):
        return "", ""
    own = ["text"] if "text" in row else [c for c in TEXT_COLUMNS if c in row]
    # Where a column holds a chapter's name and another its text, the text is the longer.
    found = [(column, joined(row[column], "\n\n", name)) for column in own]
    return max(found, key=lambda pair: len(pair[1]), default=("", ""))


def _summaries(row: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Source and text of each summary; one empty one where there is none."""
    source = str(row.get("summary_source") or row.get("source") or "")
    value = next((row[column] for column in SUMMARY_COLUMNS if row.get(column)), "")
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        for part in value:
            yield str(part.get("source") or source), joined(part.get("text"), "\n\n", name)
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        yield source, summary_of_json(value) or value.strip()
    else:
        yield source, joined(value, " ", name)


def joined(value: Any, between: str, name: str) -> str:
    """Text of a cell: a string, a list of strings, or nothing.

    Raises:
        InputError: it is something else.
    """
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return between.join(part.strip() for part in value if part.strip())
    if not isinstance(value, str):
        raise InputError(f"{name}: text and summary must be strings.", "Check the file's columns.")
    return value.strip()


def summary_of_json(content: str) -> str | None:
    """The summary in a document as BookSum's scripts write it; None where it is no such JSON."""
    try:
        document = json.loads(content)
    except ValueError:
        return None
    value = document.get("summary", "") if isinstance(document, dict) else document
    if isinstance(value, str):
        value = value.split("<PARAGRAPH>")  # before the last of the scripts has run
    if value is None:
        return ""
    if not isinstance(value, list):
        return None
    return "\n\n".join(" ".join(str(part).split()) for part in value if str(part).strip())


def _level(row: Mapping[str, Any], column: str, origin: Origin) -> Level:
    named = row.get("level")
    if named in ("book", "chapter"):
        return "book" if named == "book" else "chapter"
    if column == "book" or (column == "text" and origin.level and "chapter_path" not in row):
        return "book"
    return "chapter"


def title_of(row: Mapping[str, Any]) -> str:
    """Title of the work: named, or the folder of its summary, or what the section's name is of."""
    for column in ("title", "book_title"):
        if row.get(column):
            return str(row[column]).strip()
    path = PurePosixPath(str(row.get("summary_path") or ""))
    if len(path.parts) > 2:
        return path.parent.name
    name, section = str(row.get("book_id") or ""), str(row.get("summary_id") or "")
    return name.removesuffix(section).rstrip(". ") if section else name.partition(".")[0]


def _id(row: Mapping[str, Any], source: str, number: int, origin: Origin) -> str:
    if row.get("id"):
        return str(row["id"])
    bid = str(row.get("bid") or "")
    path = str(row.get("summary_path") or "")
    section = PurePosixPath(path).stem if path else str(row.get("chapter_id") or "")
    if bid and (section or source):
        return "-".join(part for part in (bid, source, section) if part)
    return f"{origin.path.name.partition('.')[0]}-{number}"
