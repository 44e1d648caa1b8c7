"""PDF files as books: pages by pypdf, chapters by the outline or by the look of headings."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from infinisum.books.book import Book, LeftOut
from infinisum.books.clean import clean_text
from infinisum.books.marks import without_stuck_marks
from infinisum.books.pdf_chapters import OutlineLine, divide_pdf
from infinisum.books.pdf_fonts import Fonts
from infinisum.books.pdf_furniture import body_size, remove_footnotes, remove_running_heads
from infinisum.books.pdf_lines import Page, page_of
from infinisum.books.pdf_paragraphs import paragraphs_of
from infinisum.books.pdf_text import PageText
from infinisum.errors import InputError

_MAX_PAGES = 20_000
_MAX_STREAM = 50_000_000  # bytes of a page after unpacking; a page of text has some thousand
_OCR = "Run it through OCR first, with ocrmypdf for example."
_REPAIR = "Open it in a PDF viewer and print it to a new PDF."
_A4 = (0.0, 0.0, 595.0, 842.0)
_BROKEN_PAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    LookupError,
    NotImplementedError,  # an unknown filter
    RecursionError,
    TypeError,
    ValueError,
)
_TITLE_NOISE = re.compile(
    r"untitled|^microsoft word|\.(?:docx?|indd|qxd|tex|pdf|html?|odt)$|^\W*$", re.I
)
_AUTHOR_NOISE = re.compile(
    r"^(?:unknown|anonymous|user|admin\w*|owner|author|\W*)$|calibre|@|https?:", re.I
)


def read_pdf(data: bytes, name: str, progress: Callable[[int, int], None] | None = None) -> Book:
    """Reads a PDF: text in reading order, paragraphs with the page they begin on, chapters.

    Running heads, page numbers and footnotes are left out; divided words, ligatures and initials
    are mended. Chapters come from the file's outline, or from its headings.

    Args:
        data: the file.
        name: what to call it in messages.
        progress: called with the pages done and the pages there are.

    Raises:
        InputError: damaged, locked by a password, or without any text (a scan).
    """
    with _guarded(name):
        reader = _open(data, name)
        pages, broken = _read_pages(reader, progress)
        outline = _outline(reader)
        title, author = _metadata(reader)
        language = _language(reader)
    if broken and not any(page.lines for page in pages):
        raise InputError(f"{name}: damaged PDF file.", _REPAIR)
    if not any(page.lines for page in pages):
        count = f"{len(pages)} page{'s' if len(pages) != 1 else ''}"
        raise InputError(f"{name}: no text in this PDF of {count}: it is a scan.", _OCR)
    left_out, marks = _empty_pages(pages, broken), sum(page.marks for page in pages)
    dropped = sum(page.dropped_words for page in pages) + remove_running_heads(pages)
    size = body_size(pages)
    notes = remove_footnotes(pages, size)
    paragraphs = paragraphs_of(pages, size)
    chapters, matter = divide_pdf(paragraphs, outline, title, size)
    chapters, stuck = without_stuck_marks(chapters)
    marks += stuck
    if dropped:
        left_out.append(LeftOut("running heads, page numbers", "running heads", dropped))
    if notes:
        left_out.append(LeftOut("footnotes", "notes", notes))
    if marks:
        left_out.append(LeftOut(f"{marks} footnote marks", "footnote marks", marks))
    return Book(
        title=title,
        author=author,
        chapters=tuple(chapters),
        language=language,
        format="pdf",
        source=name,
        pages=len(pages),
        left_out=tuple(matter + left_out),
        warnings=_warnings(name, pages, broken),
    )


@contextmanager
def _guarded(name: str) -> Iterator[None]:
    """pypdf with limits, silent, and its errors as ours."""
    from pypdf import apply_configuration
    from pypdf.errors import DependencyError, PyPdfError

    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with apply_configuration(
            zlib_maximum_output_length=_MAX_STREAM,
            lzw_maximum_output_length=_MAX_STREAM,
            page_tree_maximum_entries=_MAX_PAGES,
        ):
            yield
    except DependencyError as error:
        raise InputError(
            f"{name}: encrypted in a way that cannot be read here.", _REPAIR
        ) from error
    except (PyPdfError, *_BROKEN_PAGE, EOFError, OSError) as error:
        raise InputError(f"{name}: damaged PDF file.", _REPAIR) from error
    finally:
        logger.setLevel(level)


def _open(data: bytes, name: str) -> Any:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise InputError(
            f"{name}: this PDF is locked by a password.", "Save a copy without a password first."
        )
    return reader


def _read_pages(
    reader: Any, progress: Callable[[int, int], None] | None
) -> tuple[list[Page], list[int]]:
    """The lines of all pages, and the numbers of those that could not be read."""
    from pypdf.errors import PyPdfError

    fonts = Fonts()
    pages: list[Page] = []
    broken: list[int] = []
    total = len(reader.pages)
    for index in range(total):
        try:
            page = _read_page(reader, index, fonts)
        except (PyPdfError, *_BROKEN_PAGE):
            broken.append(index + 1)
            page = Page(index + 1)
        pages.append(page)
        if progress is not None:
            progress(index + 1, total)
    return pages, broken


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
    return page_of(page.runs, index + 1, page.running_heads)


def _outline(reader: Any) -> list[OutlineLine]:
    """Lines of the outline: title, depth, page, height on the page; [] where it is unusable."""
    from pypdf.errors import PyPdfError

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
    except (PyPdfError, *_BROKEN_PAGE):
        return []
    return lines


def _height(destination: Any) -> float | None:
    try:
        return float(destination.top)
    except (AttributeError, TypeError, ValueError):
        return None


def _metadata(reader: Any) -> tuple[str, str]:
    """Title and author as the file says, "" where that makes no sense."""
    metadata = reader.metadata or {}
    title, author = (
        " ".join(clean_text(str(metadata.get(key) or "")).split()) for key in ("/Title", "/Author")
    )
    if _TITLE_NOISE.search(title) or len(title) > 300:
        title = ""
    if _AUTHOR_NOISE.search(author) or len(author) > 200:
        author = ""
    return title, author.replace(";", ",").replace(" ,", ",")


def _language(reader: Any) -> str:
    root = reader.trailer.get("/Root")
    language = root.get_object().get("/Lang") if root is not None else None
    return (
        str(language) if language and re.fullmatch(r"[A-Za-z]{2,3}(-\w+)*", str(language)) else ""
    )


def _empty_pages(pages: Sequence[Page], broken: Sequence[int]) -> list[LeftOut]:
    empty = [page.number for page in pages if not page.lines and page.number not in broken]
    left_out = []
    if empty:
        left_out.append(LeftOut(_ranges(empty), "page without text"))
    if broken:
        left_out.append(LeftOut(_ranges(broken), "page damaged"))
    return left_out


def _ranges(numbers: Sequence[int]) -> str:
    """ "pages 1, 4-6"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
    return f"page{'s' if len(numbers) > 1 else ''} {shown}"


def _warnings(name: str, pages: Sequence[Page], broken: Sequence[int]) -> tuple[str, ...]:
    warnings = []
    if broken:
        warnings.append(f"{name}: damaged, left out: {_ranges(broken)}.")
    empty = sum(not page.lines for page in pages)
    if empty > len(pages) // 2 and len(pages) > 4:
        warnings.append(f"{name}: {empty} of {len(pages)} pages are without text: scanned pages?")
    return tuple(warnings)
