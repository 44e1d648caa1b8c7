from __future__ import annotations

from dataclasses import replace

import pytest

from infinisum.document.markdown import escape, to_markdown
from infinisum.summary.summary import ChapterSummary
from tests.document.samples import passage, sample


def test_the_form_of_the_contract() -> None:
    lines = to_markdown(sample()).splitlines()
    headings = [line for line in lines if line.startswith("#")]
    assert headings == [
        "# The Small Harbour",
        "## Summary",
        "## Chapter by chapter",
        "### 1 · The Quay",
        "### Chapter 2",
        "## How well is this grounded",
        "## Left out of the source",
    ]
    assert (
        "> 12,345 words · 2 chapters · memory 8.1 MB whatever the length · model base 0.1, seed 0"
    ) in lines


def test_every_quotation_carries_its_place() -> None:
    text = to_markdown(sample())
    assert "> **1 · The Quay** — She waited. (¶\u00a03)" in text
    assert "> **Chapter 2** — He came. (¶\u00a04, p.\u00a09)" in text
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
    assert f"> **1 · The Quay** — {shown} (¶\u00a01)" in to_markdown(
        sample(passages=(passage(text),))
    )


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
