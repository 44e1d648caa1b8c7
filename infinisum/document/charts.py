"""Charts of the HTML form as inline SVG, in the colours of the page, light or dark."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

from infinisum.document import phrases
from infinisum.document.svg import draw_svg
from infinisum.lines import one_line
from infinisum.summary.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib draws in these colours; the page's own stand in for them afterwards.
INK, SOFT, LINE, ACCENT = "#010101", "#020202", "#030303", "#040404"
_PAGE: Final = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
}
WIDTH: Final = 7.2  # inches; the page scales it
MOST_PEOPLE: Final = 10
MOST_NAME: Final = 24  # letters of a name beside its row
_SETTINGS: Final[dict[str, Any]] = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
}


def salience(summary: Summary) -> str | None:
    """Highest salience in each part of the book, its chapters, and where quotations come from."""
    values = [0.0 if value is None else value for value in summary.map.salience]
    if not any(values):
        return None
    low = min(value for value in summary.map.salience if value is not None)

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "place in the text that was read", "salience")
        edges = [index / len(values) for index in range(len(values) + 1)]
        axes.stairs([max(v, low) for v in values], edges, baseline=low, fill=True, color=ACCENT)
        axes.patches[-1].set_alpha(0.35)
        top = max(values) + 0.08 * (max(values) - low)
        quoted = [p.position for p in summary.passages]
        axes.scatter(quoted, [top] * len(quoted), marker="v", s=14, color=ACCENT, linewidths=0)
        for number, start in summary.map.chapters:
            axes.axvline(start, color=LINE, linewidth=0.6, zorder=0)
            if len(summary.map.chapters) <= 40:
                axes.annotate(
                    str(number),
                    (start, 0),
                    xycoords=("data", "axes fraction"),
                    xytext=(2, 3),
                    textcoords="offset points",
                    fontsize=7,
                    color=SOFT,
                )
        axes.set_xlim(0, 1)
        axes.set_yticks([])
        _percent(axes)

    marks = "; triangles mark what the summary quotes" if summary.passages else ""
    return _svg(
        "salience",
        2.2,
        draw,
        "How much the model thinks each part of the book matters",
        f"Highest salience of a sentence along the book; lines begin chapters{marks}.",
    )


def people(summary: Summary) -> str | None:
    """Mentions of the main characters over the book."""
    shown = [p for p in summary.people[:MOST_PEOPLE] if any(p.mentions_by_part)]
    if not shown:
        return None

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "place in the text that was read", "")
        for row, person in enumerate(shown):
            most = max(person.mentions_by_part)
            edges = [
                i / len(person.mentions_by_part) for i in range(len(person.mentions_by_part) + 1)
            ]
            heights = [row - 0.8 * n / most for n in person.mentions_by_part]
            axes.stairs(heights, edges, baseline=row, fill=True, color=ACCENT, alpha=0.55)
            axes.axhline(row, color=LINE, linewidth=0.6, zorder=0)
        axes.set_yticks(range(len(shown)), [_short(person.name) for person in shown])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(shown) - 0.7, -1)
        axes.set_xlim(0, 1)
        _percent(axes)

    names = ", ".join(one_line(person.name) for person in shown)
    return _svg(
        "people",
        0.6 + 0.34 * len(shown),
        draw,
        f"Where in the book people are named: {names}",
        "Mentions over the book, each row to its own scale.",
    )


def coverage(summary: Summary) -> str | None:
    """Share of the quoted words from each tenth of the book."""
    words = summary.grounding.coverage_words
    total = sum(words)
    if not total:
        return None
    shares = [100 * count / total for count in words]

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "tenth of the book", "% of quoted words")
        bars = axes.bar(range(1, len(shares) + 1), shares, color=ACCENT, alpha=0.55, width=0.8)
        axes.bar_label(bars, [f"{share:.0f}" for share in shares], color=SOFT, fontsize=8)
        axes.set_xticks(range(1, len(shares) + 1))
        axes.set_yticks([])

    said = ", ".join(f"{name}: {share}" for name, share in phrases.coverage(summary))
    return _svg(
        "coverage",
        1.7,
        draw,
        f"Where in the book the quoted words stand: {said}",
        "Share of the quoted words from each tenth of the book.",
    )


def state(summary: Summary) -> str | None:
    """What is kept of the book while it is read, beside what ordinary attention would keep."""
    kept = summary.making.state_bytes
    per_token = summary.map.attention_bytes_per_token
    tokens = summary.source_tokens
    if not tokens or not kept:
        return None

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "tokens read", "MB")
        axes.plot([0, tokens], [kept / 1e6] * 2, color=ACCENT, linewidth=2)
        axes.plot([0, tokens], [0, per_token * tokens / 1e6], color=SOFT, linewidth=1, ls="--")
        for text, height, colour in (
            ("this model", kept, ACCENT),
            ("keys and values of ordinary attention", per_token * tokens, SOFT),
        ):
            axes.annotate(
                f"{text}: {phrases.size(height)}",
                (tokens, height / 1e6),
                color=colour,
                xytext=(-4, 4),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=8,
            )
        axes.set_xlim(0, tokens)
        axes.set_ylim(0, 1.25 * max(kept, per_token * tokens) / 1e6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")

    return _svg(
        "state",
        2.2,
        draw,
        f"Memory of the book: {phrases.size(kept)} when all of it was read",
        "What is kept of the text, counted once, after the last page: memories, window and "
        "reservoir have fixed shapes, so that the line is flat. The dashed line is reckoned: "
        f"{per_token:,} bytes for each token.",
    )


def gates(summary: Summary) -> str | None:
    """Share of memory in what each head reads (Figure 3 of the paper)."""
    stacks = [
        (name, layers)
        for name, layers in (
            ("encoder", summary.map.encoder_gates),
            ("decoder", summary.map.decoder_gates),
        )
        if any(layers)
    ]
    if not stacks:
        return None
    heads = max(len(layer) for _, layers in stacks for layer in layers)

    def draw(figure: Figure) -> None:
        for column, (name, layers) in enumerate(stacks, start=1):
            axes: Any = figure.add_subplot(1, len(stacks), column)
            for row, layer in enumerate(layers):
                for head, share in enumerate(layer):
                    axes.add_patch(_cell(head, row, share))
                    axes.text(
                        head + 0.5,
                        row + 0.5,
                        f"{share:.2f}".lstrip("0"),
                        ha="center",
                        va="center",
                        fontsize=7,
                    )
            axes.set_xlim(0, heads)
            axes.set_ylim(len(layers), 0)
            axes.set_xticks([h + 0.5 for h in range(heads)], [str(h + 1) for h in range(heads)])
            axes.set_yticks([r + 0.5 for r in range(len(layers))], range(1, len(layers) + 1))
            axes.tick_params(length=0)
            axes.set_xlabel(f"head ({name})")
            axes.set_ylabel("layer")
            for spine in axes.spines.values():
                spine.set_visible(False)

    rows = max(len(layers) for _, layers in stacks)
    return _svg(
        "gates",
        0.8 + 0.26 * rows,
        draw,
        "How much each attention head reads from memory, from 0 to 1",
        "Share of memory in what each head reads: 0 the segment at hand alone, 1 memory alone.",
    )


def _cell(x: float, y: float, share: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.04, y + 0.04), 0.92, 0.92, facecolor=ACCENT, alpha=0.05 + 0.6 * share)


def _axes(figure: Figure, x: str, y: str) -> Axes:
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def _percent(axes: Axes) -> None:
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])


def _short(name: str) -> str:
    name = one_line(name)
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"


def _svg(name: str, height: float, draw: Any, label: str, caption: str) -> str:
    """A figure as inline SVG with its caption, in the variables of the page's colours."""
    svg = draw_svg(draw, WIDTH, height, name, _SETTINGS | {"svg.id": f"chart-{name}"})
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every chart, and nobody refers to them
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    for colour, variable in _PAGE.items():
        svg = svg.replace(colour, variable)
    return f"{svg}<figcaption>{escape(caption)}</figcaption>"
