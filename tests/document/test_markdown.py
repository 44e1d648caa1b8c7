from __future__ import annotations

import re
from dataclasses import replace

import pytest

from infinisum.document.anchors import heading_anchors
from infinisum.document.markdown import escape, to_markdown
from infinisum.summary.summary import ChapterSummary, Grounding
from tests.document.samples import passage, sample, written


def test_the_form_of_the_contract() -> None:
    lines = to_markdown(sample()).splitlines()
    headings = [line for line in lines if line.startswith("#")]
    assert headings == [
        "# The Small Harbour",
        "## Summary",
        "## Chapter by chapter",
        "### 1 · The Quay",
        "### Chapter 2",
        "## People",
        "## How well is this grounded",
        "## Left out of the source",
    ]
    assert (
        "> 12,345 words · 2 chapters · memory 8.1 MB whatever the length · model base 0.1, seed 0"
    ) in lines


def test_every_quotation_carries_its_place() -> None:
    text = to_markdown(sample())
    assert "> **[1 · The Quay](#1--the-quay)** — She waited. (¶\u00a03)" in text
    assert "> **[Chapter 2](#chapter-2)** — He came. (¶\u00a04, p.\u00a09)" in text
    assert "> A. (¶\u00a01)" in text


def test_grounding_says_what_was_not_found() -> None:
    text = to_markdown(sample())
    assert "3 of the 4 in the written text occur in the book (75 %). Not found: Harry." in text
    assert "Of 3 drafts of the model 1 read badly" in text
    assert "| book (1) | 40.0 | 8.8 | 17.9 | 18.5 |" in text
    assert "| 20–30 % |" in text
    assert "- Imprint (imprint, 120 words)" in text


def test_a_summary_of_quotations_claims_nothing_else() -> None:
    making = replace(sample().making, drafts_written=0, drafts_hidden=0, method="extractive")
    text = to_markdown(sample(text="", making=making))
    assert "Everything above is quoted from the book, word for word." in text
    assert "Names" not in text


def test_level_book_has_no_chapters() -> None:
    making = replace(sample().making, level="book")
    text = to_markdown(sample(making=making))
    assert "## Chapter by chapter" not in text
    assert "**1 · The Quay**" in text
    assert "Anna waits. (1\u00a0¶\u00a03) " in text  # no heading that a link could lead to
    assert "](#" not in text


def test_parts_stand_above_their_first_chapter() -> None:
    lines = to_markdown(sample()).splitlines()
    assert lines.index("**Part One**") < lines.index("### 1 · The Quay")
    assert lines.index("### 1 · The Quay") < lines.index("**Part Two**")


@pytest.mark.parametrize(
    "text",
    [
        "# no heading",
        "- no list",
        "+ no list",
        "1. no list",
        "2) no list",
        "> no quotation",
        "*no stress* and _none_ here",
        "[no](link) ![no](picture)",
        "<script>alert(1)</script>",
        "a | b",
        "`no code`",
        "~~not struck~~",
        "===",
        "---",
        "a &lt; b &amp; c",
        r"back\slash \* here",
        "first line\n# second line\n- third",
        "costs $5, then $6",
    ],
)
def test_text_of_a_book_does_not_change_the_structure(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")  # a dependency of rich
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children
    assert {child.type for child in children} <= {"text", "text_special", "softbreak"}
    shown = "".join("\n" if child.type == "softbreak" else child.content for child in children)
    assert shown == text


def test_escape_codes_and_markup_in_titles_are_harmless() -> None:
    chapter = ChapterSummary(1, "A *bold* # title #", (), 10, "", (passage("x"),))
    text = to_markdown(sample(title="The [Sea]\n# Two", chapters=(chapter,)))
    assert "# The \\[Sea\\] # Two" in text.splitlines()
    assert "### 1 · A \\*bold\\* # title \\#" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("“Yes.", "“Yes.”"),
        ("I will.”", "“I will.”"),
        ("“Yes,” she said.", "“Yes,” she said."),
        ('"Yes.', '"Yes."'),
        ('I will."', '"I will."'),
    ],
)
def test_a_sentence_out_of_a_speech_gets_its_other_mark(text: str, shown: str) -> None:
    assert f"** — {shown} (¶\u00a01)" in to_markdown(sample(passages=(passage(text),)))


def test_a_title_that_is_a_number_alone() -> None:
    chapters = (ChapterSummary(1, "I", (), 9), ChapterSummary(2, "IV.", (), 9))
    lines = to_markdown(sample(chapters=chapters)).splitlines()
    assert "### Chapter I" in lines
    assert "### 2 · Chapter IV." in lines


def test_verse_keeps_its_lines() -> None:
    chapter = ChapterSummary(1, "Song", (), 10, "", (passage("One line,\n  and two."),))
    assert "> One line,\\\n> and two. (¶\u00a01)" in to_markdown(sample(chapters=(chapter,)))


def test_chapters_without_a_summary_say_why() -> None:
    chapters = (ChapterSummary(1, "Title", (), 0), ChapterSummary(2, "Other", (), 10))
    text = to_markdown(sample(chapters=chapters))
    assert "There is no text under this title." in text
    assert "Nothing was written here." in text


def test_every_written_sentence_leads_to_its_evidence_or_is_marked() -> None:
    text = to_markdown(sample())
    mark = "[1\u00a0¶\u00a03](#1--the-quay)"
    assert f"Anna waits. ({mark}) Hale returns. (*unsupported*)" in text
    assert (
        "Anna waits. (¶\u00a03, p.\u00a07)" in text
    )  # under its chapter the paragraph says enough
    assert "the book supports 2 of the 3 written ones (67 %)" in text
    assert "Sentences without support in the book:\n\n- Hale returns." in text


def test_without_evidence_the_text_stands_alone() -> None:
    plain = replace(sample().chapters[0], sentences=())
    grounding = Grounding(4, 2, (), (), (0,) * 10)
    text = to_markdown(sample(sentences=(), chapters=(plain,), grounding=grounding))
    assert "\nAnna waits. Hale returns.\n" in text
    assert "unsupported" not in text
    assert "No evidence was looked for." in text


def test_people_and_places_with_first_place_and_count() -> None:
    lines = to_markdown(sample()).splitlines()
    first, second = "[1\u00a0¶\u00a02](#1--the-quay)", "[2\u00a0¶\u00a04](#chapter-2)"
    assert f"| **Anna Brook** (Anna, Miss Brook) | 1,200 | {first} | Hale (31) |" in lines
    assert f"| **Hale** | 1 | {second} | Anna Brook (31) |" in lines
    assert "| **the Quay** (Quay) | 12 | [2\u00a0¶\u00a01](#chapter-2) |" in lines


def test_text_of_a_book_stays_text_in_sentences_and_names() -> None:
    person = replace(sample().people[0], name="A | *B*", variants=("[x](y)",), together=())
    sentences = (written("See [this](that) | or *that*."),)
    text = to_markdown(sample(people=(person,), sentences=sentences))
    assert "| **A \\| \\*B\\*** (\\[x\\](y)) | 1,200 |" in text
    assert "See \\[this\\](that) \\| or \\*that\\*. ([1\u00a0¶\u00a03]" in text


@pytest.mark.parametrize(
    ("headings", "anchors"),
    [
        (["1 · The Quay"], ["1--the-quay"]),
        (["Chapter IV."], ["chapter-iv"]),
        (["What's *this*, then?"], ["whats-this-then"]),
        (["3 · Ärger über_alles — 1866"], ["3--ärger-über_alles--1866"]),
        (["第一章 狂人"], ["第一章-狂人"]),
        (["I", "I", "I-1", "I"], ["i", "i-1", "i-1-1", "i-2"]),
    ],
)
def test_anchors_are_those_of_renderers(headings: list[str], anchors: list[str]) -> None:
    assert heading_anchors(headings) == anchors


def test_links_lead_to_headings_of_the_document() -> None:
    chapters = tuple(
        ChapterSummary(n, title, (), 9, "", (passage("x", n),))
        for n, title in enumerate(("Summary", "Chapter 1", "Chapter 1", "The *Sea* [again]"), 1)
    )
    text = to_markdown(
        sample(
            title="Summary",
            chapters=chapters,
            passages=tuple(p for c in chapters for p in c.passages),
        )
    )
    headings = [
        re.sub(r"\\(.)", r"\1", line.lstrip("#").strip())
        for line in text.splitlines()
        if line.startswith("#")
    ]
    anchors = heading_anchors(headings)
    links = re.findall(r"> \*\*\[.*?\]\(#(.*?)\)\*\*", text)
    assert links == anchors[3:7]
