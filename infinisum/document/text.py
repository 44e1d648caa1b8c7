"""The plain text form, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from infinisum.document.phrases import (
    OWN_WORDS,
    by_chapter,
    coverage,
    facts,
    grounding,
    heading,
    left_out,
    nothing,
    numbered,
    origin,
    place,
    quotable,
    running,
)
from infinisum.summary.summary import Passage, Summary

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
            blocks += [*_paragraphs(chapter.text), *_quotation(chapter.passages)]
            if not chapter.running_text:
                blocks.append(nothing(chapter))
    blocks += [_ruled("How well is this grounded"), _wrapped(origin(summary))]
    blocks += [_wrapped(f"{what}: {line}") for what, line in grounding(summary)]
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
    blocks = _paragraphs(summary.text)
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


def _paragraphs(text: str) -> list[str]:
    return [_wrapped(paragraph) for paragraph in text.split("\n") if paragraph.strip()]


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
