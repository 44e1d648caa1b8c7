"""The HTML form: one file that asks for nothing from elsewhere and needs no JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infinisum.document import phrases
from infinisum.lines import one_line
from infinisum.summary.summary import Summary, WrittenSentence

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATE = "report.html.j2"


def to_html(summary: Summary) -> str:
    """A summary as an HTML page with charts.

    Whatever a book contains, tags and template syntax too, is shown as text.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("infinisum.document", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    titles = {chapter.number: phrases.heading(chapter) for chapter in summary.chapters}
    has_chapters = summary.making.level != "book"
    return environment.get_template(TEMPLATE).render(
        summary=summary,
        charts=_charts(summary),
        anchors=set(titles) if has_chapters else set(),
        has_book=bool(summary.text or summary.passages),
        language=summary.language,
        facts=phrases.facts(summary),
        own_words=phrases.OWN_WORDS,
        origin=phrases.origin(summary),
        grounding=phrases.grounding(summary),
        unsupported=phrases.unsupported(summary),
        left_out=phrases.left_out(summary),
        people=summary.people[: phrases.PEOPLE_SHOWN],
        places=summary.places[: phrases.PLACES_SHOWN],
        chapter_title=lambda number: titles.get(number, phrases.numbered(number, "")),
        mark=_mark,
        paragraphs=_paragraphs,
        heading=lambda chapter: one_line(phrases.heading(chapter)),
        nothing=phrases.nothing,
        by_chapter=phrases.by_chapter,
        place=phrases.place,
        first_place=phrases.first_place,
        quotable=phrases.quotable,
        also=phrases.also,
        company=phrases.company,
    )


def _mark(sentence: WrittenSentence, with_chapter: bool) -> str:
    return phrases.mark(sentence, with_chapter=with_chapter)


def _paragraphs(text: str) -> list[str]:
    return [one_line(part) for part in text.split("\n") if part.strip()]


def _charts(summary: Summary) -> dict[str, Markup | None]:
    """Finished SVG by name, None where there is nothing to draw."""
    from markupsafe import Markup

    from infinisum.document import charts

    drawn = {
        "salience": charts.salience(summary),
        "people": charts.people(summary),
        "coverage": charts.coverage(summary),
        "state": charts.state(summary),
        "gates": charts.gates(summary),
    }
    # Only here is text not escaped: matplotlib wrote it, and it escapes what is in it.
    return {name: Markup(svg) if svg else None for name, svg in drawn.items()}
