"""What pypdf reads of a PDF: lines of its pages, outline, title, author, language."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from infinisum.books.clean import clean_text
from infinisum.books.limits import Limits
from infinisum.books.pdf_chapters import OutlineLine
from infinisum.books.pdf_content import REPAIR, PdfContent, too_much
from infinisum.books.pdf_fonts import Fonts
from infinisum.books.pdf_lines import Page, page_of
from infinisum.books.pdf_text import PageText
from infinisum.errors import InputError
from infinisum.guard import step

_LIMIT = re.compile("limit|maximum|exceed", re.IGNORECASE)  # rather than a loop, say
_A4 = (0.0, 0.0, 595.0, 842.0)
_BROKEN_PAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,  # an unknown filter
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


def _broken() -> tuple[type[Exception], ...]:
    """What pypdf raises at a damaged object, or one that it does not know."""
    from pypdf.errors import DeprecationError, PyPdfError

    return (PyPdfError, DeprecationError, *_BROKEN_PAGE)  # deprecated: filters by their short names


class UnreadableError(InputError):
    """A file that pypdf cannot read; others may."""


def read_with_pypdf(data: bytes, name: str, limits: Limits) -> PdfContent:
    """Pages, outline and metadata of a PDF.

    Args:
        data: the file.
        name: what to call it in messages.
        limits: on pages and unpacked streams.

    Raises:
        UnreadableError: damaged, or encrypted in a way that pypdf does not know.
        InputError: locked by a password, or over a limit.
    """
    with _guarded(name, limits):
        reader = _open(data, name)
        if len(reader.pages) > limits.pages:
            raise too_much(name, f"it has {len(reader.pages):,} pages", "pages")
        content = _read_pages(reader, name)
        content.outline = _outline(reader)
        content.title, content.author = _metadata(reader)
        content.language = _language(reader)
    return content


@contextmanager
def _guarded(name: str, limits: Limits) -> Iterator[None]:
    """pypdf with limits, silent, and its errors as ours."""
    from pypdf import apply_configuration
    from pypdf.errors import DependencyError, LimitReachedError

    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with apply_configuration(
            zlib_maximum_output_length=limits.stream_bytes,
            lzw_maximum_output_length=limits.stream_bytes,
            run_length_maximum_output_length=limits.stream_bytes,
            array_based_stream_maximum_output_length=limits.stream_bytes,
            stream_decoding_work_maximum_length=4 * limits.stream_bytes,
            page_tree_maximum_entries=2 * limits.pages,  # its inner nodes count too
            jbig2dec_binary=None,  # no program is started
        ):
            yield
    except DependencyError as error:
        raise UnreadableError(
            f"{name}: encrypted in a way that cannot be read here.", REPAIR
        ) from error
    except LimitReachedError as error:
        raise too_much(name, _said(error), limit_of(_said(error))) from error
    except _broken() as error:
        raise UnreadableError(f"{name}: damaged PDF file.", REPAIR) from error
    finally:
        logger.setLevel(level)


def _open(data: bytes, name: str) -> Any:
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
    except NotImplementedError as error:
        if "encryption handler" not in str(error):
            raise
        raise InputError(
            f"{name}: this PDF is protected by DRM or a certificate.",
            "Protected books cannot be read; use a copy without DRM.",
        ) from error
    if reader.is_encrypted and not reader.decrypt(""):
        raise InputError(
            f"{name}: this PDF is locked by a password.", "Save a copy without a password first."
        )
    return reader


def limit_of(said: str) -> str:
    """The name of the limit that pypdf speaks of, "" for one of its own."""
    if "page tree" in said:
        return "pages"
    return "stream_bytes" if re.search("decompress|output|decod", said, re.IGNORECASE) else ""


def _said(error: Exception) -> str:
    """What pypdf says of a limit, as the end of a line."""
    return " ".join(str(error).split()).rstrip(".") or "a limit of pypdf is reached"


def _read_pages(reader: Any, name: str) -> PdfContent:
    """The lines of all pages, and the numbers of those that could not be read."""
    from pypdf.errors import LimitReachedError

    fonts = Fonts()
    content = PdfContent()
    total = len(reader.pages)
    for index in range(total):
        try:
            page = _read_page(reader, index, fonts)
        except _broken() as error:
            page = Page(index + 1)
            content.broken.append(index + 1)
            if isinstance(error, LimitReachedError) and _LIMIT.search(str(error)):
                content.over = content.over or _said(error)
        content.pages.append(page)
        step(index + 1, total)
    return content


def _read_page(reader: Any, index: int, fonts: Fonts) -> Page:
    from pypdf.generic import ContentStream

    source = reader.pages[index]
    if source.get("/Contents") is None:
        return Page(index + 1)
    try:
        edges = source.cropbox
        box = (float(edges.left), float(edges.bottom), float(edges.right), float(edges.top))
    except _BROKEN_PAGE:
        box = _A4
    page = PageText(fonts, box, int(source.rotation or 0) // 90)
    resources = source.get("/Resources")
    content = ContentStream(source["/Contents"].get_object(), reader, "bytes")
    page.draw(content, resources.get_object() if resources is not None else None)
    lines = page_of(page.runs, index + 1, page.running_heads)
    lines.picture = page.picture
    return lines


def _outline(reader: Any) -> list[OutlineLine]:
    """Lines of the outline: title, depth, page, height on the page; [] where it is unusable."""
    lines: list[OutlineLine] = []

    def walk(items: Sequence[Any], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
                continue
            title = " ".join(clean_text(str(item.title or "")).split())
            page = reader.get_destination_page_number(item)
            if title and page is not None and page >= 0:
                lines.append(OutlineLine(title, level, page + 1, _height(item)))

    try:
        walk(reader.outline, 1)
    except _broken():
        return []
    return lines


def _height(destination: Any) -> float | None:
    try:
        return float(destination.top)
    except (AttributeError, TypeError, ValueError):
        return None


def _metadata(reader: Any) -> tuple[str, str]:
    try:
        metadata = reader.metadata or {}
        return str(metadata.get("/Title") or ""), str(metadata.get("/Author") or "")
    except _broken():
        return "", ""


def _language(reader: Any) -> str:
    try:
        root = reader.trailer.get("/Root")
        language = str(root.get_object().get("/Lang") or "") if root is not None else ""
    except _broken():
        return ""
    return language if re.fullmatch(r"[A-Za-z]{2,3}(-\w+)*", language) else ""
