"""PDF files as books: chapters by the outline or by the look of headings.

pypdf reads the pages. What it cannot read, pdfium can sometimes: with the extra `pdfium` it is
tried where pypdf gives up, finds damaged pages, or no text at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from infinisum.books.book import Book, LeftOut
from infinisum.books.clean import clean_text
from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.books.marks import has_notes, without_stuck_marks
from infinisum.books.pdf_chapters import divide_pdf
from infinisum.books.pdf_content import REPAIR, PdfContent, too_much
from infinisum.books.pdf_furniture import body_size, remove_footnotes, remove_running_heads
from infinisum.books.pdf_lines import Page
from infinisum.books.pdf_paragraphs import paragraphs_of
from infinisum.books.pdf_pdfium import has_pdfium, read_with_pdfium
from infinisum.books.pdf_pypdf import UnreadableError, limit_of, read_with_pypdf
from infinisum.errors import InputError

_OCR = "Run it through OCR first, with ocrmypdf for example."
_TITLE_NOISE = re.compile(
    r"untitled|^microsoft word|\.(?:docx?|indd|qxd|tex|pdf|html?|odt)$|^\W*$", re.I
)
_AUTHOR_NOISE = re.compile(
    r"^(?:unknown|anonymous|user|admin\w*|owner|author|\W*)$|calibre|@|https?:", re.I
)


def read_pdf(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Book:
    """Reads a PDF: text in reading order, paragraphs with the page they begin on, chapters.

    Running heads, page numbers and footnotes are left out; divided words, ligatures and initials
    are mended. Chapters come from the file's outline, or from its headings.

    Args:
        data: the file.
        name: what to call it in messages.
        limits: on pages and unpacked streams.

    Raises:
        InputError: damaged, locked by a password, over a limit, or without any text (a scan).
    """
    content = _content(data, name, limits)
    pages, broken = content.pages, content.broken
    title, author = _metadata(content)
    left_out, marks = _empty_pages(pages, broken), sum(page.marks for page in pages)
    dropped = sum(page.dropped_words for page in pages) + remove_running_heads(pages)
    if not any(page.lines for page in pages):
        what = f"nothing but running heads and page numbers in this PDF of {_count(pages)}"
        raise InputError(f"{name}: {what}, as in a scan.", _OCR)
    size = body_size(pages)
    notes = remove_footnotes(pages, size)
    paragraphs = paragraphs_of(pages, size)
    chapters, matter = divide_pdf(paragraphs, content.outline, title, size)
    chapters, stuck = without_stuck_marks(chapters, noted=bool(notes) or has_notes(matter))
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
        language=content.language,
        format="pdf",
        source=name,
        pages=len(pages),
        left_out=tuple(matter + left_out),
        warnings=_warnings(name, pages, broken),
    )


def _content(data: bytes, name: str, limits: Limits) -> PdfContent:
    """Pages with text, by whichever library can.

    Raises:
        InputError: none can, there is none, or a limit is reached.
    """
    content, failure = PdfContent(), None
    try:
        content = read_with_pypdf(data, name, limits)
    except UnreadableError as error:
        failure = error
    poor = failure or content.broken or not content.lines or content.unreadable
    if poor and not content.over and has_pdfium():
        other = read_with_pdfium(data, name, limits)
        least = 0 if content.unreadable else content.lines
        if other is not None and (failure or other.lines > least):
            content, failure = other, None
    if failure is not None:
        raise failure
    if content.unreadable:
        raise InputError(f"{name}: the fonts of this PDF do not say what its letters are.", _OCR)
    if content.lines:
        return content
    if content.over:
        raise too_much(name, content.over, limit_of(content.over))
    if content.broken:
        raise InputError(f"{name}: damaged PDF file.", REPAIR)
    if not content.pages:
        raise InputError(f"{name}: this PDF has no pages.", REPAIR)
    raise InputError(f"{name}: no text in this PDF of {_count(content.pages)}: it is a scan.", _OCR)


def _count(pages: Sequence[Page]) -> str:
    return f"{len(pages)} page{'s' if len(pages) != 1 else ''}"


def _metadata(content: PdfContent) -> tuple[str, str]:
    """Title and author as the file says, "" where that makes no sense."""
    title, author = (" ".join(clean_text(said).split()) for said in (content.title, content.author))
    if _TITLE_NOISE.search(title) or len(title) > 300:
        title = ""
    if _AUTHOR_NOISE.search(author) or len(author) > 200:
        author = ""
    return title, author.replace(";", ",").replace(" ,", ",")


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
