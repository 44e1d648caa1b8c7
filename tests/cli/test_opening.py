"""What is said while a book is opened: the pages of a PDF, and once that it is not English."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from infinisum.cli.console import Console
from infinisum.cli.sources import open_source
from infinisum.cli.work import Work
from infinisum.config import DEFAULT_MODEL, SummarizeOptions
from tests.books.pdf_writer import Sheet

GERMAN = (
    "Der Wärter stieg jeden Abend die Treppe hinauf und zündete die Lampe an, bevor die Boote "
    "zurückkamen. Es war kalt, aber sie hatte ihn nie einen Mantel tragen sehen."
)
ENGLISH = "The ferry was late, and he had to wait for it in the rain with his bag on his knees."


def work(model: str = DEFAULT_MODEL) -> Work:
    return Work(Console(), SummarizeOptions(), model, "cpu", "auto", None, None, resume=False)


def books(folder: Path, **texts: str) -> list[str]:
    names = []
    for name, text in texts.items():
        path = folder / f"{name}.txt"
        path.write_text("\n\n".join([text] * 4), encoding="utf-8")
        names.append(str(path))
    return names


def test_another_language_is_said_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    one = work()
    for name in books(tmp_path, english=ENGLISH, deutsch=GERMAN, noch_eins=GERMAN):
        assert one.open(name).book.words > 0
    said = [line for line in capfd.readouterr().err.splitlines() if "writes English" in line]
    assert len(said) == 1
    assert "deutsch.txt" in said[0]
    assert "(de)" in said[0]


def test_of_a_model_of_ones_own_nothing_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = work(model="./my-german-model")
    one.open(books(tmp_path, deutsch=GERMAN)[0])
    assert capfd.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_pages_of_a_pdf_are_counted_in_a_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = Sheet()
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        sheet.paragraph(f"{day} came. {ENGLISH}")
        sheet.new_page()
    path = tmp_path / "book.pdf"
    path.write_bytes(sheet.bytes())
    monkeypatch.delenv("CI", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    seen: list[tuple[int, int]] = []
    with Console().opening("book.pdf") as progress:
        assert progress is not None

        def both(done: int, total: int) -> None:
            seen.append((done, total))
            progress(done, total)

        book = open_source(str(path), None, both).book
    assert seen == sorted(seen)  # told from time to time, and at the end
    assert seen[-1] == (book.pages, book.pages)
    assert f"page {book.pages} of {book.pages}" in terminal.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Console().opening("book.pdf") as progress:
        assert progress is None
