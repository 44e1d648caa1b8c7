"""Results as one HTML file: no script, nothing fetched, figures as SVG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from infinisum.evaluation import plots
from infinisum.evaluation.results import overall_by_work
from infinisum.evaluation.tables import Line, Shown, tables

_FIGURES = {"continuation": plots.memory_plot, "gates": plots.gates_plot}
FACTS = ("dataset", "settings", "models", "versions")


@dataclass(slots=True)
class Section:
    """A heading with a figure, a table, or both."""

    title: str
    note: str = ""
    svg: str = ""
    columns: Sequence[str] = ()
    rows: list[Line] = field(default_factory=list)


def to_html(results: dict[str, Any]) -> str:
    """The report of an evaluation of any kind."""
    from jinja2 import Environment

    shown = tables(results)
    sections = [section for table in shown for section in _sections(table, results)]
    template = files("infinisum.evaluation").joinpath("report.html.j2").read_text("utf-8")
    facts = {name: results[name] for name in FACTS if name in results}
    page = Environment(autoescape=True).from_string(template)
    return page.render(
        title=f"infinisum eval: {results['dataset']['name']}",
        notes=shown[0].notes if shown and shown[0].name == "rouge" else [],
        sections=sections,
        facts=json.dumps(facts, ensure_ascii=False, indent=2),
    )


def _sections(table: Shown, results: dict[str, Any]) -> list[Section]:
    section = Section(table.title, "", "", table.columns, table.lines)
    if table.name != "rouge":
        section.note = " ".join(table.notes)
        draw = _FIGURES.get(table.name)
        if draw is not None and results[table.name]:
            section.svg = draw(results[table.name])
        return [section]
    section.svg = plots.rows_plot(results["rows"])
    return [section, *_by_work(results)]


def _by_work(results: dict[str, Any]) -> list[Section]:
    """The first model row against the best row without a network, work by work."""
    models = [row for row in results["rows"] if "against_best_trivial" in row]
    if not models or results["dataset"]["works"] < 2:
        return []
    row, other = models[0]["row"], models[0]["against_best_trivial"]["row"]
    differences = overall_by_work(results, row, other)
    svg = plots.works_plot(differences, row, other)
    note = "Difference of the geometric means over each work's pairs."
    return [Section(f"{row} against {other}, work by work", note, svg)]
