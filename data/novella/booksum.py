"""The novella laid out as the BookSum repository is once its scripts have run, and as plain rows.

alignments/chapter-level-summary-alignments/chapter_summary_aligned_<split>_split.jsonl
    the same with `.gathered`: text (paragraphs) and summary (sentences) written in
alignments/book-level-summary-alignments/book_summaries_aligned_<split>.jsonl
all_chapterized_books/<bid>-chapters/01.txt …, book_clean.txt, toc.txt
finished_summaries/<source>/<title>/section_<n>_part_0.txt, overview.txt (both JSON)
train.jsonl, validation.jsonl, test.jsonl: the rows `finetune` and `eval` read
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from novella.source import Novella, sentences
from novella.text import wrap

BID = "0"  # BookSum takes Project Gutenberg's number, which this book has not got
SOURCE = "infinisum"
SPLITS = {"train": range(1, 10), "val": range(10, 13), "test": range(13, 15)}
BOOK_SPLIT = "val"
LONG_NAMES = {"train": "train", "val": "validation", "test": "test"}


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 and make the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def chapter_row(novella: Novella, number: int) -> dict[str, Any]:
    """A row of the chapter alignments."""
    return {
        "bid": BID,
        "is_aggregate": False,
        "source": SOURCE,
        "chapter_path": f"all_chapterized_books/{BID}-chapters/{number:02d}.txt",
        "summary_path": f"finished_summaries/{SOURCE}/{novella.title}/section_{number}_part_0.txt",
        "book_id": f"{novella.title}.chapter {number}",
        "summary_id": f"chapter {number}",
    }


def book_row(novella: Novella) -> dict[str, Any]:
    """A row of the book alignments."""
    return {
        "bid": BID,
        "source": SOURCE,
        "title": novella.title,
        "summary_path": f"finished_summaries/{SOURCE}/{novella.title}/overview.txt",
        "book_path": f"all_chapterized_books/{BID}-chapters/book_clean.txt",
    }


def write_books_and_summaries(novella: Novella, folder: Path) -> None:
    """Write the chapter texts, hard-wrapped, and the summaries as small JSON documents."""
    chapters = folder / f"all_chapterized_books/{BID}-chapters"
    summaries = folder / f"finished_summaries/{SOURCE}/{novella.title}"
    texts = []
    for chapter, summary in zip(novella.chapters, novella.chapter_summaries, strict=True):
        text = "\n\n".join(
            block.plain if block.verse else wrap(block.plain) for block in chapter.blocks
        )
        texts.append(text)
        write_text(chapters / f"{chapter.number:02d}.txt", text + "\n")
        document = {"name": f"Chapter {chapter.number}", "summary": [summary], "analysis": []}
        path = summaries / f"section_{chapter.number}_part_0.txt"
        write_text(path, json.dumps(document, ensure_ascii=False))
    write_text(chapters / "book_clean.txt", "\n\n\n".join(texts) + "\n")
    toc = "".join(f"Chapter {chapter.number}: {chapter.title}\n" for chapter in novella.chapters)
    write_text(chapters / "toc.txt", toc)
    overview = {
        "name": "Overview",
        "summary": novella.book_summary.split("\n\n"),
        "analysis": [],
    }
    write_text(summaries / "overview.txt", json.dumps(overview, ensure_ascii=False))


def write_alignments(novella: Novella, folder: Path) -> None:
    """Write the alignment files of the three splits at both levels."""
    by_chapter = folder / "alignments/chapter-level-summary-alignments"
    by_book = folder / "alignments/book-level-summary-alignments"
    for split, numbers in SPLITS.items():
        rows = [chapter_row(novella, number) for number in numbers]
        gathered = [
            row
            | {
                "text": [
                    block.plain.replace("\n", " ") for block in novella.chapters[number - 1].blocks
                ],
                "summary": sentences(novella.chapter_summaries[number - 1]),
            }
            for number, row in zip(numbers, rows, strict=True)
        ]
        name = f"chapter_summary_aligned_{split}_split.jsonl"
        write_json_lines(by_chapter / name, rows)
        write_json_lines(by_chapter / f"{name}.gathered", gathered)
        books = [book_row(novella)] if split == BOOK_SPLIT else []
        write_json_lines(by_book / f"book_summaries_aligned_{split}.jsonl", books)


def write_rows(novella: Novella, folder: Path) -> None:
    """Write each split as plain rows: chapters, and in its split the book."""
    common = {"title": novella.title, "author": novella.author}
    for split, numbers in SPLITS.items():
        name = LONG_NAMES[split]
        rows = [
            {"id": f"the-tide-ledger-chapter-{number:02d}", "level": "chapter"}
            | common
            | {
                "split": name,
                "text": novella.chapters[number - 1].plain,
                "summary": novella.chapter_summaries[number - 1],
            }
            for number in numbers
        ]
        if split == BOOK_SPLIT:
            text = "\n\n".join(chapter.plain for chapter in novella.chapters)
            summary = {"split": name, "text": text, "summary": novella.book_summary}
            rows.append({"id": "the-tide-ledger-book", "level": "book"} | common | summary)
        write_json_lines(folder / f"{name}.jsonl", rows)


def write(novella: Novella, folder: Path) -> None:
    """Write the whole tree into `folder`."""
    write_books_and_summaries(novella, folder)
    write_alignments(novella, folder)
    write_rows(novella, folder)
