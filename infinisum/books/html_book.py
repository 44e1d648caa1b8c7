"""A single HTML file as a book."""

from __future__ import annotations

from typing import Any

from infinisum.books.assembly import File, Source, Target, assemble
from infinisum.books.book import Book
from infinisum.books.html import read_document
from infinisum.books.markup import parse_markup
from infinisum.books.tags import note_targets
from infinisum.errors import InputError


def read_html(data: bytes, name: str, encoding: str | None = None) -> Book:
    """Reads an HTML or XHTML file: chapters by its headings.

    Args:
        data: the file.
        name: what to call it in messages.
        encoding: its encoding, where it does not say so itself.

    Raises:
        InputError: no text in it.
    """
    root = parse_markup(data, encoding)
    document = None
    if root is not None:
        notes = {target.partition("#")[2] for target in note_targets(root)}
        document = read_document(root, notes)
    if root is None or document is None or not document.blocks:
        raise InputError(f"{name}: no text found in this HTML file.", "")
    metas = _metas(root)
    title = metas.get("dc.title") or metas.get("og:title") or document.title
    chapters, left_out = assemble(Source([File(name, document)], list[Target](), title))
    return Book(
        title=title,
        author=metas.get("dc.creator") or metas.get("author", ""),
        chapters=tuple(chapters),
        language=document.language or metas.get("dc.language", ""),
        format="html",
        source=name,
        left_out=tuple(left_out),
    )


def _metas(root: Any) -> dict[str, str]:
    """Content of the `meta` elements by their names, lower case."""
    metas: dict[str, str] = {}
    for meta in root.iter("{*}meta"):
        key = (meta.get("name") or meta.get("property") or "").lower().replace("dcterms.", "dc.")
        if key and meta.get("content"):
            metas.setdefault(key, " ".join(meta.get("content").split()))
    return metas
