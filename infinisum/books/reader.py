"""`read_book`: looks at the bytes and hands them to the reader of their kind.

The name counts only among kinds of text, where it tells Markdown from HTML and plain text.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, BinaryIO

from infinisum.books.book import Book
from infinisum.books.language import language_of_book
from infinisum.books.limits import DEFAULT_LIMITS, Limits, within
from infinisum.books.transfer import book_from_dict, book_to_dict
from infinisum.errors import InfinisumError, InputError
from infinisum.guard import run_guarded

_KINDS = "infinisum reads EPUB, PDF, HTML, Markdown and plain text."

_PICTURES = (
    (b"\x89PNG", "PNG picture"),
    (b"\xff\xd8\xff", "JPEG picture"),
    (b"GIF8", "GIF picture"),
    (b"BM", "BMP picture"),
    (b"II*\x00", "TIFF picture"),
    (b"MM\x00*", "TIFF picture"),
)
# Formats people take for books, and what to do with them. Magic number, its place, name, hint.
_CONVERT = "Convert it to EPUB first, with calibre for example."
_FOREIGN = (
    (
        b'{"__metadata__":{"infinisum":',
        8,
        "a reading of infinisum",
        "Open it with infinisum.load_reading, or give it to infinisum summarize.",
    ),
    (b"BOOKMOBI", 60, "a Kindle book (MOBI, AZW)", _CONVERT),
    (b"TEXtREAd", 60, "a PalmDOC book", _CONVERT),
    (b"ITSF", 0, "a CHM help file", _CONVERT),
    (b"AT&TFORM", 0, "a DjVu scan", "Convert it to PDF with a text layer first."),
    (b"{\\rtf", 0, "an RTF document", "Save it as plain text or EPUB first."),
    (b"%!PS", 0, "a PostScript file", "Convert it to PDF first."),
    (b"\xd0\xcf\x11\xe0", 0, "an old Word document", "Save it as plain text or EPUB first."),
    (b"\x1f\x8b", 0, "a gzip archive", "Unpack it first."),
    (b"7z\xbc\xaf", 0, "a 7-Zip archive", "Unpack it first."),
    (b"Rar!", 0, "a RAR archive", "Unpack it first."),
    (b"\xfd7zXZ", 0, "an xz archive", "Unpack it first."),
    (b"BZh", 0, "a bzip2 archive", "Unpack it first."),
    (b"\x7fELF", 0, "a program", _KINDS),
    (b"MZ\x90", 0, "a program", _KINDS),
    (b"ID3", 0, "a sound file", _KINDS),
    (b"OggS", 0, "a sound file", _KINDS),
    (b"fLaC", 0, "a sound file", _KINDS),
    (b"ftyp", 4, "a film or sound file", _KINDS),
)
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAG = re.compile(rb"<(?:p|h[1-6]|div|br|title|meta)\b[^>]*>", re.IGNORECASE)
_MARKDOWN_SUFFIXES = (".md", ".markdown", ".mkd", ".mdown")
_MARKDOWN_HEADING = re.compile(rb"^#{1,6} +\S", re.MULTILINE)
_BOM_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_HEAD = 64 * 1024  # bytes looked at to tell the kind
_PIECE = 2**20  # bytes read at once
_PARSER = "infinisum.books.reader:parse_to_dict"


def read_book(
    source: str | Path | BinaryIO,
    *,
    encoding: str | None = None,
    name: str = "",
    progress: Callable[[int, int], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    isolate: bool = True,
) -> Book:
    """Reads a book: metadata, chapters, language, and a report of what was left out.

    The kind is told from the content: EPUB, PDF, HTML, Markdown or plain text.

    Args:
        source: path of the file, or a binary stream, which is read to its end.
        encoding: of a text or HTML file, where it is not to be guessed: "cp949".
        name: what to call the book in messages and in `Book.source`; the path, or "-" for a
            stream, if not given. Its ending tells Markdown from HTML and plain text.
        progress: called with the pages done and the pages there are, while a PDF is read.
        limits: on what a book may have and take.
        isolate: read in a child process, for which the limits on memory and time hold; without
            it the file should be one's own.

    Raises:
        InputError: missing, empty, a folder, damaged, protected by DRM, without text, over a
            limit, or of a kind that is not read: one line and a hint.
    """
    if isinstance(source, str | Path):
        name = name or str(source)
        with open_file(Path(source), name, limits) as file:
            return _read_file(file, name, encoding, progress, limits, isolate)
    name = name or "-"
    return _read_data(read_stream(source, name, limits), name, encoding, progress, limits, isolate)


def parse_book(
    data: bytes, name: str, encoding: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Book:
    """`read_book` of bytes in this process: limits on memory and time are the caller's matter."""
    if not data.strip(b"\x00\t\n\r \xef\xbb\xbf"):
        raise InputError(f"{name}: the file is empty.", "")
    book = _parse(data, name, encoding, limits)
    if not book.chapters or not book.words:
        raise InputError(f"{name}: no text found.", _KINDS)
    book = replace(within(limits, book), source=name, language=language_of_book(book))
    return book if book.title else replace(book, title=_title_from(name))


def parse_to_dict(
    data: bytes, name: str, encoding: str | None, limits: dict[str, int]
) -> dict[str, Any]:
    """`parse_book` for another process."""
    return book_to_dict(parse_book(data, name, encoding, Limits(**limits)))


def _read_data(
    source: bytes | IO[bytes],
    name: str,
    encoding: str | None,
    progress: Callable[[int, int], None] | None,
    limits: Limits,
    isolate: bool,
) -> Book:
    if not isolate:
        data = source if isinstance(source, bytes) else source.read()
        return parse_book(data, name, encoding, limits)
    arguments = {"encoding": encoding, "limits": asdict(limits)}
    content = run_guarded(_PARSER, source, name, arguments, limits, progress)
    try:
        return book_from_dict(content)
    except ValueError as error:
        raise InfinisumError(f"{name}: the process that read it gave no book, {error}.") from error


def _read_file(
    file: IO[bytes],
    name: str,
    encoding: str | None,
    progress: Callable[[int, int], None] | None,
    limits: Limits,
    isolate: bool,
) -> Book:
    before = os.fstat(file.fileno())
    if not stat.S_ISREG(before.st_mode):  # a pipe, a device
        data = read_stream(file, name, limits)
        return _read_data(data, name, encoding, progress, limits, isolate)
    try:
        book = _read_data(file, name, encoding, progress, limits, isolate)
    finally:
        after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InputError(f"{name}: the file changed while it was read.", "Try again.")
    return book


def open_file(path: Path, name: str, limits: Limits = DEFAULT_LIMITS) -> IO[bytes]:
    """A book's file, open.

    Raises:
        InputError: missing, a folder, closed to us, or too large.
    """
    try:
        if path.is_dir():
            raise InputError(f"{name}: this is a folder.", "Name the books in it.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file.", "Check the path.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name}: cannot be read: {reason}.", "Check its permissions.") from error
    if os.fstat(file.fileno()).st_size > limits.file_bytes:
        file.close()
        raise _too_large(name, limits)
    return file


def read_stream(stream: IO[bytes], name: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """A stream to its end.

    Raises:
        InputError: it has more bytes than a book's file may have, or cannot be read.
    """
    pieces: list[bytes] = []
    left = limits.file_bytes + 1
    try:
        # Piece by piece: one call for all would set aside as much memory as is allowed.
        while left and (piece := stream.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{name}: cannot be read, {reason}.", "Try again.") from error
    if not left:
        raise _too_large(name, limits)
    return b"".join(pieces)


def _too_large(name: str, limits: Limits) -> InputError:
    return InputError(
        f"{name}: the file has more than {limits.file_bytes / 2**20:,.0f} MiB.",
        "--limit file_bytes=N allows more.",
    )


def _title_from(name: str) -> str:
    return "" if name == "-" else Path(name).stem.replace("_", " ")


def _parse(data: bytes, name: str, encoding: str | None, limits: Limits) -> Book:
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _parse_zip(data, name, limits)
    if b"%PDF-" in data[:1024]:
        from infinisum.books.pdf import read_pdf

        return read_pdf(data, name, limits)
    _refuse_foreign(data, name)
    suffix = Path(name).suffix.lower()
    # Markdown may hold any number of HTML tags, but does not begin as a page of HTML.
    if _is_html(data, tags=suffix not in _MARKDOWN_SUFFIXES):
        from infinisum.books.html_book import read_html

        return read_html(data, name, encoding)
    from infinisum.books.text import read_markdown, read_text

    if suffix in _MARKDOWN_SUFFIXES or (suffix != ".txt" and _is_markdown(data)):
        return read_markdown(data, name, encoding)
    return read_text(data, name, encoding, limits)


def _parse_zip(data: bytes, name: str, limits: Limits) -> Book:
    from infinisum.books.epub import read_epub
    from infinisum.books.epub_archive import Archive

    names = Archive(data, name, limits).names
    book = "META-INF/container.xml" in names or any(n.lower().endswith(".opf") for n in names)
    if book or b"application/epub+zip" in data[:256]:
        return read_epub(data, name, limits)
    if "word/document.xml" in names or "content.xml" in names:
        kind = "Word" if "word/document.xml" in names else "OpenDocument"
        raise InputError(
            f"{name}: this is a {kind} document.", "Save it as EPUB, HTML or plain text first."
        )
    raise InputError(f"{name}: this is a zip archive, not an EPUB.", f"Unpack it first. {_KINDS}")


def _refuse_foreign(data: bytes, name: str) -> None:
    for magic, kind in _PICTURES:
        if data.startswith(magic) and (magic != b"BM" or b"\x00" in data[:64]):
            raise InputError(f"{name}: this is a {kind}, not a book.", _KINDS)
    if data.startswith(b"RIFF"):
        kind = "WebP picture" if data[8:12] == b"WEBP" else "sound or film file"
        raise InputError(f"{name}: this is a {kind}, not a book.", _KINDS)
    for magic, place, kind, hint in _FOREIGN:
        if data[place : place + len(magic)] == magic:
            raise InputError(f"{name}: this is {kind}.", hint)
    if _is_binary(data):
        raise InputError(f"{name}: unknown kind of file.", _KINDS)


def _is_binary(data: bytes) -> bool:
    """Whether the bytes are no text in any encoding: control characters, zeros without order."""
    head = data[:_HEAD]
    if head.startswith(_BOM_16_OR_32):
        return False
    if (zeros := head[:4096].count(0)) > len(head[:4096]) // 3:
        # UTF-16 without a BOM: about every other byte of Western text is zero, on one side; UTF-32
        # has another half of the rest.
        sides = sorted(head[side:4096:4].count(0) for side in range(4))
        return sides[0] > zeros // 20
    # Shift-JIS, GB18030 and ISO-2022-JP use ESC and high bytes, but no other control characters.
    controls = sum(head.count(c) for c in range(32) if c not in (8, 9, 10, 12, 13, 26, 27))
    return controls > len(head) // 200


def _is_html(data: bytes, *, tags: bool) -> bool:
    """Whether it begins as a page of HTML, or, with `tags`, is full of its tags."""
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = data[:_HEAD].replace(b"\x00", b"").lstrip(b"\xff\xfe")
    return bool(_HTML_START.match(head)) or (tags and len(_HTML_TAG.findall(head)) >= 10)


def _is_markdown(data: bytes) -> bool:
    return len(_MARKDOWN_HEADING.findall(data)) >= 2
