"""Books rebuilt by other tools, read again and compared with the publisher's EPUB.

    python benchmarks/books_rebuilt.py --books DIR --corpus DIR --work DIR [--only romeo,hesse]

pandoc, calibre, LibreOffice and pdfTeX turn each EPUB into EPUB 2, EPUB 3, HTML, Markdown, text
and PDF, as far as they are installed. For each file: chapters found and expected, how many titles
agree (letters and digits only), and the share of the corpus text's words that are there in the
same order (by `diff`). The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from books_check import corpus_bodies, words_of

from infinisum.books import Book, read_book
from infinisum.errors import InfinisumError

_BOOKS = "romeo-and-juliet,siddhartha,gullivers,moby-dick,frankenstein"
_CALIBRE = ["ebook-convert", "IN", "OUT"]
# Name of the result, the tools it needs, and the command; IN and OUT are put in.
RECIPES: dict[str, list[str]] = {
    "pandoc.html": ["pandoc", "IN", "-s", "-t", "html5", "-o", "OUT"],
    "pandoc-2.epub": ["pandoc", "HTML", "-t", "epub2", "-o", "OUT"],
    "pandoc-3.epub": ["pandoc", "HTML", "-t", "epub3", "-o", "OUT"],
    "pandoc.md": ["pandoc", "IN", "-t", "markdown", "-o", "OUT"],
    "pandoc.txt": ["pandoc", "IN", "-t", "plain", "-o", "OUT"],
    "calibre-2.epub": [*_CALIBRE, "--epub-version", "2"],
    "calibre-3.epub": [*_CALIBRE, "--epub-version", "3"],
    "calibre.txt": _CALIBRE,
    "calibre.pdf": _CALIBRE,
    "office.pdf": ["soffice", "--headless", "--convert-to", "pdf", "--outdir", "DIR", "HTML"],
    "pdftex.pdf": [
        *("pandoc", "HTML", "-L", "LUA", "-o", "OUT", "--toc", "-H", "TEX"),
        "--pdf-engine=pdflatex",
        *("-V", "documentclass=book", "-V", "classoption=oneside"),
    ],
}


# Characters of the books that pdfTeX's fonts lack: word joiner, hair space, no-break hyphen, dashes
# of two and three ems, the arrow back from a note, and five Greek and two Hebrew letters.
_TEX_CHARACTERS = {
    0x2060: "", 0x200A: "\\,", 0x2009: "\\,", 0x2011: "-", 0x2E3A: "---", 0x2E3B: "------",
    0x21A9: "", 0xFE0E: "", 0x05D7: "h", 0x05DF: "n",
    0x039A: "K", 0x03B7: "e", 0x03C4: "t", 0x03BF: "o", 0x03C2: "s",
}  # fmt: skip

# Languages, for which pdfTeX wants its hyphenation. (Reading without spans loses headings in them.)
_NO_LANGUAGES = """\
local function forget(part) part.attributes.lang = nil; return part end
return {{Span = forget, Div = forget}}
"""


def rebuild(source: Path, folder: Path, name: str) -> Path | None:
    """Makes one file, None where the tool is missing or fails."""
    target = folder / name
    if target.exists():
        return target
    command = RECIPES[name]
    if not shutil.which(command[0]):
        return None
    page = folder / "pandoc.html"
    header = folder / "characters.tex"
    header.write_text(
        "".join(
            f"\\DeclareUnicodeCharacter{{{code:04X}}}{{{tex}}}\n"
            for code, tex in _TEX_CHARACTERS.items()
        )
    )
    languages = folder / "no-languages.lua"
    languages.write_text(_NO_LANGUAGES)
    words = {
        "LUA": str(languages),
        "TEX": str(header),
        "IN": str(source),
        "OUT": str(target),
        "DIR": str(folder),
        "HTML": str(page),
    }
    ready = [words.get(part, part) for part in command]
    # calibre lays PDF out in a browser, which wants a screen, and a sandbox that root cannot have
    screen = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    result = subprocess.run(
        ready, capture_output=True, timeout=1800, check=False, env=os.environ | screen
    )
    if name == "office.pdf" and (made := page.with_suffix(".pdf")).exists():
        made.rename(target)
    if not target.exists():
        print(f"  {name}: {result.stderr.decode(errors='replace').strip()[-200:]}")
        return None
    return target


def share_by_diff(truth: Sequence[str], ours: Sequence[str]) -> float:
    """Share of the words of `truth` that `diff` finds in `ours` in the same order."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("truth", "ours")]
        for path, words in zip(paths, (truth, ours), strict=True):
            path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        command = ["diff", "--minimal", *map(str, paths)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    lost = sum(1 for line in result.stdout.splitlines() if line.startswith("< "))
    return 1 - lost / len(truth)


def letters(title: str) -> str:
    return re.sub(r"[\W_]+", "", title).casefold()


def compare(book: Book, truth: Sequence[dict[str, Any]]) -> dict[str, Any]:
    titles = [letters(chapter.title) for chapter in book.chapters]
    expected = [letters(chapter["title"]) for chapter in truth]
    blocks = SequenceMatcher(None, titles, expected, autojunk=False).get_matching_blocks()
    equal = sum(block.size for block in blocks)
    words = [word for chapter in book.chapters for word in words_of(chapter.text)]
    wanted = [word for chapter in truth for word in words_of(chapter["text"])]
    return {
        "chapters": len(titles),
        "expected": len(expected),
        "titles": equal,
        "share": round(share_by_diff(wanted, words), 5),
        "more": round(len(words) / len(wanted) - 1, 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=Path, required=True, help="folder of EPUBs")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of books-train-*.xz")
    parser.add_argument("--work", type=Path, required=True, help="folder for the rebuilt files")
    parser.add_argument("--only", default=_BOOKS, help="parts of the names of the books to take")
    parser.add_argument("--formats", default="", help="parts of the names of the results to make")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    paths = {p.stem: p for p in arguments.books.glob("*.epub") if any(w in p.stem for w in wanted)}
    rows = []
    for stem, truth in corpus_bodies(arguments.corpus, set(paths)):
        folder = arguments.work / stem[:40]
        folder.mkdir(parents=True, exist_ok=True)
        print(stem)
        for name in (n for n in RECIPES if any(f in n for f in arguments.formats.split(","))):
            if (made := rebuild(paths[stem], folder, name)) is None:
                continue
            start = time.perf_counter()
            try:
                book = read_book(made)
            except InfinisumError as error:
                print(f"  {name:16} {error}")
                continue
            row = compare(book, truth) | {"seconds": round(time.perf_counter() - start, 2)}
            rows.append({"book": stem, "file": name, **row})
            print(
                f"  {name:16} chapters {row['chapters']:4} of {row['expected']:4}, titles "
                f"{row['titles']:4}, words {row['share']:8.3%}, more {row['more']:+7.2%}, "
                f"{row['seconds']:6.2f} s"
            )
    print(json.dumps({"rebuilt": rows}, ensure_ascii=False))


if __name__ == "__main__":
    main()
