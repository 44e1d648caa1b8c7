"""The cover, drawn once as plain shapes and rendered as SVG for the EPUB and onto a PDF page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, HEIGHT = 600, 850  # the proportions of A5; the origin is the upper left corner

SKY, SEA, MUD, STONE = "#14293d", "#1f5566", "#0d1b28", "#0a141e"
PAPER, HIGH_LIGHT, LOW_LIGHT = "#f3ecdc", "#f2b84b", "#fffdf2"


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled outline."""

    points: tuple[tuple[float, float], ...]
    colour: str


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text, `x` its middle and `y` its base line."""

    x: float
    y: float
    size: float
    text: str
    colour: str
    sans: bool = False


Shape = Polygon | Disc | Label


def box(x: float, y: float, width: float, height: float, colour: str) -> Polygon:
    """An upright rectangle."""
    return Polygon(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), colour)


def shapes(title: str, author: str) -> Iterator[Shape]:
    """The picture from back to front: two lights in line over the harbour, and the tide staff."""
    yield box(0, 0, WIDTH, HEIGHT, SKY)
    yield box(0, 520, WIDTH, HEIGHT - 520, SEA)
    for row in range(14):  # the lights on the water, broken by the swell
        width = 20 + (row * 37) % 46
        yield box(400 - width / 2 + (row * 53) % 21 - 10, 700 - row * 12, width, 3, HIGH_LIGHT)
    yield Polygon(((0, 520), (0, 486), (250, 498), (600, 478), (600, 520)), STONE)
    tower = ((366, 500), (366, 330), (375, 318), (400, 318), (425, 318), (434, 330), (434, 500))
    yield Polygon(tower, STONE)
    yield Disc(400, 350, 15, HIGH_LIGHT)
    yield Polygon(((0, 850), (0, 770), (210, 742), (600, 728), (600, 850)), MUD)
    yield box(396, 600, 8, 134, STONE)
    yield Disc(400, 592, 17, LOW_LIGHT)
    yield box(96, 356, 52, 452, PAPER)
    for foot in range(10):
        top = 378 + foot * 44
        yield box(96, top, 30, 4, SKY)
        yield box(96, top + 22, 16, 2, SKY)
        yield Label(137, top + 8, 17, str(18 - foot), SKY, sans=True)
    for index, word in enumerate(title.upper().rsplit(" ", 1)):
        yield Label(WIDTH / 2, 130 + index * 84, 66, word, PAPER)
    yield box(WIDTH / 2 - 40, 240, 80, 2, HIGH_LIGHT)
    yield Label(WIDTH / 2, 282, 24, author, PAPER, sans=True)


def svg(title: str, author: str) -> str:
    """The cover as an SVG document."""
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>Cover of {escape(title)}</title>",
    ]
    for shape in shapes(title, author):
        if isinstance(shape, Polygon):
            points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
            out.append(f'<polygon points="{points}" fill="{shape.colour}"/>')
        elif isinstance(shape, Disc):
            out.append(
                f'<circle cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.radius:g}" '
                f'fill="{shape.colour}"/>'
            )
        else:
            family = "Helvetica, Arial, sans-serif" if shape.sans else "Garamond, Georgia, serif"
            out.append(
                f'<text x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}" '
                f'font-family="{family}" text-anchor="middle" fill="{shape.colour}">'
                f"{escape(shape.text)}</text>"
            )
    return "\n".join([*out, "</svg>", ""])


def draw(canvas: Any, title: str, author: str, serif: str, sans: str, height: float) -> None:
    """Draw the cover over a whole page of a reportlab canvas, `height` points high."""
    scale = height / HEIGHT
    canvas.saveState()
    canvas.scale(scale, scale)
    for shape in shapes(title, author):
        canvas.setFillColor(shape.colour)
        if isinstance(shape, Polygon):
            path = canvas.beginPath()
            (x, y), *rest = shape.points
            path.moveTo(x, HEIGHT - y)
            for x, y in rest:
                path.lineTo(x, HEIGHT - y)
            path.close()
            canvas.drawPath(path, stroke=0, fill=1)
        elif isinstance(shape, Disc):
            canvas.circle(shape.x, HEIGHT - shape.y, shape.radius, stroke=0, fill=1)
        else:
            canvas.setFont(sans if shape.sans else serif, shape.size)
            canvas.drawCentredString(shape.x, HEIGHT - shape.y, shape.text)
    canvas.restoreState()
