"""A book as JSON and back: how it comes out of the process that read it.

JSON, because what comes from a process that parsed a stranger's file is not trusted either.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph

T = TypeVar("T")


def book_to_dict(book: Book) -> dict[str, Any]:
    """A book as values that JSON knows."""
    content = asdict(book)
    for chapter, own in zip(content["chapters"], book.chapters, strict=True):
        chapter["paragraphs"] = [[paragraph.text, paragraph.page] for paragraph in own.paragraphs]
    content["left_out"] = [[item.what, item.reason, item.words] for item in book.left_out]
    return content


def book_from_dict(content: Any) -> Book:
    """The book that `book_to_dict` was given.

    Raises:
        ValueError: these are no such values.
    """
    chapters = []
    for chapter in entry(content, "chapters", list):
        paragraphs = []
        for item in entry(chapter, "paragraphs", list):
            text, page = of_kind(item, list)
            paragraphs.append(Paragraph(of_kind(text, str), _page(page)))
        chapters.append(
            Chapter(
                entry(chapter, "title", str),
                tuple(paragraphs),
                entry(chapter, "level", int),
                _strings(chapter, "parts"),
            )
        )
    left_out = []
    for item in entry(content, "left_out", list):
        what, reason, words = of_kind(item, list)
        left_out.append(LeftOut(of_kind(what, str), of_kind(reason, str), of_kind(words, int)))
    return Book(
        title=entry(content, "title", str),
        author=entry(content, "author", str),
        chapters=tuple(chapters),
        language=entry(content, "language", str),
        format=entry(content, "format", str),
        source=entry(content, "source", str),
        pages=_page(content.get("pages")),
        left_out=tuple(left_out),
        warnings=_strings(content, "warnings"),
    )


def _page(value: Any) -> int | None:
    return None if value is None else of_kind(value, int)


def _strings(content: Any, name: str) -> tuple[str, ...]:
    return tuple(of_kind(item, str) for item in entry(content, name, list))


def entry(content: Any, name: str, kind: type[T]) -> T:
    """An entry of a JSON object, of the kind it must have.

    Raises:
        ValueError: it is of another, or missing.
    """
    return of_kind(of_kind(content, dict).get(name), kind)


def of_kind(value: Any, kind: type[T]) -> T:
    """A value of the kind it must have.

    Raises:
        ValueError: it is of another.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value
