"""Small data sets in the layouts people have them in, with the real column names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "booksum-sample"
MACHINE = "/export/longsum/booksumm"  # where the real alignments say the files are

SHORT = {"train": "train", "validation": "val", "test": "test"}


def text_of(name: str) -> str:
    lines = [f"{name} rowed out past the mole on the {n}th day and came home wet." for n in "4567"]
    return f"{lines[0]} Nobody asked {name} why.\n\n" + "\n\n".join(lines[1:])


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def chapter_alignment(bid: str, title: str, source: str, number: int) -> dict[str, Any]:
    return {
        "bid": bid,
        "is_aggregate": False,
        "source": source,
        "chapter_path": f"{MACHINE}/all_chapterized_books/{bid}-chapters/{number:02d}.txt",
        "summary_path": (
            f"{MACHINE}/finished_summaries/{source}/{title}/section_{number}_part_0.txt"
        ),
        "book_id": f"{title}.chapter {number}",
        "summary_id": f"chapter {number}",
    }


def book_alignment(bid: str, title: str, source: str, ending: str) -> dict[str, Any]:
    return {
        "bid": bid,
        "source": source,
        "title": title,
        "summary_path": f"{MACHINE}/finished_summaries/{source}/{title}/overview.{ending}",
        "book_path": f"{MACHINE}/all_chapterized_books/{bid}-chapters/book_clean.txt",
    }


def write_alignment(root: Path, split: str, rows: list[dict[str, Any]], level: str) -> Path:
    if level == "book":
        folder, name = "book-level-summary-alignments", f"book_summaries_aligned_{SHORT[split]}"
    else:
        folder = "chapter-level-summary-alignments"
        name = f"chapter_summary_aligned_{SHORT[split]}_split"
    return write_lines(root / "alignments" / folder / f"{name}.jsonl", rows)


def write_files(base: Path, row: dict[str, Any], text: str, summary: Any) -> None:
    """Write the two files that a row of the alignments names, below `base`."""
    for path, content in (
        (row.get("chapter_path") or row["book_path"], text),
        (row["summary_path"], json.dumps({"name": "x", "summary": summary, "analysis": []})),
    ):
        place = base / path.removeprefix(MACHINE + "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")


def kmfoda_row(number: int, title: str = "The Mole") -> dict[str, Any]:
    """A row with the columns of kmfoda/booksum."""
    summary = f"Ada{number} rows out and comes home. Nobody asks."
    document = {"name": f"Chapter {number}", "url": "", "summary": summary, "analysis": ""}
    return {
        "bid": 77,
        "is_aggregate": number % 2 == 0,
        "source": "sparknotes",
        "chapter_path": f"all_chapterized_books/77-chapters/{number:02d}.txt",
        "summary_path": f"finished_summaries/sparknotes/{title}/section_{number}_part_0.txt",
        "book_id": f"{title}.chapter {number}",
        "summary_id": f"chapter {number}",
        "content": "",
        "summary": json.dumps(document),
        "chapter": text_of(f"Ada{number}"),
        "chapter_length": 60,
        "summary_name": f"Chapter {number}",
        "summary_url": "",
        "summary_text": summary,
        "summary_analysis": "",
        "summary_length": 9,
        "analysis_length": 0,
    }


def fullbooks_row(number: int, source: str = "shmoop") -> dict[str, Any]:
    """A row with the columns of abertsch/booksum-fullbooks."""
    return {
        "bid": str(900 + number),
        "source": source,
        "title": f"Book {number}",
        "summary": f"Bea{number} rows out, says {source}.",
        "book": text_of(f"Bea{number}"),
    }
