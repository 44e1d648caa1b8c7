"""The plain text form, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from infinisum.document.phrases import (
    MARKS,
    OWN_WORDS,
    PEOPLE_SHOWN,
    PLACES_SHOWN,
    also,
    by_chapter,
    company,
    counted,
    coverage,
    facts,
    first_place,
    grounding,
    heading,
    left_out,
    mark,
    nothing,
    numbered,
    origin,
    place,
    quotable,
    running,
    unsupported,
)
from infinisum.lines import one_line
from infinisum.summary.summary import Passage, Person, Place, Summary, WrittenSentence

WIDTH = 80


def to_text(summary: Summary) -> str:
    """A summary as plain text."""
    blocks = [_wrapped(summary.title.upper())]
    if summary.author:
        blocks.append(_wrapped(f"by {summary.author}"))
    blocks.append(_wrapped(facts(summary)))
    if summary.part:
        blocks.append(_wrapped(summary.part))
    if summary.text or summary.passages:
        blocks += [_ruled("Summary"), *_book(summary)]
    if summary.making.level != "book":
        blocks.append(_ruled("Chapter by chapter"))
        for chapter in summary.chapters:
            blocks.append(_wrapped(" · ".join([*chapter.parts, heading(chapter)])))
            blocks += _written(chapter.text, chapter.sentences, with_chapter=False)
            blocks += _quotation(chapter.passages)
            if not chapter.running_text:
                blocks.append(nothing(chapter))
    if summary.people or summary.places:
        blocks.append(_ruled("People"))
        blocks += [_named(person, company(person)) for person in summary.people[:PEOPLE_SHOWN]]
        blocks += ["Places:"] if summary.places else []
        blocks += [_named(found) for found in summary.places[:PLACES_SHOWN]]
    blocks += [_ruled("How well is this grounded"), _wrapped(origin(summary))]
    blocks += [_wrapped(f"{what}: {line}") for what, line in grounding(summary)]
    missing = unsupported(summary)
    if missing:
        blocks.append("Sentences without support in the book:")
        blocks += [_wrapped(text, indent="    ") for text in missing]
    tenths = coverage(summary)
    if tenths:
        shares = ", ".join(f"{name}: {share}" for name, share in tenths)
        blocks.append(_wrapped(f"Where in the book the quoted words stand: {shares}."))
    for rouge in summary.rouge:
        figures = f"{rouge.rouge1:.1f} / {rouge.rouge2:.1f} / {rouge.rouge_l:.1f}"
        blocks.append(
            _wrapped(
                f"ROUGE-1/2/L against the reference ({rouge.level}, {rouge.texts}; F1, no stemmer,"
                f" L without sentences): {figures}, geometric mean {rouge.mean:.1f}"
            )
        )
    if summary.left_out:
        blocks += [_ruled("Left out of the source"), *map(_wrapped, left_out(summary))]
    return "\n\n".join(blocks) + "\n"


def _book(summary: Summary) -> list[str]:
    blocks = _written(summary.text, summary.sentences, with_chapter=True)
    if summary.sentences:
        blocks.append(_wrapped(f"{MARKS}."))
    if summary.passages:
        titles = {chapter.number: chapter.title for chapter in summary.chapters}
        blocks.append(f"{OWN_WORDS}; ¶ is the paragraph of the chapter:")
        for number, passages in by_chapter(summary.passages):
            title = numbered(number, titles.get(number, ""))
            blocks.append(_wrapped(f"{title} — {running(passages)}", indent="    "))
    return blocks


def _quotation(passages: Sequence[Passage]) -> list[str]:
    return [
        "\n".join(
            _wrapped(line, indent="    ")
            for line in f"{quotable(passage.text)} ({place(passage)})".split("\n")
        )
        for passage in passages
    ]


def _written(text: str, sentences: Sequence[WrittenSentence], *, with_chapter: bool) -> list[str]:
    """What the model wrote, each sentence with its evidence where that was looked for."""
    if not sentences:
        return [_wrapped(paragraph) for paragraph in text.split("\n") if paragraph.strip()]
    marked = (f"{one_line(s.text)} ({mark(s, with_chapter=with_chapter)})" for s in sentences)
    return [_wrapped(" ".join(marked))]


def _named(found: Person | Place, company: str = "") -> str:
    others = also(found)
    line = found.name + (f" ({others})" if others else "")
    line += f": {counted(found.mentions, 'mention')}, first in {first_place(found)}"
    return _wrapped(line + (f"; most often with {company}" if company else ""), indent="    ")


def _ruled(title: str) -> str:
    return f"{title}\n{'-' * len(title)}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(  # breaks at ordinary spaces only
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
