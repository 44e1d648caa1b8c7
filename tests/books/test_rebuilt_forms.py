"""What other tools make of a book: pandoc's Markdown and EPUB, a typesetter's PDF."""

from __future__ import annotations

import pytest

from infinisum.books.book import Chapter, Paragraph
from infinisum.books.chapters import keep_body
from infinisum.books.epub import read_epub
from infinisum.books.markdown import read_markdown
from infinisum.books.markdown_tables import grid_rows
from infinisum.books.pdf import read_pdf
from infinisum.books.text import read_text

from .make_epub import link, make_epub, nav, page, prose
from .pdf_writer import LEADING, MARGIN, Sheet

PROSE = "The boat went out at night and nobody on the quay said a word about it to the keeper."

PLAY = """\
::: {#imprint.xhtml#imprint .section .imprint}
## Imprint

Printed on the island by [hand](http://example.org){.link}.
:::

::: {#dedication .section .dedication}
To the [gulls]{.i1}.
:::

::: {#act-1 .section .chapter}
## [Act]{.label} [I]{.ordinal .roman}

### [Scene]{.label} [I]{.ordinal .roman}

The quay. *Enter* [Mira]{.persona}.

+--------------------+--------------------------+
| Mira               | The lamp is out,\\        |
|                    | [the oil is low]{.i1}.   |
+--------------------+--------------------------+
|                    | *She listens.*           |
+--------------------+--------------------------+
| Old Tom            | [Who [is]{.em}]{.i1}     |
|                    | there?                   |
+--------------------+--------------------------+

### [Scene]{.label} [II]{.ordinal .roman}

The same.
:::

::: {#act-2 .section .chapter}
## [Act]{.label} [II]{.ordinal .roman}

### [Scene]{.label} [I]{.ordinal .roman}

The rocks.
:::
"""


def test_a_play_in_pandocs_markdown() -> None:
    book = read_markdown(PLAY.encode(), "play.md")
    assert [chapter.title for chapter in book.chapters] == ["Act I", "Act II"]
    assert [item.reason for item in book.left_out] == ["imprint"]
    assert [paragraph.text for paragraph in book.chapters[0].paragraphs] == [
        "Scene I",
        "The quay. Enter Mira.",
        "Mira: The lamp is out,\nthe oil is low.",
        "She listens.",
        "Old Tom: Who is there?",
        "Scene II",
        "The same.",
    ]


def test_rows_of_a_grid_table_with_wide_characters() -> None:
    lines = ["+----+------+", "| 가나 | 다라마 |", "|    | b    |", "+----+------+"]
    assert list(grid_rows(lines)) == [[[" 가나", ""], [" 다라마", " b"]]]


def test_braces_and_colons_of_the_author_stay() -> None:
    text = "# One {#one .chapter}\n\nHe wrote {x} and [y] : and went.\n\n:::\n\n# Two\n\nIt ended."
    book = read_markdown(text.encode(), "book.md")
    assert [chapter.title for chapter in book.chapters] == ["One", "Two"]
    assert book.chapters[0].text == "He wrote {x} and [y] : and went."


def test_titles_below_the_bare_numbers_of_an_epubs_contents() -> None:
    names = {"I": "The Quay", "II": "The Lamp", "III": "The Rope"}
    text = "".join(
        f'<h2 id="c{number}">{number}</h2><p>{title}</p>{prose(title)}'
        for number, title in names.items()
    )
    lines = "".join(link(f"all.xhtml#c{number}", number) for number in names)
    chapters = read_epub(make_epub({"all.xhtml": page(text)}, nav_page=nav(lines)), "x").chapters
    assert [chapter.title for chapter in chapters] == [f"{n}: {t}" for n, t in names.items()]
    assert all("went by the harbour" in chapter.paragraphs[0].text for chapter in chapters)


def test_dates_below_the_bare_numbers_of_an_epubs_contents_stay_text() -> None:
    text = "".join(
        f'<h2 id="c{number}">{number}</h2><p>{below}</p>{prose(number)}'
        for number, below in (("I", "May 3, at sea."), ("II", "Nobody came."), ("III", "Home"))
    )
    lines = "".join(link(f"all.xhtml#c{number}", number) for number in ("I", "II", "III"))
    chapters = read_epub(make_epub({"all.xhtml": page(text)}, nav_page=nav(lines)), "x").chapters
    assert [chapter.title for chapter in chapters] == ["I", "II", "III"]
    assert chapters[2].paragraphs[0].text == "Home"


def chapters_of(*titles: str, words: int = 100, first: int = 10) -> list[Chapter]:
    """Chapters of `words` words each, the first of `first`."""
    return [
        Chapter(title, (Paragraph(f"{title} word" + " word" * (words if at else first)),))
        for at, title in enumerate(titles)
    ]


NUMBERED = tuple(f"{number}: Title" for number in ("I", "II", "III", "IV", "V", "VI"))


@pytest.mark.parametrize("title", ["Etymology", "A Note on the Maps", "SUPPLIED BY A LIBRARIAN"])
def test_unnumbered_lists_before_chapter_one_are_front_matter(title: str) -> None:
    kept, left_out = keep_body(chapters_of(title, *NUMBERED))
    assert [chapter.title for chapter in kept] == list(NUMBERED)
    assert [(item.what, item.reason) for item in left_out] == [(title, "front matter")]


@pytest.mark.parametrize(
    "chapters",
    [
        chapters_of("Prologue", *NUMBERED),
        chapters_of("Letter I", *NUMBERED),
        chapters_of("Home", *NUMBERED, first=100),  # a seventh of the book is no list
        chapters_of("Home", *NUMBERED[1:]),  # does not begin with I
        chapters_of("Home", "The Sea", "The Rope", "I", "II"),
        chapters_of(*NUMBERED, "Afterthoughts"),
    ],
    ids=["prologue", "letter", "long", "no first", "few", "after"],
)
def test_other_unnumbered_chapters_stay(chapters: list[Chapter]) -> None:
    assert [chapter.title for chapter in keep_body(chapters)[0]] == [c.title for c in chapters]


def test_bare_titles_are_found_beside_an_imprint_and_a_colophon() -> None:
    names = ("The Quay", "The Lamp", "The Rope", "The Rocks")
    body = "\n\n".join(
        "\n\n".join([name, *(f"{PROSE} It was the {n}th time." for n in range(300))])
        for name in names
    )
    text = f"Imprint\n\nPrinted by nobody.\n\nPart I\n\n{body}\n\nColophon\n\nSet by hand.\n"
    book = read_text(text.encode(), "book.txt")
    assert [chapter.title for chapter in book.chapters] == list(names)


def test_lines_of_contents_with_leaders_that_come_again() -> None:
    sheet = Sheet(numbers=False)
    sheet.heading("Contents")
    for act, first in (("Act I", 3), ("Act II", 9)):
        for title, number in ((act, first), ("Prologue", first), ("Scene I", first + 2)):
            sheet.line(f"{title} . . . . . . . . . . . . . . . . {number}")
    speakers = "Ada Ben Cy Dot Eve Fay Gus Hal Ida Joe Kit Lea Mac Nan Oda Pat"
    names = iter(speakers.split())
    for act in ("Act I", "Act II"):
        sheet.new_page()
        sheet.heading(act)
        for _ in range(8):
            name = next(names)
            sheet.paragraph(f"{name} spoke first. {PROSE.replace('nobody', f'not even {name}')}")
    book = read_pdf(sheet.bytes(), "play.pdf")
    assert [chapter.title for chapter in book.chapters] == ["Act I", "Act II"]
    assert "Scene" not in book.chapters[0].text
    assert {item.reason for item in book.left_out} >= {"contents"}


def test_a_block_that_runs_off_the_page_is_read_to_its_end() -> None:
    sheet = Sheet(numbers=False)
    sheet.heading("Chapter I")
    sheet.y = MARGIN
    lines = [f"line {number} of a speech that no page could hold" for number in range(9)]
    for text in lines:
        sheet.canvas.setFont("Times-Roman", 11)
        sheet.canvas.drawString(MARGIN, sheet.y, text)
        sheet.y -= LEADING
    sheet.canvas.drawString(MARGIN, sheet.y - 60, "Printer's mark, sheet 4")
    sheet.new_page()
    sheet.paragraph(PROSE)
    text = " ".join(chapter.text for chapter in read_pdf(sheet.bytes(), "book.pdf").chapters)
    assert all(line in " ".join(text.split()) for line in lines)
    assert "Printer" not in text
