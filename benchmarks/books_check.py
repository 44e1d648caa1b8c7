"""EPUBs against their publisher's own contents and against a corpus of the same works.

    python benchmarks/books_check.py --books DIR --corpus DIR

For each book: chapters ours and in the publisher's navigation document (its body matter), whether
the titles are equal, the share of the corpus text's words that ours has in the same order, and the
seconds of processor time reading took. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from infinisum.books import Book, read_book

_WORD = re.compile(r"[^\W_]+")
_NAV_LINK = re.compile(r'<a href="text/([^"#]+)"[^>]*>(.*?)</a>', re.DOTALL)
_BODY = re.compile(r'<body[^>]*epub:type="[^"]*bodymatter')
_TITLE_PAGE = re.compile(
    r'<section[^>]*epub:type="[^"]*\b(?:part|volume|division|halftitlepage|dedication|epigraph)\b'
)


def publisher_titles(path: Path) -> list[str]:
    """Titles of the body-matter files in the navigation document, parts and half titles excepted.

    Independent of the reader: regular expressions over the publisher's files. Lines that point
    into the middle of a file (scenes of an act) are not chapters.
    """
    with zipfile.ZipFile(path) as archive:
        nav = archive.read("epub/toc.xhtml").decode()
        nav = nav[: nav.index("landmarks")] if "landmarks" in nav else nav
        titles = []
        for name, label in _NAV_LINK.findall(nav):
            page = archive.read(f"epub/text/{name}").decode()
            text = re.sub(r"<[^>]+>", " ", page[page.index("<body") :])
            part = _TITLE_PAGE.search(page) and len(text.split()) < 100
            if _BODY.search(page) and not part:
                titles.append(plain(re.sub(r"<[^>]+>", "", label)))
    return titles


def plain(title: str) -> str:
    """A title as the comparison sees it."""
    title = title.replace("&amp;", "&").replace("\u2060", "").replace("\u00a0", " ")
    return " ".join(title.split())


def words_of(text: str) -> list[str]:
    """Words, lower case, without punctuation and invisible characters."""
    text = re.sub("[\u2060\u200b\u200d\ufeff\u00ad]", "", text)
    return _WORD.findall(text.casefold())


def share_in_order(truth: Sequence[str], ours: Sequence[str]) -> float:
    """Share of `truth` that `ours` has in the same order (longest matching blocks)."""
    if not truth:
        return 1.0
    blocks = SequenceMatcher(None, truth, ours, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(truth)


def book_share(book: Book, truth: Sequence[dict[str, Any]]) -> float:
    """Share of the words of all chapters of `truth`, compared chapter by chapter."""
    total, found = 0, 0.0
    for index, chapter in enumerate(truth):
        expected = words_of(chapter["text"])
        ours = words_of(book.chapters[index].text) if index < len(book.chapters) else []
        total += len(expected)
        found += len(expected) * share_in_order(expected, ours)
    return found / total if total else 0.0


def corpus_bodies(folder: Path, ids: set[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Id and body chapters of the works asked for."""
    for path in sorted(folder.glob("books-train-*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if any(f'"{name}"' in line[:300] for name in ids):
                    work = json.loads(line)
                    body = [chapter for chapter in work["chapters"] if chapter["kind"] == "body"]
                    yield work["id"], body


def processor_seconds() -> float:
    """Of this process and of its children that ended: books are parsed in one."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def check(path: Path, truth: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table."""
    start = processor_seconds()
    book = read_book(path)
    seconds = processor_seconds() - start
    titles = publisher_titles(path)
    ours = [plain(chapter.title) for chapter in book.chapters]
    return {
        "book": path.stem,
        "chapters": len(ours),
        "publisher": len(titles),
        "titles_equal": ours == titles,
        "words": book.words,
        "share": round(book_share(book, truth), 5),
        "seconds": round(seconds, 2),
        "left_out": [f"{item.what}: {item.reason}" for item in book.left_out],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=Path, required=True, help="folder of EPUBs")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of books-train-*.xz")
    arguments = parser.parse_args()
    paths = {path.stem: path for path in sorted(arguments.books.glob("*.epub"))}
    rows = [check(paths[name], body) for name, body in corpus_bodies(arguments.corpus, set(paths))]
    rows.sort(key=lambda row: row["book"])
    print(f"{'book':42} {'ours':>5} {'theirs':>6} {'titles':>7} {'words':>8} {'share':>8} {'s':>6}")
    for row in rows:
        print(
            f"{row['book'][:42]:42} {row['chapters']:5} {row['publisher']:6} "
            f"{'equal' if row['titles_equal'] else 'differ':>7} {row['words']:8,} "
            f"{row['share']:8.3%} {row['seconds']:6.2f}"
        )
    print(json.dumps({"books": rows}, ensure_ascii=False))


if __name__ == "__main__":
    main()
