"""Lays out small PDFs for tests: two fonts, running heads, page numbers, divided words, notes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest

canvas = pytest.importorskip("reportlab.pdfgen.canvas")
from reportlab.pdfbase.pdfmetrics import stringWidth  # noqa: E402

WIDTH, HEIGHT, MARGIN, LEADING, SIZE = 360.0, 500.0, 50.0, 14.0, 11.0
BODY, BOLD, ITALIC = "Times-Roman", "Helvetica-Bold", "Times-Italic"


@dataclass
class Sheet:
    """A PDF being written, page by page, as a typesetter does it."""

    head: str = ""  # running head of odd pages; the chapter's title is that of the even ones
    numbers: bool = True
    indent: float = 14.0  # of a paragraph's first line; 0 for a gap between paragraphs
    justified: bool = True
    divide: dict[str, tuple[str, str]] = field(default_factory=dict)  # word → its two halves
    password: str = ""

    def __post_init__(self) -> None:
        self.data = io.BytesIO()
        encrypt = None
        if self.password:
            from reportlab.lib.pdfencrypt import StandardEncryption

            encrypt = StandardEncryption(self.password, ownerPassword="owner")
        self.canvas = canvas.Canvas(self.data, pagesize=(WIDTH, HEIGHT), encrypt=encrypt)
        self.page = 1
        self.chapter = ""
        self.notes: list[str] = []
        self.y = HEIGHT - MARGIN - 20

    def bytes(self) -> bytes:
        self._furniture()
        self.canvas.save()
        return self.data.getvalue()

    def new_page(self) -> None:
        self._furniture()
        self.canvas.showPage()
        self.page += 1
        self.y = HEIGHT - MARGIN - 20

    def _furniture(self) -> None:
        if self.head:
            text = self.head if self.page % 2 else self.chapter
            self.canvas.setFont(ITALIC, 9)
            self.canvas.drawString(MARGIN + 60, HEIGHT - MARGIN + 6, text)
        if self.numbers:
            self.canvas.setFont(BODY, 9)
            self.canvas.drawCentredString(WIDTH / 2, MARGIN - 22, str(self.page))
        y = MARGIN + 4
        for note in reversed(self.notes):
            self.canvas.setFont(BODY, 7.5)
            self.canvas.drawString(MARGIN, y, note)
            y += 9
        self.notes.clear()

    def heading(self, title: str, *, outline: int | None = None) -> None:
        if self.y < HEIGHT - MARGIN - 20:
            self.new_page()
        self.chapter = title
        if outline is not None:
            self.canvas.bookmarkPage(title, fit="XYZ", top=self.y + 16)
            self.canvas.addOutlineEntry(title, title, outline)
        self.line(title, font=BOLD, size=16)
        self.y -= 20

    def line(self, text: str, *, x: float = MARGIN, font: str = BODY, size: float = SIZE) -> None:
        if self.y < MARGIN + 20:
            self.new_page()
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, self.y, text)
        self.y -= LEADING

    def paragraph(self, text: str, *, initial: bool = False) -> None:
        """Greedy lines of full width, words divided where `divide` allows it.

        With `initial` the first letter is as high as two lines, which stand beside it.
        """
        words = text.split()
        beside = 0
        x, line = MARGIN + self.indent, ""
        if initial:
            self.canvas.setFont(BODY, 30)
            self.canvas.drawString(MARGIN, self.y - LEADING, text[0])
            words[0] = words[0][1:]
            beside = 2
            x = MARGIN + 30
        while words:
            word = words.pop(0)
            room = WIDTH - MARGIN - x
            wider = f"{line} {word}" if line else word
            if stringWidth(wider, BODY, SIZE) <= room:
                line = wider
                continue
            if word in self.divide:
                first, second = self.divide[word]
                divided = f"{line} {first}-" if line else f"{first}-"
                if stringWidth(divided, BODY, SIZE) <= room:
                    line = divided
                    word = second
            words.insert(0, word)
            self._set(line, x, last=False)
            beside -= 1
            x, line = MARGIN + (30 if beside > 0 else 0), ""
        self._set(line, x, last=True)
        if not self.indent:
            self.y -= 8

    def _set(self, text: str, x: float, *, last: bool) -> None:
        if self.y < MARGIN + 20:
            self.new_page()
        spaces = text.count(" ")
        room = WIDTH - MARGIN - x - stringWidth(text, BODY, SIZE)
        self.canvas.setFont(BODY, SIZE)
        self.canvas.drawString(
            x,
            self.y,
            text,
            wordSpace=room / spaces if self.justified and spaces and not last else 0,
        )
        self.y -= LEADING
