"""Which books a command is given, and where their summaries go."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infinisum.atomic import check_writable
from infinisum.books.book import Book
from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.config import DEFAULT_MODEL
from infinisum.document import FORMS, document_form
from infinisum.errors import InputError, OutputError, UsageError

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.readings.reading import Reading

STDIN: Final = "-"
READING_ENDING: Final = ".infinisum"
BOOK_ENDINGS: Final = (
    *(".epub", ".pdf", ".txt", ".md", ".markdown", ".html", ".htm", ".xhtml"),
    READING_ENDING,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A book that was opened, or a reading of one."""

    name: str  # path, or "-"
    book: Book
    data: bytes | None = None  # of a reading's file

    def content(self, loaded: LoadedModel) -> Book | Reading:
        """What is summarised.

        Raises:
            InputError: a reading that another model made.
        """
        if self.data is None:
            return self.book
        from infinisum.readings.file import parse_reading

        return parse_reading(self.data, loaded, self.name)


def open_source(
    name: str,
    encoding: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    data: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Source:
    """Open the book or the reading that is named, standard input for "-".

    Args:
        name: path of the file, or "-".
        encoding: of a text, where it is not to be guessed.
        progress: called with the pages done and the pages there are, while a PDF is read.
        data: what is in it, where the caller has read it already.
        limits: on what it may have and take.

    Raises:
        InputError: missing or unreadable.
    """
    from infinisum.books.reader import read_book
    from infinisum.readings.file import is_reading, is_reading_bytes, open_book

    if data is None and (name == STDIN or is_reading(name)):
        data = source_bytes(name, limits)
    if data is not None and is_reading_bytes(data[:64]):
        return Source(name, open_book(data, name, limits), data)
    if Path(name).suffix.lower() == READING_ENDING and (data is not None or Path(name).is_file()):
        raise InputError(
            f"{name}: this is no reading, or its beginning is damaged.",
            "Make it again with infinisum read.",
        )
    file = name if data is None else io.BytesIO(data)
    book = read_book(file, encoding=encoding, name=name, progress=progress, limits=limits)
    return Source(name, book)


def source_bytes(name: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """What is in the file that is named, or comes from standard input for "-".

    Raises:
        InputError: missing or unreadable.
    """
    from infinisum.books.reader import read_stream
    from infinisum.readings.file import read_bytes

    if name == STDIN:
        return read_stream(sys.stdin.buffer, name, limits)
    return read_bytes(name, limits)


def language_notice(book: Book, model: str) -> str:
    """What is to be said of a book in another language than the default model's; "" of others."""
    if model != DEFAULT_MODEL or not book.language or book.language.lower().startswith("en"):
        return ""
    return (
        f"{book.source}: a book in another language ({book.language}). It is read whole; "
        "the default model learned from English books and writes English."
    )


def expand_sources(sources: Sequence[str], output: str | None) -> list[str]:
    """Sources one by one: a folder stands for the books in it and below it, sorted by name.

    Hidden files, files of other endings and what lies in the output folder are passed over.

    Raises:
        InputError: a folder without books.
        UsageError: standard input is named twice, or no source at all.
    """
    expanded: list[str] = []
    outputs = Path(output).resolve() if output is not None and Path(output).is_dir() else None
    for source in sources:
        folder = Path(source)
        if source == STDIN or not folder.is_dir():
            expanded.append(source)
            continue
        books = [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in BOOK_ENDINGS
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and (outputs is None or outputs not in path.resolve().parents)
            and path.is_file()
        ]
        if not books:
            raise InputError(
                f"{source}: no book in this folder.", f"Looked for {', '.join(BOOK_ENDINGS)}."
            )
        expanded += [str(path) for path in books]
    if expanded.count(STDIN) > 1:
        raise UsageError("- is named twice; standard input can be read once.")
    return list(dict.fromkeys(expanded))


def plan_outputs(sources: Sequence[str], output: str | None, several: bool) -> list[Path | None]:
    """The file of each source's summary; None stands for standard output.

    With several sources, or a name that is a folder or ends with a slash, the output is a folder
    (made if missing), and each summary is called after its book.

    Raises:
        UsageError: an ending that names no form, or a summary would replace its book.
        OutputError: a file cannot be written there.
    """
    if output is None:
        return [None] * len(sources)
    path = Path(output)
    if several and path.suffix.lower() in FORMS and not path.is_dir():
        raise UsageError(
            f"-o {output}: one file for several books.", "Name a folder: -o summaries/"
        )
    if several or path.is_dir() or output.endswith(("/", os.sep)):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"{output}: cannot make this folder, {reason}.") from error
        planned = _names_in(path, sources)
    else:
        document_form(path)
        planned = [path]
    books = {Path(source).resolve() for source in sources if source != STDIN}
    for file in planned:
        if file.resolve() in books:
            raise UsageError(f"{file}: the summary would replace a book.", "Name another -o.")
        check_writable(file)
    return list(planned)


def _names_in(folder: Path, sources: Sequence[str]) -> list[Path]:
    """A Markdown file for each source, called after it; equal names are told apart by a number."""
    taken: set[str] = set()
    names = []
    for source in sources:
        stem = "stdin" if source == STDIN else Path(source).stem or "book"
        name, number = f"{stem}.md", 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}.md", number + 1
        taken.add(name.casefold())
        names.append(folder / name)
    return names
