"""Figures as inline SVG: the same bytes for the same input, text that stays text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # text stays text: to be searched, copied and read aloud
    "text.parse_math": False,  # a name with a $ in it is no formula
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_svg(
    draw: Callable[[Figure], None],
    width: float,
    height: float,
    name: str,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """A figure without a background as an `<svg>` element, without the XML around it.

    Args:
        draw: draws into the empty figure.
        width, height: in inches.
        name: of the figure; ids in it differ from those of other figures, not from run to run.
        settings: of matplotlib, beside `STYLE`.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure  # pyplot would keep every figure

    own: Any = {**STYLE, **(settings or {}), "svg.hashsalt": name}
    with rc_context(own):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)
        FigureCanvasSVG(figure)
        draw(figure)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    svg = written.getvalue()
    return re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
