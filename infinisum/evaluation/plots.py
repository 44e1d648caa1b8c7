"""Figures of an evaluation as SVG, the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from infinisum.document.svg import draw_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "trivial": "#8a8f98",
    "oracle": "#c9a227",
    "model": "#1f6f8b",
    "given": "#7b4b94",
    "published": "#d0d3d8",
}


def rows_plot(rows: Sequence[dict[str, Any]]) -> str:
    """Overall figure of every row with its interval; copied rows as hollow marks."""
    shown = [row for row in rows if _mean(row) is not None]

    def draw(figure: Figure) -> None:
        axes: Any = figure.add_subplot()
        for place, row in enumerate(reversed(shown)):
            colour = COLOURS[row["kind"]]
            mean = _mean(row)
            estimate = row["overall"]
            if isinstance(estimate, dict) and estimate["low"] is not None:
                axes.plot([estimate["low"], estimate["high"]], [place, place], color=colour, lw=2)
            face = "white" if row["kind"] == "published" else colour
            axes.plot([mean], [place], "o", color=colour, markerfacecolor=face)
        names = [f"{row['row']}{' (copied)' * (row['kind'] == 'published')}" for row in shown]
        axes.set_yticks(range(len(shown)), names[::-1])
        axes.set_xlabel("geometric mean of ROUGE-1, -2, -L")
        axes.grid(axis="x", color="#e5e7eb")

    return draw_svg(draw, 8.0, 0.28 * len(shown) + 0.8, "rows")


def works_plot(differences: Sequence[tuple[str, float]], row: str, other: str) -> str:
    """Difference of two rows, one bar a work."""
    ordered = sorted(differences, key=lambda pair: pair[1])

    def draw(figure: Figure) -> None:
        axes: Any = figure.add_subplot()
        colours = [COLOURS["model"] if value > 0 else COLOURS["trivial"] for _, value in ordered]
        axes.barh(range(len(ordered)), [value for _, value in ordered], color=colours)
        axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
        axes.axvline(0, color="#444", lw=0.8)
        axes.set_xlabel(f"{row} less {other}")

    return draw_svg(draw, 8.0, 0.24 * len(ordered) + 0.8, "works")


def memory_plot(rows: Sequence[dict[str, Any]]) -> str:
    """Bits per byte over the length of what was read, one line a model and condition."""

    def draw(figure: Figure) -> None:
        axes: Any = figure.add_subplot()
        for number, model in enumerate(dict.fromkeys(row["model"] for row in rows)):
            for condition, style in (("own", "-"), ("none", ":"), ("other", "--")):
                points = [
                    (max(row["context_tokens"], 512), row[condition]["bits_per_byte"]["mean"])
                    for row in rows
                    if row["model"] == model and row[condition] is not None
                ]
                if points:
                    line = {"color": f"C{number}", "marker": "o", "ms": 3}
                    axes.plot(*zip(*points, strict=True), style, **line)
                    axes.annotate(f"{model}, {condition}", points[-1], fontsize=7)
        axes.set_xscale("log", base=2)
        axes.set_xlabel("tokens read before the passage (0 at the left end)")
        axes.set_ylabel("bits per byte")

    return draw_svg(draw, 7.0, 3.6, "memory")


def gates_plot(rows: Sequence[dict[str, Any]]) -> str:
    """Gates by layer and head, as the paper's Figure 3: 0 local, 1 memory."""
    heads = max(len(row["gates"]) for row in rows)
    values = [row["gates"] + [float("nan")] * (heads - len(row["gates"])) for row in rows]

    def draw(figure: Figure) -> None:
        axes: Any = figure.add_subplot()
        image = axes.imshow(values, vmin=0, vmax=1, cmap="RdBu_r", aspect="auto")
        names = [f"{row['model']} {row['stack']} {row['layer']}" for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.set_xticks(range(heads), [str(head + 1) for head in range(heads)])
        axes.set_xlabel("head")
        figure.colorbar(image, ax=axes, label="gate")

    return draw_svg(draw, 6.0, 0.3 * len(rows) + 0.9, "gates")


def _mean(row: dict[str, Any]) -> float | None:
    overall = row["overall"]
    mean: float | None = overall["mean"] if isinstance(overall, dict) else overall
    return mean
