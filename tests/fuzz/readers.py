"""What is fuzzed: a function for each reader; all but a book or an `InputError` is a find.

    python -m tests.fuzz.readers epub --minutes 30 --corpus corpus/epub

runs atheris (`pip install "infinisum[fuzz]"`), which is led by the branches that the reader takes,
or, where it is not installed, the mutations of `tests.fuzz.mutations`, which are led by nothing.
The last line is a JSON object: executions, seconds, finds. A find is kept beside the corpus.

The EPUB target does not mutate the zip (a wrong checksum would end every try) but the files in it.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from infinisum.books.reader import parse_book
from infinisum.errors import InputError
from infinisum.readings import file as readings
from tests.books.make_epub import link, make_epub, nav, ncx, page, point, prose
from tests.hostile import pdfs, texts

SPLIT = b"\x00--\x00"  # between the files of an EPUB
_BOMBS = ("bomb", "chain", "endless", "many pages", "line", "repeated")


def epub(data: bytes) -> None:
    """The package document, contents and chapters of an EPUB, one after the other in the bytes."""
    package, contents, *chapters = [*data.split(SPLIT), b"", b""][:6]
    files = {f"c{number}.xhtml": text for number, text in enumerate(chapters)}
    book = make_epub({"c.xhtml": page(prose("Ada", 20))}, leave=["content.opf"])
    stream = io.BytesIO(book)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("OEBPS/content.opf", package)
        archive.writestr("OEBPS/nav.xhtml", contents)
        archive.writestr("OEBPS/toc.ncx", contents)
        for name, text in files.items():
            archive.writestr(f"OEBPS/{name}", text)
    _expect_book_or_error(stream.getvalue(), "a.epub")


def pdf(data: bytes) -> None:
    """A whole PDF. Without pdfium: what it allocates and dies of is bounded in a child alone."""
    with mock.patch("infinisum.books.pdf.has_pdfium", return_value=False):
        _expect_book_or_error(b"%PDF-1.7\n" + data, "a.pdf")


def text(data: bytes) -> None:
    """A text, Markdown or HTML file, by its first byte."""
    endings = (".txt", ".md", ".html", "")
    _expect_book_or_error(data[1:], "a" + endings[data[0] % 4 if data else 0])


def reading(data: bytes) -> None:
    """A `.infinisum` file with a right checksum, so that the rest of it is looked at."""
    with contextlib.suppress(ValueError):
        data = readings.sealed(data)
    try:
        readings.parse_book(data, "a.infinisum")
    except InputError as error:
        _check_line(error)


def _expect_book_or_error(data: bytes, name: str) -> None:
    try:
        book = parse_book(data, name)
    except InputError as error:
        _check_line(error)
    else:
        if not book.words or any("\x1b" in chapter.text for chapter in book.chapters):
            raise AssertionError("an empty book, or one with escapes")


def _check_line(error: InputError) -> None:
    if "\n" in str(error) or not error.message:
        raise AssertionError(f"not one line: {str(error)!r}")


def _epub_seeds() -> list[bytes]:
    data = make_epub(
        {"c0.xhtml": page(f"<h2>One</h2>{prose('Ada')}"), "c1.xhtml": page(prose("Ben"))},
        nav_page=nav(link("c0.xhtml", "One", link("c0.xhtml#x", "Two")), link("c1.xhtml", "B")),
        ncx_page=ncx(point("c0.xhtml", "One") + point("c1.xhtml", "Two")),
        guide='<reference type="text" href="c0.xhtml"/>',
    )
    archive = zipfile.ZipFile(io.BytesIO(data))
    package = archive.read("OEBPS/content.opf")
    chapters = [archive.read(f"OEBPS/c{n}.xhtml") for n in range(2)]
    note = page(
        '<p id="p">A<a href="#n" epub:type="noteref">1</a></p><table><tr><td>ADA</td>'
        '<td>x</td></tr></table><aside epub:type="footnote" id="n">B</aside>'
        '<p class="stanza">a<br/>b</p>'
    ).encode()
    contents = [archive.read(f"OEBPS/{name}") for name in ("nav.xhtml", "toc.ncx")]
    return [SPLIT.join([package, content, *chapters, note]) for content in contents]


def _reading_seeds() -> list[bytes]:
    from tests.test_checkpoint_safety import reading as made

    text = b'[{"paragraphs": [["The lamp. ", "It was lit."], {"text": "x", "sentences": ["x"]}]}]'
    chapters = [{"title": "I", "level": 1, "parts": [], "words": 6, "tokens": 9, "sentences": 3}]
    table = {"title": "T", "author": "A", "language": "en", "format": "text", "pages": None,
             "left_out": [["x", "y", 1]], "warnings": [], "chapters": chapters}  # fmt: skip
    return [made(bz2.compress(text), book=table), made(bz2.compress(b"[]"))]


def seeds(name: str) -> list[bytes]:
    """Files that the corpus of a reader begins with."""
    if name == "epub":
        return _epub_seeds()
    if name == "reading":
        return _reading_seeds()
    if name == "pdf":
        made = {case: make for case, make in pdfs.ODD.items() if not any(b in case for b in _BOMBS)}
        return [make().partition(b"\n")[2] for make in made.values()]
    small = ("UTF-8 with a mark", "UTF-16", "UTF-32 without a mark", "Windows", "escapes")
    return [bytes([n % 4]) + texts.ODD[case]() for n, case in enumerate(small)]


READERS: dict[str, Callable[[bytes], None]] = {
    "epub": epub,
    "pdf": pdf,
    "text": text,
    "reading": reading,
}


def main() -> None:
    """Fuzz one reader for some minutes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--corpus", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(arguments.reader)):
        (arguments.corpus / f"seed-{number}").write_bytes(data)
    run = READERS[arguments.reader]
    try:
        import atheris
    except ImportError:
        from tests.fuzz.mutations import mutate_for

        done = mutate_for(run, seeds(arguments.reader), 60 * arguments.minutes, seed=0)
        print(json.dumps({"reader": arguments.reader, "engine": "mutations", **done}))
        return
    count = 0

    def counted(data: bytes) -> None:
        nonlocal count
        count += 1
        if count % 100 == 0:
            seconds = time.process_time() - started
            row = {"reader": arguments.reader, "engine": "atheris", "executions": count}
            (arguments.corpus.parent / f"{arguments.reader}.json").write_text(
                json.dumps({**row, "cpu_s": round(seconds, 1)}) + "\n", encoding="utf-8"
            )
        run(data)

    atheris.instrument_all()
    started = time.process_time()  # instrumenting takes most of a minute, and is no fuzzing
    options = [f"-max_total_time={60 * arguments.minutes:.0f}", "-timeout=60", "-rss_limit_mb=2048"]
    prefix = f"-artifact_prefix={arguments.corpus.parent}/{arguments.reader}-"
    atheris.Setup([sys.argv[0], *options, prefix, str(arguments.corpus)], counted)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
