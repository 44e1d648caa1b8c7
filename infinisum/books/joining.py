"""Two books as one: a later volume, or what was added to a serial."""

from __future__ import annotations

from dataclasses import replace

from infinisum.books.book import Book
from infinisum.errors import UsageError


def joined(book: Book, more: Book) -> Book:
    """A book and its continuation as one book.

    Where `more` begins with all chapters of `book`, it is the same serial with more in it, and
    takes its place. Otherwise its chapters follow those of `book`, which keeps its title; page
    numbers then start again in the middle, so that `--until page:N` is no longer offered.

    Raises:
        UsageError: `more` has nothing that `book` does not have.
    """
    count = len(book.chapters)
    whole = more.chapters[:count] == book.chapters and len(more.chapters) > count
    if not more.words or more.chapters == book.chapters[-len(more.chapters) :]:
        raise UsageError(
            f"{more.source or more.title}: is in {book.source or book.title} already.",
            "Append what comes after it.",
        )
    if whole:
        return more
    return replace(
        book,
        author=book.author or more.author,
        language=book.language or more.language,
        chapters=book.chapters + more.chapters,
        pages=None,
        left_out=book.left_out + more.left_out,
        warnings=book.warnings + more.warnings,
    )
