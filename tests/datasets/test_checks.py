"""What is refused of a data set, and what is told of it before training."""

from __future__ import annotations

import json
import lzma
from itertools import islice
from pathlib import Path

import pytest

from infinisum.datasets import Document, Missing, read_documents
from infinisum.datasets.checks import LEAST_OVERLAP, name_overlap, refusal
from infinisum.datasets.report import ReadReport
from infinisum.errors import InputError
from infinisum.training.datasets import read_rows
from tests.datasets.samples import (
    chapter_alignment,
    text_of,
    write_alignment,
    write_files,
    write_lines,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
TEXT = (
    "Ada Quill rowed out past the mole to meet Tom Sayle, who had the lamp. "
    "In Orsey nobody asked. Captain Brand wrote the tide down, as he did."
)


def document(text: str = TEXT, summary: str = "Ada rows.", **fields: object) -> Document:
    values = {"id": "x", "title": "T", "level": "chapter", "source": "", "split": "train"}
    return Document(**{**values, **fields}, text=text, summary=summary)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "summary", "reason"),
    [
        (TEXT, "Ada Quill meets Tom Sayle at Orsey, and Brand writes.", ""),
        ("", "Ada rows.", "no text"),
        (TEXT, "", "no summary"),
        ("Ada rowed.", "Ada rows out to meet Tom.", "summary longer than text"),
        (
            TEXT,
            "In Paris Jean Valjean meets Cosette and Inspector Javert.",
            "summary of another book",
        ),
        (TEXT, "Later, Cosette meets Javert.", ""),  # two names say nothing
        (TEXT, "He leaves in the night, and she never learns why.", ""),
    ],
)
def test_what_is_wrong_with_a_document(text: str, summary: str, reason: str) -> None:
    assert refusal(document(text, summary)) == reason


def test_the_overlap_is_the_share_of_names_that_occur() -> None:
    assert name_overlap("Then Ada met Brand, Javert and Cosette.", TEXT) == 0.5
    assert name_overlap("Then ADA met BRAND and Sayle's boat at Orsey.", TEXT) is not None
    assert name_overlap("Nobody came.", TEXT) is None


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus")
def test_summaries_of_other_books_are_told_from_those_of_their_own() -> None:
    with lzma.open(CORPUS / "booksum-chapters-validation.jsonl.xz", "rt") as lines:
        rows = [json.loads(line) for line in islice(lines, 0, 1_400, 20)]
    clean = [row for row in rows if not row["qc"]]
    half = len(clean) // 2
    assert clean[0]["title"] != clean[half]["title"]
    own = [name_overlap(row["summary"], row["text"]) for row in clean]
    other = [
        name_overlap(clean[(n + half) % len(clean)]["summary"], row["text"])
        for n, row in enumerate(clean)
        if clean[(n + half) % len(clean)]["title"] != row["title"]
    ]
    wrong = sum(share is not None and share < LEAST_OVERLAP for share in own)
    caught = sum(share is not None and share < LEAST_OVERLAP for share in other)
    assert wrong <= 0.05 * len(own)
    assert caught >= 0.85 * len(other)


def test_a_report_counts_by_split_and_level() -> None:
    report = ReadReport(read=6, used=3)
    for n, length in enumerate((10, 30, 20)):
        report.take(document(title=f"Work {n % 2}"), "train")
        report.add_tokens("train", "chapter", length)
    report.take(document(level="book", title="The work, 1!"), "validation")
    report.add_tokens("validation", "book", 99)
    report.take(document(aggregate=True), "test")
    report.miss(Missing("x", "T", "chapter", "train", "a/b.txt", "missing text file"))
    report.refused["duplicate"] += 2
    told = report.as_dict()
    assert told["documents"] == [
        {
            "split": "train",
            "level": "chapter",
            "documents": 3,
            "works": 2,
            "tokens": 60,
            "tokens_median": 20,
            "tokens_p95": 30,
        },
        {
            "split": "validation",
            "level": "book",
            "documents": 1,
            "works": 1,
            "tokens": 99,
            "tokens_median": 99,
            "tokens_p95": 99,
        },
        {
            "split": "test",
            "level": "section",
            "documents": 1,
            "works": 1,
            "tokens": 0,
            "tokens_median": 0,
            "tokens_p95": 0,
        },
    ]
    assert told["works_in_several_splits"] == {"Work 1": ["train", "validation"]}
    assert (told["duplicates"], told["missing_files"]) == (2, 1)
    assert json.loads(json.dumps(told)) == told


def test_rows_of_a_tree_with_everything_that_can_be_wrong(tmp_path: Path) -> None:
    rows = [chapter_alignment("7", "A", f"source{number}", number) for number in range(5)]
    again = {**rows[0], "summary_path": rows[0]["summary_path"].replace("source0", "other")}
    write_alignment(tmp_path, "train", [*rows, again, again], "chapter")
    for row, summary in zip(
        [*rows[:4], again],
        ["Ada came home.", "", "B " * 500, "Valjean, Cosette, Javert in Paris.", "Ada is wet."],
        strict=True,
    ):
        write_files(tmp_path, row, text_of("Ada"), [summary])
    report = ReadReport()
    used = list(read_rows([tmp_path], report=report))
    # Two references of one text stay two examples; the same one twice is a duplicate.
    assert [row.summary for row in used] == ["Ada came home.", "Ada is wet."]
    assert dict(report.refused) == {
        "no summary": 1,
        "summary longer than text": 1,
        "summary of another book": 1,
        "missing text file": 1,
        "duplicate": 1,
    }
    assert "missing: all_chapterized_books/7-chapters/04.txt" in str(report)


def test_splits_are_never_mixed(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        row = {"text": text_of(split), "summary": f"{split} came home.", "title": "One work"}
        write_lines(tmp_path / f"{split}.jsonl", [row])
    report = ReadReport()
    assert [row.summary for row in read_rows([tmp_path], report=report)] == ["train came home."]
    assert report.works_in_several_splits == {"One work": ["train", "validation", "test"]}


def test_a_bad_file_is_found_before_the_good_ones_are_read(tmp_path: Path) -> None:
    good = {"text": text_of("Ada"), "summary": "Ada came home."}
    write_lines(tmp_path / "a.jsonl", [good])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 cut off")
    rows = read_rows([tmp_path])
    with pytest.raises(InputError, match=r"b\.parquet: no readable Parquet"):
        next(rows)
    (tmp_path / "b.parquet").unlink()
    write_lines(tmp_path / "b.jsonl", [{"headline": "x", "body": "y"}])
    with pytest.raises(InputError, match=r"b\.jsonl: row 1 has other columns: headline, body"):
        next(read_rows([tmp_path]))


def test_a_file_of_another_kind_beside_texts_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_lines(tmp_path / "a-questions.jsonl", [{"question": "Who rowed?", "answer": "Ada."}])
    with pytest.raises(InputError, match="row 1 has other columns: question, answer"):
        next(read_documents(tmp_path))
    write_lines(tmp_path / "b.jsonl", [{"text": text_of("Ada"), "summary": "Ada came home."}])
    write_lines(tmp_path / "train-questions.jsonl", [{"question": "Who?", "answer": "Ada."}])
    found = list(read_documents(tmp_path, "validation"))
    assert [document.summary for document in found] == ["Ada came home."]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a-questions.jsonl'}: passed over, its rows have no text."
    ]
