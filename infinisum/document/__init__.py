"""From a `Summary` to a document: Markdown, HTML, JSON or plain text, by the ending of the name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infinisum.atomic import write_atomically
from infinisum.document.html import to_html
from infinisum.document.json import to_json
from infinisum.document.markdown import to_markdown
from infinisum.document.text import to_text
from infinisum.errors import UsageError
from infinisum.summary.summary import Summary

FORMS: dict[str, Callable[[Summary], str]] = {
    ".md": to_markdown,
    ".html": to_html,
    ".json": to_json,
    ".txt": to_text,
}


def document_form(path: Path) -> Callable[[Summary], str]:
    """What turns a summary into the document that a file name asks for.

    Raises:
        UsageError: no form has this ending.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            f"{path}: unknown kind of document.", f"End the name with {', '.join(FORMS)}."
        )
    return form


def write_document(summary: Summary, path: str | Path) -> None:
    """Write a summary to a file, whole or not at all; the ending names the form.

    Raises:
        UsageError: no form has this ending.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    write_atomically(path, document_form(path)(summary))


__all__ = [
    "FORMS",
    "document_form",
    "to_html",
    "to_json",
    "to_markdown",
    "to_text",
    "write_document",
]
