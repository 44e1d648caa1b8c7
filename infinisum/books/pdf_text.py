"""What a PDF page shows: runs of text with their place, size and font, in the order drawn.

pypdf parses the page and reads the fonts; this is the text machine of the PDF specification
(ISO 32000-1, 9.4) on top of it. pypdf's own `extract_text` tells only where a run begins, not
where it ends, and guesses spaces from that; a book needs both ends to mend lines and paragraphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infinisum.books.pdf_fonts import Fonts, PageFont

_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_MAX_DEPTH = 6  # forms within forms
_MAX_FORMS = 500  # forms drawn on one page
_WORD_GAP = 0.5  # of the width of a space: kerning is less, a justified line's spaces are more
_WIDEST_SPACE = 300.0  # fonts without a space say something else, typewriters have a wide one
_DOWN = 1000.0  # thousandths of the font size that a glyph goes down in vertical writing
_OUTSIDE = 5.0  # points beyond the edge of the page
_LINE = 1.6  # of the font size: baselines of one block are no further apart


@dataclass(slots=True)
class Run:
    """Text shown at one place, left to right, without a jump."""

    text: str
    x0: float  # points from the left edge of the page, as it is read
    x1: float
    y: float  # baseline, points from the bottom edge
    size: float  # height of the font in points
    gap: float  # points: a jump wider than this is a space
    bold: bool
    turn: int  # 0 where it reads left to right, 1 to 3 quarter turns otherwise


@dataclass(slots=True)
class _State:
    """The graphics state as far as text needs it."""

    ctm: _Matrix = _IDENTITY
    font: PageFont = field(default_factory=PageFont)
    size: float = 0.0
    character_space: float = 0.0
    word_space: float = 0.0
    scale: float = 1.0
    leading: float = 0.0
    rise: float = 0.0

    def copy(self) -> _State:
        return _State(
            self.ctm,
            self.font,
            self.size,
            self.character_space,
            self.word_space,
            self.scale,
            self.leading,
            self.rise,
        )


def _times(m: _Matrix, n: _Matrix) -> _Matrix:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _number(operands: list[Any], index: int, default: float = 0.0) -> float:
    try:
        value = float(operands[index])
    except (IndexError, TypeError, ValueError):
        return default
    return value if math.isfinite(value) else default


def _matrix(operands: list[Any]) -> _Matrix:
    a, b, c, d, e, f = (_number(operands, i, _IDENTITY[i]) for i in range(6))
    return (a, b, c, d, e, f)


class PageText:
    """Runs the text operators of one page.

    Args:
        fonts: of the document.
        box: left, bottom, right and top edge of the page in points.
        quarter_turns: how often the page is turned clockwise by a right angle for reading.
    """

    def __init__(self, fonts: Fonts, box: tuple[float, float, float, float], quarter_turns: int):
        left, bottom, right, top = box
        self.fonts = fonts
        self.width, self.height = right - left, top - bottom
        self.runs: list[Run] = []
        self.running_heads: list[Run] = []  # what the file itself marks as such
        self.picture = False
        self._stack: list[_State] = []
        self._marked: list[bool] = []  # for each open marked content, whether it is a running head
        self._text_matrix = self._line_matrix = _IDENTITY
        self._forms = 0
        turned: _Matrix = (1.0, 0.0, 0.0, 1.0, -left, -bottom)
        for _ in range(quarter_turns % 4):
            turned = _times(turned, (0.0, -1.0, 1.0, 0.0, 0.0, self.width))
            self.width, self.height = self.height, self.width
        self._state = _State(ctm=turned)

    def draw(self, content: Any, resources: Any, depth: int = 0) -> None:
        """Follows the operators of a content stream (pypdf's `ContentStream`)."""
        fonts = self.fonts.of(resources)
        floor = len(self._stack)  # a form may not pop what the page pushed
        for operands, operator in content.operations:
            if (handler := _HANDLERS.get(operator)) is not None:
                handler(self, operands)
            elif operator == b"Tf":
                self._state.font = fonts.get(str(operands[0]) if operands else "", PageFont())
                self._state.size = _number(operands, 1, self._state.size)
            elif operator == b"q":
                self._stack.append(self._state.copy())
            elif operator == b"Q":
                if len(self._stack) > floor:
                    self._state = self._stack.pop()
            elif operator == b"Do":
                self._form(operands, resources, depth)
            elif operator == b"INLINE IMAGE":  # pypdf's own name
                self.picture = True
            elif operator == b"BDC":
                self._marked.append(_is_running_head(operands))
            elif operator == b"BMC":
                self._marked.append(False)
            elif operator == b"EMC" and self._marked:
                self._marked.pop()

    def _form(self, operands: list[Any], resources: Any, depth: int) -> None:
        """Draws a form, which has operators and resources of its own."""
        from pypdf.generic import ContentStream

        table: Any = resources.get("/XObject") if hasattr(resources, "get") else None
        table = None if table is None else table.get_object()
        form: Any = table.get(operands[0]) if operands and hasattr(table, "get") else None
        form = form.get_object() if form is not None else None
        kind = form.get("/Subtype") if form is not None else None
        self.picture |= kind == "/Image"
        if kind != "/Form" or depth >= _MAX_DEPTH:
            return
        self._forms += 1
        if self._forms > _MAX_FORMS:
            return
        saved, matrices = self._state.copy(), (self._text_matrix, self._line_matrix)
        if (placed := form.get("/Matrix")) is not None:
            self._state.ctm = _times(_matrix(list(placed.get_object())), self._state.ctm)
        own = form.get("/Resources")
        self.draw(
            ContentStream(form, None, "bytes"), own.get_object() if own else resources, depth + 1
        )
        self._state, (self._text_matrix, self._line_matrix) = saved, matrices

    def begin(self, operands: list[Any]) -> None:
        """BT."""
        self._text_matrix = self._line_matrix = _IDENTITY

    def transform(self, operands: list[Any]) -> None:
        """Cm."""
        self._state.ctm = _times(_matrix(operands), self._state.ctm)

    def set_matrix(self, operands: list[Any]) -> None:
        """Tm."""
        self._text_matrix = self._line_matrix = _matrix(operands)

    def move(self, operands: list[Any]) -> None:
        """Td."""
        step = (1.0, 0.0, 0.0, 1.0, _number(operands, 0), _number(operands, 1))
        self._text_matrix = self._line_matrix = _times(step, self._line_matrix)

    def move_and_lead(self, operands: list[Any]) -> None:
        """TD."""
        self._state.leading = -_number(operands, 1)
        self.move(operands)

    def next_line(self, operands: list[Any]) -> None:
        """T*."""
        self.move([0.0, -self._state.leading])

    def set_number(self, name: str, factor: float = 1.0) -> Callable[[list[Any]], None]:
        """Tc, Tw, Tz, TL and Ts."""

        def setter(operands: list[Any]) -> None:
            setattr(self._state, name, _number(operands, 0) * factor)

        return setter

    def show(self, operands: list[Any]) -> None:
        """Tj."""
        self._show(operands[:1])

    def show_on_next_line(self, operands: list[Any]) -> None:
        """The operator '."""
        self.next_line([])
        self._show(operands[:1])

    def show_spaced(self, operands: list[Any]) -> None:
        """The operator "."""
        self._state.word_space = _number(operands, 0)
        self._state.character_space = _number(operands, 1)
        self.next_line([])
        self._show(operands[2:3])

    def show_array(self, operands: list[Any]) -> None:
        """TJ."""
        if operands and isinstance(operands[0], list):
            self._show(operands[0])

    def _show(self, items: list[Any]) -> None:
        state = self._state
        size, scale, font = state.size, state.scale, state.font
        at = 0.0  # in text space, from where the matrix is
        start: float | None = None
        end = 0.0
        pieces: list[str] = []
        threshold = _WORD_GAP * min(font.space, _WIDEST_SPACE) / 1000 * size * scale
        for item in items:
            if isinstance(item, bytes):
                shown = item
            elif isinstance(item, str):
                shown = item.encode("latin-1", "replace")
            else:
                at -= _number([item], 0) / 1000 * size * scale
                continue
            if start is None:
                start = at
            elif at - end > threshold and pieces and not pieces[-1].endswith(" "):
                pieces.append(" ")
            for glyph in font.decode(shown):
                pieces.append(glyph.text)
                width = _DOWN if font.vertical else glyph.width
                at += (width / 1000 * size + state.character_space) * scale
                if glyph.text == " ":
                    at += state.word_space * scale
            end = at - state.character_space * scale
        if start is not None and pieces:
            self._keep("".join(pieces), start, end)
        move = (1.0, 0.0, 0.0, 1.0, *((0.0, -at) if font.vertical else (at, 0.0)))
        self._text_matrix = _times(move, self._text_matrix)

    def _runs_off(self, y: float, size: float) -> bool:
        """Whether text below the page goes on where that above it ended: a block too long for it.

        Marks of the printer stand below the page too, but not a line's distance from the text.
        """
        last = self.runs[-1] if self.runs else None
        level = last is not None and -0.1 * size <= last.y - y <= _LINE * size
        return last is not None and level and not last.turn and abs(last.size - size) < 0.1 * size

    def _keep(self, text: str, start: float, end: float) -> None:
        state = self._state
        m = _times(self._text_matrix, state.ctm)
        if state.font.vertical:  # what goes down the page goes along the line
            m = _times((0.0, -1.0, 1.0, 0.0, 0.0, 0.0), m)
        along = math.hypot(m[0], m[1])
        size = math.hypot(m[2], m[3]) * abs(state.size)
        if not along or not size:
            return
        x, y = m[4] + m[2] * state.rise + m[0] * start, m[5] + m[3] * state.rise + m[1] * start
        turn = round(math.atan2(m[1], m[0]) / (math.pi / 2)) % 4
        if not (-_OUTSIDE <= x <= self.width + _OUTSIDE and y <= self.height + _OUTSIDE):
            return
        if y < -_OUTSIDE and not self._runs_off(y, size):
            return
        if turn:
            for _ in range(turn):  # as it looks when the page is turned so that it reads level
                x, y = y, -x
        length = (end - start) * along
        gap = _WORD_GAP * min(state.font.space, _WIDEST_SPACE) / 1000 * size
        runs = self.running_heads if any(self._marked) else self.runs
        runs.append(Run(text, x, x + length, y, size, gap, state.font.bold, turn))


def _is_running_head(operands: list[Any]) -> bool:
    """Whether marked content is an artifact of pagination: a running head, a page number."""
    if len(operands) < 2 or operands[0] != "/Artifact" or not hasattr(operands[1], "get"):
        return False
    return bool(operands[1].get("/Type") == "/Pagination")


def _setter(name: str, factor: float = 1.0) -> Callable[[PageText, list[Any]], None]:
    def handler(page: PageText, operands: list[Any]) -> None:
        page.set_number(name, factor)(operands)

    return handler


_HANDLERS: dict[bytes, Callable[[PageText, list[Any]], None]] = {
    b"BT": PageText.begin,
    b"cm": PageText.transform,
    b"Tm": PageText.set_matrix,
    b"Td": PageText.move,
    b"TD": PageText.move_and_lead,
    b"T*": PageText.next_line,
    b"Tj": PageText.show,
    b"'": PageText.show_on_next_line,
    b'"': PageText.show_spaced,
    b"TJ": PageText.show_array,
    b"Tc": _setter("character_space"),
    b"Tw": _setter("word_space"),
    b"Tz": _setter("scale", 0.01),
    b"TL": _setter("leading"),
    b"Ts": _setter("rise"),
}
