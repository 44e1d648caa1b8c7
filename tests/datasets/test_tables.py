"""Data sets of the hub: CSV, Parquet, Arrow and JSON with the column names they really have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infinisum.datasets import find_data_set, read_documents
from infinisum.errors import InputError, NotFoundError
from tests.datasets.samples import (
    SAMPLE,
    fullbooks_row,
    kmfoda_row,
    text_of,
    write_csv,
    write_json,
    write_lines,
)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_arrow(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return path


def test_kmfoda_as_csv_and_as_parquet_are_the_same_documents(tmp_path: Path) -> None:
    rows = [kmfoda_row(number) for number in range(40)]
    write_csv(tmp_path / "csv" / "train.csv", rows[:30])
    write_csv(tmp_path / "csv" / "dev.csv", rows[30:])  # so it is called there
    write_parquet(tmp_path / "pq" / "data" / "train-00000-of-00001-abc.parquet", rows[:30])
    write_parquet(tmp_path / "pq" / "data" / "validation-00000-of-00001.parquet", rows[30:])
    as_csv, as_parquet = (
        list(read_documents(tmp_path / "csv")),
        list(read_documents(tmp_path / "pq")),
    )
    key = lambda d: (d.id, d.title, d.level, d.text, d.summary, d.source, d.split, d.aggregate)  # noqa: E731
    assert sorted(map(key, as_csv)) == sorted(map(key, as_parquet))
    assert [d.split for d in as_parquet].count("validation") == 10
    first = as_parquet[0]
    assert (first.title, first.level, first.source) == ("The Mole", "chapter", "sparknotes")
    assert first.text == text_of("Ada0")
    assert first.summary == "Ada0 rows out and comes home. Nobody asks."
    assert [d.aggregate for d in as_parquet[:2]] == [True, False]
    assert len(list(read_documents(tmp_path / "csv", "validation"))) == 10


def test_kmfoda_without_the_text_of_the_summary_has_it_in_the_json(tmp_path: Path) -> None:
    row = {k: v for k, v in kmfoda_row(1).items() if k != "summary_text"}
    path = write_csv(tmp_path / "train.csv", [row])
    assert next(read_documents(path)).summary == "Ada1 rows out and comes home. Nobody asks."


def test_the_text_of_a_chapter_may_stand_in_content(tmp_path: Path) -> None:
    row = {**kmfoda_row(1), "chapter": "chapter 1", "content": text_of("Dot")}
    path = write_csv(tmp_path / "train.csv", [row])
    assert next(read_documents(path)).text == text_of("Dot")


@pytest.mark.parametrize("write", [write_parquet, write_arrow, write_csv, write_json, write_lines])
def test_fullbooks_in_any_format(tmp_path: Path, write: Any) -> None:
    ending = {"write_lines": "jsonl"}.get(write.__name__, write.__name__.removeprefix("write_"))
    rows = [fullbooks_row(1, "shmoop"), fullbooks_row(1, "sparknotes"), fullbooks_row(2)]
    write(tmp_path / "test" / f"data-00000-of-00001.{ending}", rows)
    write_json(tmp_path / "test" / "state.json", {"_fingerprint": "x"})
    documents = list(read_documents(tmp_path))
    assert [(d.title, d.level, d.split) for d in documents] == [
        ("Book 1", "book", "test"),
        ("Book 1", "book", "test"),
        ("Book 2", "book", "test"),
    ]
    assert documents[0].text == documents[1].text == text_of("Bea1")
    assert documents[0].summary == "Bea1 rows out, says shmoop."
    assert len({d.id for d in documents}) == 3


def test_a_list_of_summaries_makes_a_document_each(tmp_path: Path) -> None:
    summaries = [
        {"source": "shmoop", "text": ["One.", "Two."], "analysis": []},
        {"source": "cliffnotes", "text": ["Three."], "analysis": ["x"]},
    ]
    row = {
        "bid": 7,
        "book_title": "A",
        "chapter_id": "chapter 1",
        "text": "T.",
        "summary": summaries,
    }
    write_lines(tmp_path / "chapters" / "val.jsonl", [{**row, "is_aggregate": False}])
    write_lines(tmp_path / "books" / "val.jsonl", [{**row, "title": "A"}])
    documents = list(read_documents(tmp_path, "validation"))
    assert [(d.level, d.source, d.summary) for d in documents] == [
        ("book", "shmoop", "One.\n\nTwo."),
        ("book", "cliffnotes", "Three."),
        ("chapter", "shmoop", "One.\n\nTwo."),
        ("chapter", "cliffnotes", "Three."),
    ]
    assert len({d.title for d in documents}) == 1


def test_our_rows_with_and_without_a_split(tmp_path: Path) -> None:
    row = {"text": "A long text.", "summary": "A text."}
    path = write_lines(tmp_path / "mine.jsonl", [row, {**row, "split": "test", "level": "book"}])
    assert [d.split for d in read_documents(path)] == ["", "test"]
    assert [d.id for d in read_documents(path)] == ["mine-1", "mine-2"]
    assert len(list(read_documents(path, "validation"))) == 1  # rows that do not say are of any
    assert [d.level for d in read_documents(path, "test")] == ["chapter", "book"]


def test_a_spreadsheet_in_a_windows_code_page(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes('text,summary\r\n"Zoë – “alone”, again.","Zoë."\r\n'.encode("cp1252"))
    assert next(read_documents(path)).text == "Zoë – “alone”, again."


def cut_csv(tmp_path: Path) -> Path:
    path = write_csv(tmp_path / "train.csv", [kmfoda_row(n) for n in range(5)])
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"Ada4 rowed") + 20])  # inside a quoted cell
    return path


def cut_csv_between_cells(tmp_path: Path) -> Path:
    path = write_csv(tmp_path / "train.csv", [kmfoda_row(n) for n in range(5)])
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"sparknotes,") + 11])
    return path


def cut_parquet(tmp_path: Path) -> Path:
    path = write_parquet(tmp_path / "train.parquet", [kmfoda_row(n) for n in range(5)])
    path.write_bytes(path.read_bytes()[:-100])
    return path


def cut_arrow(tmp_path: Path) -> Path:
    path = write_arrow(tmp_path / "train.arrow", [kmfoda_row(n) for n in range(5)])
    path.write_bytes(path.read_bytes()[:900])
    return path


def empty_parquet(tmp_path: Path) -> Path:
    path = tmp_path / "train.parquet"
    path.write_bytes(b"")
    return path


def other_columns(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "train.csv", [{"headline": "x", "body": "y", "year": 1}])


def pointer(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 295\n")
    return path


def mixed_splits(tmp_path: Path) -> Path:
    rows = [{"text": "a b", "summary": "a", "split": split} for split in ("train", "test")]
    return write_lines(tmp_path / "train.jsonl", rows)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut_csv, r"train\.csv: cannot be read after row 4"),
        (cut_csv_between_cells, r"train\.csv: row 5 has not the 17 columns"),
        (cut_parquet, r"train\.parquet: no readable Parquet"),
        (cut_arrow, r"train\.arrow: no readable Arrow"),
        (empty_parquet, r"train\.parquet: no readable Parquet"),
        (other_columns, r"row 1 has other columns: headline, body, year\. Expected text and"),
        (pointer, r"Git LFS pointer.*git lfs pull"),
        (mixed_splits, r"row 2 is of the test split in a file named after train\. Splits"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, make: Any, message: str) -> None:
    path = make(tmp_path)
    for place in (path, tmp_path):
        with pytest.raises(InputError, match=message) as caught:
            list(read_documents(place))
        assert "\n" not in str(caught.value)


def test_nothing_there_says_what_is_understood(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, what in (
        (tmp_path / "none", "no such file or folder"),
        (tmp_path / "empty", "the folder is empty"),
        (SAMPLE.parent / "fonts", "no data set in this folder"),
    ):
        with pytest.raises(NotFoundError, match=what) as caught:
            list(read_documents(path))
        assert str(path) in caught.value.message
        for layout in ("salesforce/booksum", "kmfoda/booksum", "abertsch/booksum-fullbooks"):
            assert layout in caught.value.hint
        assert "\n" not in str(caught.value)
        assert caught.value.exit_status == 4
    with pytest.raises(InputError, match="unknown kind of data"):
        list(read_documents(SAMPLE.parent / "the-tide-ledger.epub"))


def test_a_data_set_in_the_current_folder_needs_no_path(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no folder .*booksum; name one with --data\. Underst"):
        find_data_set("booksum", tmp_path)
    write_csv(tmp_path / "booksum" / "train.csv", [kmfoda_row(1)])
    assert len(list(read_documents(find_data_set("booksum", tmp_path)))) == 1
