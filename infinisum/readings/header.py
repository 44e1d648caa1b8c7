"""What a reading's file says in JSON: model, book, chapter table, chapter summaries.

Reading it back trusts nothing: a value of another kind is a `ValueError`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.transfer import entry as value
from infinisum.books.transfer import of_kind
from infinisum.config import DecodingOptions
from infinisum.errors import InfinisumError
from infinisum.readings.reading import Draft, DraftKey, Mark, Reading


def book_fingerprint(book: Book) -> str:
    """Tells books apart: a hash of title, chapter table and text, not of where the file lay."""
    content = asdict(book)
    del content["source"], content["warnings"]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def book_table(reading: Reading) -> dict[str, Any]:
    """A book without its text, and how much of each chapter was read."""
    book = reading.book
    return {
        "fingerprint": book_fingerprint(book),
        "title": book.title,
        "author": book.author,
        "language": book.language,
        "format": book.format,
        "pages": book.pages,
        "left_out": [[item.what, item.reason, item.words] for item in book.left_out],
        "warnings": list(book.warnings),
        "chapters": [
            {
                "title": chapter.title,
                "level": chapter.level,
                "parts": list(chapter.parts),
                "words": chapter.words,
                "tokens": read.tokens,
                "sentences": len(read.sentences),
            }
            for chapter, read in zip(book.chapters, reading.chapters, strict=True)
        ],
    }


def book_of(table: Any, texts: Sequence[tuple[Paragraph, ...]], source: str) -> Book:
    """The book of a table and the text of its chapters."""
    chapters = []
    for entry, paragraphs in zip(value(table, "chapters", list), texts, strict=True):
        parts = tuple(of_kind(part, str) for part in value(entry, "parts", list))
        title, level = value(entry, "title", str), value(entry, "level", int)
        chapters.append(Chapter(title, paragraphs, level, parts))
    left_out = []
    for item in value(table, "left_out", list):
        what, reason, words = of_kind(item, list)
        left_out.append(LeftOut(of_kind(what, str), of_kind(reason, str), of_kind(words, int)))
    pages = table.get("pages")
    return Book(
        title=value(table, "title", str),
        author=value(table, "author", str),
        chapters=tuple(chapters),
        language=value(table, "language", str),
        format=value(table, "format", str),
        source=source,
        pages=None if pages is None else of_kind(pages, int),
        left_out=tuple(left_out),
        warnings=tuple(of_kind(line, str) for line in value(table, "warnings", list)),
    )


def drafts_table(drafts: Mapping[DraftKey, tuple[Draft, ...]]) -> list[dict[str, Any]]:
    """Chapter summaries, each batch with what decided it."""
    return [
        {
            "chapters": list(key.chapters),
            "words": key.words,
            "decoding": asdict(key.decoding),
            "texts": [[draft.text, draft.reads_well] for draft in texts],
        }
        for key, texts in drafts.items()
    ]


def drafts_of(table: Any) -> dict[DraftKey, tuple[Draft, ...]]:
    """The drafts of a table."""
    drafts = {}
    for entry in of_kind(table, list):
        chapters = tuple(of_kind(index, int) for index in value(entry, "chapters", list))
        decoding = value(entry, "decoding", dict)
        if set(decoding) != {field.name for field in fields(DecodingOptions)}:
            raise ValueError("decoding options of another kind")
        try:
            key = DraftKey(chapters, value(entry, "words", int), DecodingOptions(**decoding))
            drafts[key] = tuple(
                Draft(of_kind(text, str), of_kind(well, bool))
                for text, well in value(entry, "texts", list)
            )
        except (TypeError, InfinisumError) as error:
            raise ValueError(str(error)) from error
        if not chapters or min(chapters) < 0 or len(drafts[key]) != len(chapters):
            raise ValueError("chapter summaries that belong to no chapters")
    return drafts


def mark_of(table: Any) -> Mark:
    """The mark of a table."""
    return Mark(**{field.name: value(table, field.name, str) for field in fields(Mark)})
