from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infinisum.books import read_book
from infinisum.errors import InputError

from .make_epub import simple_epub


def zip_of(**files: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def refusal(source: Path | io.BytesIO) -> InputError:
    with pytest.raises(InputError) as caught:
        read_book(source)
    error = caught.value
    assert "\n" not in str(error)
    assert error.exit_status == 3
    return error


def test_the_content_tells_the_kind_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(simple_epub())
    assert read_book(path).format == "epub"
    assert read_book(str(path)).source == str(path)


def test_streams_are_read() -> None:
    book = read_book(io.BytesIO(simple_epub()))
    assert (book.source, book.format) == ("-", "epub")
    assert read_book(io.BytesIO(simple_epub()), name="salt.epub").source == "salt.epub"


def test_text_markdown_and_html(tmp_path: Path) -> None:
    prose = "The ferry came in late that day, and nobody on the quay said a word.\n\n" * 8
    for name, text, kind in (
        ("a.txt", f"CHAPTER 1\n\n{prose}CHAPTER 2\n\n{prose}", "text"),
        ("a.md", f"# One\n\n{prose}# Two\n\n{prose}", "markdown"),
        ("b", f"<!-- x --><!DOCTYPE html><p>{prose}</p>", "html"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_book(tmp_path / name).format == kind


@pytest.mark.parametrize("name", ["a.md", "a.markdown"])
def test_markdown_may_hold_many_html_tags(tmp_path: Path, name: str) -> None:
    verse = "The ferry came in late,<br>and nobody on the quay<br>said a word.\n\n" * 8
    (tmp_path / name).write_text(f"# One\n\n{verse}# Two\n\n{verse}", encoding="utf-8")
    book = read_book(tmp_path / name)
    assert book.format == "markdown"
    assert [chapter.title for chapter in book.chapters] == ["One", "Two"]


def test_a_book_without_title_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "the_salt_road.html"
    path.write_text("<html><body><p>The ferry came.</p></body></html>", encoding="utf-8")
    assert read_book(path).title == "the salt road"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "JPEG picture"),
        (b"GIF89a" + bytes(50), "GIF picture"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP picture"),
        (bytes(60) + b"BOOKMOBI" + bytes(50), "Kindle"),
        (b"{\\rtf1 hello}", "RTF"),
        (bytes(range(256)) * 8, "unknown kind"),
        (b"PK\x03\x04" + b"rubbish" * 9, "damaged"),
        (simple_epub()[:-200], "damaged"),
        (zip_of(**{"word/document.xml": "<x/>"}), "Word document"),
        (zip_of(**{"a.txt": "x"}), "zip archive"),
        (b"<!DOCTYPE html><html><body><img src='x'></body></html>", "no text"),
    ],
)
def test_what_cannot_be_read_says_so_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(data)
    error = refusal(path)
    assert error.message.startswith(f"{path}: ")
    assert says in error.message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "gone.epub").message
    assert "folder" in refusal(tmp_path).message


def test_importing_the_package_loads_no_reader() -> None:
    heavy = "{'torch', 'ebooklib', 'lxml', 'pypdf', 'syntok', 'bs4'}"
    code = f"import sys, infinisum.books; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_page_of_html_is_one_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    page = "<!DOCTYPE html><html><body><h1>The Mill</h1><p>It stood by the weir.</p></body></html>"
    path.write_text(page, encoding="utf-8")
    book = read_book(path)
    assert book.format == "html"
    text = "\n".join(chapter.text for chapter in book.chapters)
    assert "It stood by the weir." in text and "<" not in text
