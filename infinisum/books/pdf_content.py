"""What a PDF gives, whichever library read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from infinisum.books.pdf_chapters import OutlineLine
from infinisum.books.pdf_fonts import UNKNOWN
from infinisum.books.pdf_lines import Page
from infinisum.errors import InputError

_UNREADABLE = 0.5  # of the characters that may be unknown

REPAIR: Final = "Open it in a PDF viewer and print it to a new PDF."


@dataclass(slots=True)
class PdfContent:
    """Pages and what the file says about itself."""

    pages: list[Page] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)  # numbers of pages that could not be read
    over: str = ""  # the limit that a page went over, as the library says it
    outline: list[OutlineLine] = field(default_factory=list)
    title: str = ""
    author: str = ""
    language: str = ""

    @property
    def lines(self) -> int:
        """Printed lines in all."""
        return sum(len(page.lines) for page in self.pages)

    @property
    def unreadable(self) -> bool:
        """Whether the fonts do not say what most of the characters are."""
        texts = [line.text for page in self.pages for line in page.lines]
        controls = sum(page.controls for page in self.pages)
        unknown = controls + sum(text.count(UNKNOWN) for text in texts)
        shown = controls + sum(len(text) - text.count(" ") for text in texts)
        return unknown > _UNREADABLE * shown


def too_much(name: str, what: str, limit: str = "") -> InputError:
    """The error for a PDF over a limit.

    Args:
        name: of the file.
        what: went over it, the end of a line.
        limit: its name, for the hint, where it can be changed.
    """
    more = f"; --limit {limit}=N allows more" if limit else ""
    return InputError(
        f"{name}: more than a book needs, {what}.",
        f"It is damaged, or made to exhaust the machine{more}.",
    )
