"""Fonts of a PDF whose codes mean what the file says, what the font program says, or nothing."""

from __future__ import annotations

import pytest

from infinisum.books.pdf import read_pdf
from infinisum.errors import InputError
from tests.hostile import pdfs

WORDS = "Ada went by the harbour and said little."


def typed(encoding: bytes, program: bytes = b"", shown: bytes = WORDS.encode()) -> bytes:
    """A page in a Type 1 font with its own program, which says what its codes mean."""
    begun = b"%!PS-AdobeFont-1.0: A\n/Encoding 256 array\n" + program
    changed = {
        "o4": pdfs.stream(b"BT /F1 12 Tf 72 720 Td (" + shown + b") Tj ET"),
        "o5": b"<</Type/Font/Subtype/Type1/BaseFont/AAAAAA+A/FontDescriptor 6 0 R%s>>" % encoding,
        "o6": b"<</Type/FontDescriptor/FontName/AAAAAA+A/Flags 4/FontFile 7 0 R>>",
        "o7": pdfs.stream(begun + b"readonly def\ncurrentfile eexec\nnoise"),
    }
    return pdfs.pdf(pdfs.objects(**changed))


def program(shift: int) -> bytes:
    """Letters a few codes away from where ASCII has them."""
    letters = [code for code in range(97, 123) if 97 <= code - shift < 123]
    return b"".join(b"dup %d /%c put\n" % (code - shift, code) for code in letters)


def shifted(text: str, shift: int) -> bytes:
    return bytes(ord(c) - shift if c.islower() else ord(c) for c in text)


def text_of(data: bytes) -> str:
    return read_pdf(data, "a.pdf").chapters[0].text


def test_codes_mean_what_the_font_program_says() -> None:
    words = "fog hid the pier"
    assert text_of(typed(b"", program(1), shifted(words, 1))) == words


def test_what_the_file_says_comes_before_the_font_program() -> None:
    names = b" ".join(b"/%c" % code for code in range(97, 123))
    for encoding in (
        b"/Encoding<</Type/Encoding/Differences[97 " + names + b"]>>",
        b"/Encoding/WinAnsiEncoding",
        b"/Encoding<</BaseEncoding/MacRomanEncoding>>",
    ):
        assert text_of(typed(encoding, program(3))) == WORDS


def test_what_the_file_does_not_say_the_font_program_does() -> None:
    some = b"/Encoding<</Differences[65 /fi 67 /germandbls.alt]>>"
    assert (
        text_of(typed(some, program(1), b"Cr " + shifted("fog hid the A", 1)))
        == "ßs fog hid the fi"
    )


@pytest.mark.parametrize(
    "encoding",
    [
        b"/Encoding<</Differences 7>>",
        b"/Encoding<</Differences[/a -5 /b 99999 /c (d) null]>>",
        b"/Encoding 7",
        b"/Encoding/NoSuchEncoding",
        b"/Encoding[1 2]",
    ],
)
def test_a_damaged_encoding_costs_no_page(encoding: bytes) -> None:
    assert "went by the harbour" in text_of(typed(encoding))


@pytest.mark.parametrize("pdfium", [True, False])
def test_a_font_of_control_characters_is_not_read_as_text(
    pdfium: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = b"".join(b"\\%03o" % code for code in (1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 2, 15, 16))
    data = pdfs.pdf(pdfs.objects(o4=pdfs.stream(b"BT /F1 12 Tf 72 720 Td (" + shown + b") Tj ET")))
    if pdfium:
        pytest.importorskip("pypdfium2")
    else:
        monkeypatch.setattr("infinisum.books.pdf.has_pdfium", lambda: False)
    with pytest.raises(InputError, match=r"^a\.pdf: the fonts of this PDF do not say what"):
        read_pdf(data, "a.pdf")


def test_numbers_at_the_end_of_labels_stay() -> None:
    lines = ["Turn the key again1", "Turn the lock again2", "Then leave by the door"]
    data = pdfs.pdf(pdfs.objects(o4=pdfs.stream(pdfs.shown(lines))))
    text = text_of(data)
    assert "again1" in text
    assert "again2" in text
