"""BookSum as its repository lays it out, with what is odd about real checkouts of it."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infinisum.datasets import Document, Missing, read_documents, scan
from infinisum.errors import NotFoundError
from tests.datasets.samples import (
    MACHINE,
    SAMPLE,
    book_alignment,
    chapter_alignment,
    text_of,
    write_alignment,
    write_files,
    write_lines,
)


def test_the_sample_of_the_project_is_a_tree() -> None:
    documents = list(read_documents(SAMPLE))
    assert Counter((d.split, d.level) for d in documents) == {
        ("train", "chapter"): 9,
        ("validation", "chapter"): 3,
        ("validation", "book"): 1,
        ("test", "chapter"): 2,
    }
    assert {d.title for d in documents} == {"The Tide Ledger"}
    # Its rows hold the same texts; the tree has them hard-wrapped.
    rows = {
        row["text"]
        for line in (SAMPLE / "train.jsonl").read_text(encoding="utf-8").splitlines()
        for row in [json.loads(line)]
    }
    plain = {" ".join(text.split()) for text in rows}
    assert {" ".join(d.text.split()) for d in documents if d.split == "train"} == plain
    assert not any("\n" in paragraph for paragraph in documents[-1].text.split("\n\n"))


@pytest.mark.parametrize(("split", "level", "count"), [("train", "", 9), ("", "book", 1)])
def test_split_and_level_choose(split: str, level: str, count: int) -> None:
    documents = list(read_documents(SAMPLE, split, level))
    assert len(documents) == count
    assert all(d.split == (split or d.split) and d.level == (level or d.level) for d in documents)


@pytest.mark.parametrize("base", ["", "scripts"])
def test_paths_of_the_machine_that_made_the_alignments(tmp_path: Path, base: str) -> None:
    row = chapter_alignment("77", "Winesburg, Ohio & Co.", "gradesaver", 3)
    write_alignment(tmp_path, "validation", [row], "chapter")
    write_files(tmp_path / base, row, text_of("Ada"), ["Ada rows out.", "", "She comes  home."])
    assert row["chapter_path"].startswith(MACHINE)
    (document,) = read_documents(tmp_path)
    assert document.title == "Winesburg, Ohio & Co."
    assert document.text == text_of("Ada")
    assert document.summary == "Ada rows out.\n\nShe comes home."
    assert (document.source, document.split, document.level) == (
        "gradesaver",
        "validation",
        "chapter",
    )
    assert read_documents(tmp_path / "alignments").__next__().text == document.text


def test_several_summaries_are_several_documents_and_aggregates_are_told(tmp_path: Path) -> None:
    rows = [chapter_alignment("7", "A", source, 1) for source in ("shmoop", "sparknotes")]
    rows.append({**chapter_alignment("7", "A", "shmoop", 2), "is_aggregate": True})
    write_alignment(tmp_path, "train", rows, "chapter")
    for row in rows:
        write_files(tmp_path, row, text_of("Ada"), [f"So says {row['source']}."])
    documents = list(read_documents(tmp_path))
    assert [d.source for d in documents] == ["shmoop", "sparknotes", "shmoop"]
    assert [d.aggregate for d in documents] == [False, False, True]
    assert len({d.id for d in documents}) == 3


def test_an_overview_has_either_ending(tmp_path: Path) -> None:
    row = book_alignment("7", "A", "gradesaver", "json")
    write_alignment(tmp_path, "train", [row], "book")
    write_files(tmp_path, {**row, "summary_path": row["summary_path"][:-4] + "txt"}, "Ada.", ["B."])
    (document,) = read_documents(tmp_path)
    assert (document.level, document.summary) == ("book", "B.")


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (json.dumps({"summary": "One.<PARAGRAPH>Two."}), "One.\n\nTwo."),
        (json.dumps({"summary": []}), ""),
        (json.dumps({"summary": None}), ""),
        ("Plain text, no JSON.", "Plain text, no JSON."),
    ],
)
def test_summaries_before_and_after_the_scripts(tmp_path: Path, content: str, summary: str) -> None:
    row = chapter_alignment("7", "A", "shmoop", 1)
    write_alignment(tmp_path, "train", [row], "chapter")
    write_files(tmp_path, row, text_of("Ada"), [])
    (tmp_path / row["summary_path"].removeprefix(MACHINE + "/")).write_text(content)
    (found,) = scan(tmp_path)
    assert isinstance(found, Document)
    assert found.summary == summary


def test_text_in_a_windows_code_page(tmp_path: Path) -> None:
    row = chapter_alignment("7", "A", "shmoop", 1)
    write_alignment(tmp_path, "train", [row], "chapter")
    write_files(tmp_path, row, "x", ["B."])
    place = tmp_path / row["chapter_path"].removeprefix(MACHINE + "/")
    place.write_bytes("“Où est le café?” asked Zoë – once.".encode("cp1252"))
    (document,) = read_documents(tmp_path)
    assert document.text == "“Où est le café?” asked Zoë – once."


def test_accents_that_macos_has_taken_apart(tmp_path: Path) -> None:
    row = chapter_alignment("7", "Les Misérables", "shmoop", 1)
    write_alignment(tmp_path, "train", [row], "chapter")
    apart = {**row, "summary_path": unicodedata.normalize("NFD", row["summary_path"])}
    write_files(tmp_path, apart, text_of("Ada"), ["B."])
    assert len(list(read_documents(tmp_path))) == 1


def test_missing_and_broken_files_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    rows = [chapter_alignment("7", "A", "shmoop", number) for number in range(4)]
    rows.append({**rows[0], "chapter_path": f"{MACHINE}/all_chapterized_books/../../etc/passwd"})
    write_alignment(tmp_path, "train", rows, "chapter")
    for row in rows[:3]:
        write_files(tmp_path, row, text_of("Ada"), ["B."])
    chapters = tmp_path / "all_chapterized_books" / "7-chapters"
    (chapters / "00.txt").unlink()
    broken = tmp_path / rows[1]["summary_path"].removeprefix(MACHINE + "/")
    broken.write_text('{"name": "x", "summ')
    found = list(scan(tmp_path))
    assert [type(f) for f in found] == [Missing, Missing, Document, Missing, Missing]
    assert [f.reason for f in found if isinstance(f, Missing)] == [
        "missing text file",
        "unreadable file",
        "missing text file",
        "missing text file",
    ]
    assert [d.id for d in read_documents(tmp_path)] == [
        "booksum-chapter-train-7-shmoop-section_2_part_0"
    ]


def gathered(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {**row, "text": [f"{name} went.", "And came."], "summary": [f"{name} moves.", "Twice."]}


def test_what_is_missing_comes_from_the_gathered_file(tmp_path: Path) -> None:
    rows = [chapter_alignment("7", "A", "shmoop", number) for number in range(3)]
    path = write_alignment(tmp_path, "train", rows, "chapter")
    write_files(tmp_path, rows[0], text_of("Ada"), ["B."])
    write_lines(path.with_name(path.name + ".gathered"), [gathered(r, "Cy") for r in rows[:2]])
    found = list(scan(tmp_path))
    texts = [f.text for f in found if isinstance(f, Document)]
    assert texts == [text_of("Ada"), "Cy went.\n\nAnd came."]
    assert isinstance(found[2], Missing)
    path.unlink()  # the gathered file alone will do
    documents = list(read_documents(tmp_path))
    assert [d.summary for d in documents] == ["Cy moves. Twice."] * 2


def test_nothing_usable_names_the_first_missing_files_and_how_many(tmp_path: Path) -> None:
    rows = [chapter_alignment("7", "A", "shmoop", number) for number in range(5)]
    write_alignment(tmp_path, "train", rows, "chapter")
    with pytest.raises(NotFoundError) as caught:
        list(read_documents(tmp_path, "train"))
    assert "5 missing files: all_chapterized_books/7-chapters/00.txt" in caught.value.message
    assert "03.txt" not in caught.value.message
    assert caught.value.exit_status == 4
    (tmp_path / "all_chapterized_books.zip").write_bytes(b"PK")
    with pytest.raises(NotFoundError, match=r"Unpack .*all_chapterized_books\.zip"):
        list(read_documents(tmp_path, "train"))
