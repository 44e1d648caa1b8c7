"""The same book as text and as PDF: plays in tables, epilogues in chapters, lines of dialogue."""

from __future__ import annotations

import pytest

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.chapters import keep_body
from infinisum.books.marks import without_stuck_marks
from infinisum.books.pdf_furniture import remove_running_heads
from infinisum.books.pdf_lines import Line, Page
from infinisum.books.text import read_text

PLAY = """\
Act I

Scene I

The quay at night. A lamp burns low.

+----------------------+----------------------+
|                      | Enter Mira and the   |
|                      | keeper.              |
+----------------------+----------------------+
| Mira                 | The lamp is out, the |
|                      | oil is low,          |
|                      | And no one comes     |
|                      | along the shore to   |
|                      | know;                |
|                      | The gulls are gone.  |
+----------------------+----------------------+
| Old Tom              | Who calls so late at |
|                      | night upon the       |
|                      | stair?               |
+----------------------+----------------------+
| Mira                 | A friend.            |
+----------------------+----------------------+

Act II

Scene I

+----------------------+----------------------+
| Old Tom              | I know no friends.   |
+----------------------+----------------------+
"""
SENTENCE = "The boat went out at night and nobody on the quay said a word about it to the keeper."


def read(text: str) -> Book:
    return read_text(text.encode(), "book.txt")


def paragraphs(chapter: Chapter) -> list[str]:
    return [paragraph.text for paragraph in chapter.paragraphs]


def test_a_play_in_grid_tables_reads_as_a_play() -> None:
    book = read(PLAY)
    assert [chapter.title for chapter in book.chapters] == ["Act I", "Act II"]
    assert paragraphs(book.chapters[0]) == [
        "Scene I",
        "The quay at night. A lamp burns low.",
        "Enter Mira and the keeper.",
        "MIRA: The lamp is out, the oil is low,\nAnd no one comes along the shore to know;\n"
        "The gulls are gone.",
        "OLD TOM: Who calls so late at night upon the stair?",
        "MIRA: A friend.",
    ]
    assert paragraphs(book.chapters[1]) == ["Scene I", "OLD TOM: I know no friends."]


def test_first_cells_that_do_not_come_again_are_no_speakers() -> None:
    table = "+------+------+\n| Oil  | low  |\n+------+------+\n| Rope | wet  |\n+------+------+\n"
    book = read(f"{SENTENCE}\n\n{table}\n{SENTENCE} | Or so they say | he wrote.\n")
    assert paragraphs(book.chapters[0]) == [
        SENTENCE, "Oil: low", "Rope: wet", f"{SENTENCE} | Or so they say | he wrote."
    ]  # fmt: skip


@pytest.mark.parametrize("table", ["+--+--+", "+--+--+\n|", "+--+--+\n||\n|a|b|c|d|\n|"])
def test_a_table_cut_off_is_text_or_nothing(table: str) -> None:
    book = read(f"{SENTENCE}\n\n{table}")
    assert book.chapters[0].paragraphs[0].text == SENTENCE
    assert not any("+--" in text for text in paragraphs(book.chapters[0]))


def numbered(count: int) -> list[str]:
    return [line for n in range(count) for line in (("I", "II", "III", "IV")[n], *[SENTENCE] * 3)]


def test_an_epilogue_with_chapters_of_its_own_stands_above_them() -> None:
    lines = ["Book I", *numbered(3), "Book II", *numbered(2), "Epilogue", "First Epilogue"]
    lines += ["1813–20", *numbered(3), "Second Epilogue", *numbered(2)]
    book = read("\n\n".join(lines))
    assert [(chapter.parts, chapter.title) for chapter in book.chapters] == [
        *((("Book I",), title) for title in ("I", "II", "III")),
        *((("Book II",), title) for title in ("I", "II")),
        *((("Epilogue", "First Epilogue: 1813–20"), title) for title in ("I", "II", "III")),
        *((("Epilogue", "Second Epilogue"), title) for title in ("I", "II")),
    ]


def test_an_epilogue_of_text_is_a_chapter_and_an_interlude_ends_where_parts_go_on() -> None:
    lines = ["Part I", *numbered(3), "Interlude", *numbered(2), "Part II", *numbered(2)]
    book = read("\n\n".join([*lines, "Epilogue", SENTENCE, SENTENCE]))
    parts = [chapter.parts for chapter in book.chapters]
    assert parts[:7] == [("Part I",)] * 3 + [("Interlude",)] * 2 + [("Part II",)] * 2
    assert book.chapters[7].title == "Epilogue"


def test_a_closing_note_is_a_chapter() -> None:
    lines = [
        *numbered(4),
        "Note",
        "Seven winters have passed since then.",
        "Colophon",
        "Set by me.",
    ]
    book = read("\n\n".join(lines))
    assert [chapter.title for chapter in book.chapters] == ["I", "II", "III", "IV", "Note"]
    assert paragraphs(book.chapters[-1]) == ["Seven winters have passed since then."]


def test_a_line_note_in_the_middle_is_none() -> None:
    lines = numbered(4)
    book = read("\n\n".join([*lines[:5], "Note", *lines[5:]]))
    assert [chapter.title for chapter in book.chapters] == ["I", "II", "III", "IV"]
    assert "Note" in paragraphs(book.chapters[1])


def test_stuck_marks_behind_several_stops_go() -> None:
    texts = ("He came…1 at last.", "They ran (to Ulm).”2 So they said.", "No more.3 The end.")
    chapters = [Chapter("I", tuple(map(Paragraph, texts)))]
    for noted in (True, False):
        (chapter,), marks = without_stuck_marks(chapters, noted=noted)
        assert marks == 3
        assert paragraphs(chapter) == [
            "He came… at last.", "They ran (to Ulm).” So they said.", "No more. The end."
        ]  # fmt: skip


@pytest.mark.parametrize(("noted", "marks"), [(True, 3), (False, 0)])
def test_numbers_behind_letters_are_marks_only_where_there_are_notes(
    noted: bool, marks: int
) -> None:
    texts = ("Turn the key1 twice.", "The second lock2 is rusty.", "Leave by the door.3")
    given = [Chapter("I", tuple(map(Paragraph, texts)))]
    (chapter,), found = without_stuck_marks(given, noted=noted)
    assert found == marks
    assert paragraphs(chapter)[0] == ("Turn the key twice." if noted else texts[0])


@pytest.mark.parametrize(("before", "gone"), [("Preface", True), ("", False)])
def test_a_letter_behind_a_preface_is_front_matter(before: str, gone: bool) -> None:
    def chapter(title: str, words: int) -> Chapter:
        return Chapter(title, (Paragraph("word " * words),))

    front = [chapter(before, 200)] if before else []
    body = [chapter(number, 1000) for number in ("I", "II", "III", "IV", "V")]
    kept, _ = keep_body([*front, chapter("Letter from a Friend of the Keeper", 200), *body])
    assert (kept[0].title == "I") == gone


def letters_of(number: int) -> str:
    return "".join(chr(ord("g") + int(digit)) for digit in str(number))


def spoken_page(number: int, last: str, head: str = "") -> Page:
    lines = [(head, 800.0)] if head else []
    lines += [(f"{SENTENCE} {letters_of(number * 34 + n)}.", 780.0 - 20 * n) for n in range(34)]
    lines.append((last, 80.0))
    return Page(number, [Line(text, 56, 300, y, 12, False, number) for text, y in lines])


def test_lines_of_dialogue_that_come_again_in_a_long_book_are_no_running_heads() -> None:
    said = ["“Yes.”", "“He was wealthy once?”", "“Who arrested you?”", "“It was.”", "“Ah!”"]
    pages = [
        spoken_page(n, said[(n * 7 + n // 40) % 5] if n % 9 == 0 else "on") for n in range(400)
    ]
    for page in pages:
        page.lines = [line for line in page.lines if line.text != "on"]
    before = sum(len(page.lines) for page in pages)
    assert remove_running_heads(pages) == 0
    assert sum(len(page.lines) for page in pages) == before


def test_running_heads_of_a_long_book_go() -> None:
    pages = [
        spoken_page(n, letters_of(n), f"Chapter {n // 20}" if n % 2 else "Harbours")
        for n in range(400)
    ]
    remove_running_heads(pages)
    assert [len(page.lines) for page in pages] == [35] * 400
