"""What pdfium reads of a PDF that pypdf cannot: the extra `pdfium`.

pdfium is a C++ library; it is used here and nowhere else, in the child process that reads the
book, where its death is an error message.
"""

from __future__ import annotations

import ctypes
import importlib.util
import math
from collections.abc import Iterator
from typing import Any

from infinisum.books.limits import Limits
from infinisum.books.pdf_chapters import OutlineLine
from infinisum.books.pdf_content import PdfContent, too_much
from infinisum.books.pdf_lines import page_of
from infinisum.books.pdf_text import Run
from infinisum.guard import step

_BOLD = 600  # weight of a font from which it counts as bold
_GAP = 0.25  # of the font size: a jump wider than this is a space
_LEVEL = 0.1  # of the font size: the baseline of one run moves no further
_MOST_CHARACTERS = 200_000  # of one page


def has_pdfium() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("pypdfium2") is not None


def read_with_pdfium(data: bytes, name: str, limits: Limits) -> PdfContent | None:
    """Pages, outline and metadata of a PDF; None where pdfium cannot open it either.

    Raises:
        InputError: over a limit.
    """
    import pypdfium2

    try:
        document: Any = pypdfium2.PdfDocument(data)
        total = len(document)
    except (pypdfium2.PdfiumError, ValueError):
        return None
    if total > limits.pages:
        raise too_much(name, f"it has {total:,} pages", "pages")
    content = PdfContent()
    for index in range(total):
        try:
            runs = list(_runs(document[index]))
        except (pypdfium2.PdfiumError, ValueError):
            content.broken.append(index + 1)
            runs = []
        content.pages.append(page_of(runs, index + 1))
        step(index + 1, total)
    content.outline = list(_outline(document, pypdfium2.PdfiumError))
    said = document.get_metadata_dict()
    content.title, content.author = said.get("Title", ""), said.get("Author", "")
    return content


def _runs(page: Any) -> Iterator[Run]:
    """The text of a page by runs on one baseline, as `pdf_text.PageText` gives them."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    run: Run | None = None
    for index in range(min(text.count_chars(), _MOST_CHARACTERS)):
        character = chr(pdfium.FPDFText_GetUnicode(text, index))
        if character in "\r\n\x00\x02":  # 2: a hyphen at a line end that pdfium took out
            if character == "\x02" and run is not None:
                run.text += "-"
            if run is not None:
                yield run
            run = None
            continue
        place = _place(text, index)
        if place is None:
            continue
        x0, x1, y, size, turn = place
        same = run is not None and (run.turn, round(run.size, 1)) == (turn, round(size, 1))
        if run is not None and same and abs(run.y - y) <= _LEVEL * size and x0 >= run.x0:
            run.text += " " if x0 - run.x1 > run.gap and run.text[-1] != " " else ""
            run.text += character
            run.x1 = max(run.x1, x1)
            continue
        if run is not None:
            yield run
        bold = pdfium.FPDFText_GetFontWeight(text, index) >= _BOLD
        run = Run(character, x0, x1, y, size, _GAP * size, bold, turn)
    if run is not None:
        yield run


def _place(text: Any, index: int) -> tuple[float, float, float, float, int] | None:
    """Left, right, baseline, font size and quarter turns of a character, in points."""
    import pypdfium2.raw as pdfium

    matrix, box = pdfium.FS_MATRIX(), pdfium.FS_RECTF()
    x, y = ctypes.c_double(), ctypes.c_double()
    if not (
        pdfium.FPDFText_GetMatrix(text, index, matrix)
        and pdfium.FPDFText_GetLooseCharBox(text, index, box)
        and pdfium.FPDFText_GetCharOrigin(text, index, x, y)
    ):
        return None
    size = pdfium.FPDFText_GetFontSize(text, index) * math.hypot(matrix.c, matrix.d)
    turn = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % 4
    corners = [(box.left, box.bottom), (box.right, box.top), (x.value, y.value)]
    for _ in range(turn):  # as it looks when the page is turned so that it reads level
        corners = [(b, -a) for a, b in corners]
    (left, _), (right, _), (_, baseline) = corners
    values = (min(left, right), max(left, right), baseline, size)
    if not all(map(math.isfinite, values)) or size <= 0:
        return None
    return (*values, turn)


def _outline(document: Any, failure: type[Exception]) -> Iterator[OutlineLine]:
    try:
        for bookmark in document.get_toc():
            target = bookmark.get_dest()
            page = target.get_index() if target is not None else None
            title = " ".join(bookmark.get_title().split())
            if title and page is not None:
                yield OutlineLine(title, bookmark.level + 1, page + 1, None)
    except (failure, ValueError, AttributeError):
        return
