"""Books that cannot be read, by the command line: one line, status 3, nothing written."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tests.books.make_epub import make_epub, page, prose, simple_epub
from tests.books.pdf_writer import Sheet, canvas
from tests.cli.conftest import Cli

SENTENCE = "The old keeper lit the lamp and never spoke again."
_ENCRYPTION = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
    '<EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
    '<CipherData><CipherReference URI="OEBPS/c1.xhtml"/></CipherData>'
    "</EncryptedData></encryption>"
)


def protected_epub() -> bytes:
    extra = {"META-INF/encryption.xml": _ENCRYPTION, "META-INF/rights.xml": "<rights/>"}
    return make_epub({"c1.xhtml": page(f"<h2>I</h2>{prose('Ada')}")}, extra=extra)


def locked_pdf() -> bytes:
    sheet = Sheet(password="secret")
    sheet.paragraph(SENTENCE)
    return sheet.bytes()


def scan() -> bytes:
    data = io.BytesIO()
    drawing = canvas.Canvas(data)
    for _ in range(3):
        drawing.rect(50, 50, 400, 600, fill=1)
        drawing.showPage()
    drawing.save()
    return data.getvalue()


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        packed.writestr("a.txt", "x")
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("blank.txt", b" \n\n", "is empty"),
        ("cut.epub", simple_epub()[:-200], "damaged"),
        ("protected.epub", protected_epub(), "DRM (Adobe ADEPT)"),
        ("locked.pdf", locked_pdf(), "locked by a password"),
        ("scan.pdf", scan(), "no text in this PDF of 3 pages"),
        ("kind.xyz", bytes(range(256)) * 40, "unknown kind of file"),
        ("packed.epub", archive(), "a zip archive, not an EPUB"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_one_line_and_nothing_written(
    cli: Cli, tiny_model: Path, tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    path.write_bytes(data)
    out.mkdir()
    result = cli("summarize", path, "-o", out / "summary.md", "--model", tiny_model)
    assert (result.status, result.out) == (3, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"Error: {path}: ")
    assert says in result.err
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("name", ["one.txt", "one.md", "one.epub", "one.pdf"])
def test_a_book_of_one_sentence_is_summarised_by_it(
    cli: Cli, tiny_model: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    sheet = Sheet(numbers=False)
    sheet.paragraph(SENTENCE)
    path.write_bytes(
        {
            "one.txt": SENTENCE.encode(),
            "one.md": f"# The Lamp\n\n{SENTENCE}\n".encode(),
            "one.epub": make_epub({"c.xhtml": page(f"<p>{SENTENCE}</p>")}),
            "one.pdf": sheet.bytes(),
        }[name]
    )
    result = cli("summarize", path, "--model", tiny_model)
    assert result.status == 0
    assert SENTENCE in result.out
