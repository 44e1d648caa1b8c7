from __future__ import annotations

import contextlib
import io
from random import Random

import pytest

from infinisum.books.book import Book
from infinisum.books.limits import DEFAULT_LIMITS
from infinisum.books.pdf import read_pdf
from infinisum.books.pdf_pdfium import read_with_pdfium
from infinisum.books.reader import read_book
from infinisum.errors import InputError
from tests.books.pdf_writer import BODY, HEIGHT, MARGIN, SIZE, Sheet
from tests.hostile import pdfs

SENTENCE = (
    "the harbour lay quiet under a sky of thin cloud and the men who worked upon the wall had gone "
    "home before the tide turned leaving their ropes and barrels where the water could not reach"
)
WORDS = SENTENCE.split()
CHAPTERS = ("The Harbour", "The Wall", "The Turning Tide", "The Barrels")


def sentence(seed: int, length: int) -> str:
    words = [WORDS[(seed * 7 + i * (1 + seed % 5)) % len(WORDS)] for i in range(length)]
    return " ".join(words).capitalize() + "."


def paragraphs(chapter: int, count: int = 14) -> list[str]:
    return [
        " ".join(sentence(chapter * 100 + p * 10 + s, 9 + (p + s) % 7) for s in range(3 + p % 4))
        for p in range(count)
    ]


def write(sheet: Sheet, *, outline: bool = False) -> bytes:
    for number, title in enumerate(CHAPTERS):
        sheet.heading(title, outline=0 if outline else None)
        for text in paragraphs(number):
            sheet.paragraph(text)
    return sheet.bytes()


def texts(book: Book) -> list[list[str]]:
    return [[paragraph.text for paragraph in chapter.paragraphs] for chapter in book.chapters]


EXPECTED = [paragraphs(number) for number in range(len(CHAPTERS))]


@pytest.mark.parametrize("outline", [True, False], ids=["outline", "headings"])
@pytest.mark.parametrize("indent", [14.0, 0.0], ids=["indents", "gaps"])
@pytest.mark.parametrize("justified", [True, False], ids=["justified", "ragged"])
def test_chapters_and_paragraphs_come_back(outline: bool, indent: float, justified: bool) -> None:
    sheet = Sheet(head="A Book of Harbours", indent=indent, justified=justified)
    book = read_pdf(write(sheet, outline=outline), "book.pdf")
    assert [chapter.title for chapter in book.chapters] == list(CHAPTERS)
    read = [" ".join(chapter) for chapter in texts(book)]
    assert read == [" ".join(chapter) for chapter in EXPECTED]
    if indent:
        assert texts(book) == EXPECTED
    assert book.pages == sheet.page
    assert "running heads" in [item.reason for item in book.left_out]


def test_every_paragraph_has_its_page() -> None:
    sheet = Sheet()
    sheet.heading("One")
    starts = []
    for text in paragraphs(1, 30):
        starts.append(sheet.page if sheet.y >= MARGIN + 20 else sheet.page + 1)
        sheet.paragraph(text)
    book = read_pdf(sheet.bytes(), "book.pdf")
    assert [p.page for c in book.chapters for p in c.paragraphs] == starts
    assert starts[-1] > 2


def test_words_divided_at_line_ends_are_mended() -> None:
    word, halves = "lighthouse", ("light", "house")
    sheet = Sheet(divide={word: halves, "well-known": ("well", "known")})
    sheet.heading("One")
    text = " ".join(
        f"the {word} was a well-known mark {'of ' * (n % 5)}the coast" for n in range(60)
    )
    sheet.paragraph(text)
    data = sheet.bytes()
    assert [" ".join(chapter) for chapter in texts(read_pdf(data, "book.pdf"))] == [text]


def test_running_heads_page_numbers_and_footnotes_go() -> None:
    sheet = Sheet(head="Harbours")
    for number, title in enumerate(CHAPTERS):
        sheet.heading(title)
        for index, text in enumerate(paragraphs(number)):
            if index == 3:
                sheet.notes.append(f"{number + 1} {sentence(number + 50, 9)}")
            sheet.paragraph(text)
    book = read_pdf(sheet.bytes(), "book.pdf")
    assert texts(book) == EXPECTED
    left_out = {item.reason: item.words for item in book.left_out}
    assert left_out["notes"] == 4 * 10
    assert left_out["running heads"] >= 2 * sheet.page


def test_initials_are_given_back_to_their_words() -> None:
    sheet = Sheet(justified=False)
    first = "When the boats came in, " + paragraphs(2)[0]
    second = "A man stood upon the wall, and " + paragraphs(2)[1]
    for title, text in (("The Boats", first), ("The Man", second)):
        sheet.heading(title)
        sheet.paragraph(text, initial=True)
        for other in paragraphs(3):
            sheet.paragraph(other)
    book = read_pdf(sheet.bytes(), "book.pdf")
    assert texts(book) == [[first, *paragraphs(3)], [second, *paragraphs(3)]]


def test_raised_footnote_marks_go() -> None:
    sheet = Sheet()
    sheet.heading("The Boats")
    text = "They saw the last boat of the year go out"
    sheet.line(text, x=MARGIN + sheet.indent)
    width = sheet.canvas.stringWidth(text, BODY, SIZE)
    sheet.canvas.setFont(BODY, 6.5)
    sheet.canvas.drawString(MARGIN + sheet.indent + width, sheet.y + 14 + 5, "1")
    for other in paragraphs(3):
        sheet.paragraph(other)
    book = read_pdf(sheet.bytes(), "book.pdf")
    assert texts(book) == [[text, *paragraphs(3)]]
    assert ("1 footnote marks", "footnote marks") in [(i.what, i.reason) for i in book.left_out]


def test_an_outline_with_parts_nests() -> None:
    sheet = Sheet()
    for part, chapters in (("Part One", CHAPTERS[:2]), ("Part Two", CHAPTERS[2:])):
        sheet.heading(part, outline=0)
        sheet.new_page()
        for title in chapters:
            sheet.heading(title, outline=1)
            for text in paragraphs(1):
                sheet.paragraph(text)
    book = read_pdf(sheet.bytes(), "book.pdf")
    assert [chapter.title for chapter in book.chapters] == list(CHAPTERS)
    assert [chapter.parts for chapter in book.chapters] == [("Part One",)] * 2 + [("Part Two",)] * 2
    assert {chapter.level for chapter in book.chapters} == {2}


def test_a_printed_table_of_contents_is_no_chapter() -> None:
    sheet = Sheet(numbers=False)
    sheet.heading("Contents")
    for page, title in enumerate(CHAPTERS, start=2):
        sheet.line(f"{title} . . . . . . . . . . . {page * 3}")
    data = write(sheet)
    book = read_pdf(data, "book.pdf")
    assert [chapter.title for chapter in book.chapters] == list(CHAPTERS)
    assert texts(book) == EXPECTED


def test_metadata_is_used_where_it_makes_sense() -> None:
    sheet = Sheet()
    sheet.canvas.setTitle("A Book of Harbours")
    sheet.canvas.setAuthor("Anna Brandt; Otto Brandt")
    book = read_pdf(write(sheet), "book.pdf")
    assert (book.title, book.author) == ("A Book of Harbours", "Anna Brandt, Otto Brandt")
    noise = Sheet()
    noise.canvas.setTitle("Microsoft Word - book_final2.docx")
    noise.canvas.setAuthor("Administrator")
    book = read_pdf(write(noise), "book.pdf")
    assert (book.title, book.author) == ("", "")


def test_pages_without_text_are_counted_and_progress_is_told() -> None:
    sheet = Sheet(numbers=False)
    sheet.heading("One")
    sheet.paragraph(paragraphs(0)[0])
    for _ in range(2):
        sheet.new_page()
        sheet.canvas.rect(50, 50, 100, 100)
    sheet.new_page()
    sheet.paragraph(paragraphs(0)[1])
    told: list[tuple[int, int]] = []
    data = io.BytesIO(sheet.bytes())
    book = read_book(data, progress=lambda done, total: told.append((done, total)))
    assert ("pages 2-3", "page without text") in [(i.what, i.reason) for i in book.left_out]
    assert told == sorted(told)
    assert told[-1] == (4, 4)


def test_a_scan_says_so() -> None:
    sheet = Sheet(numbers=False)
    for _ in range(2):
        sheet.canvas.rect(50, 50, 100, 100)
        sheet.new_page()
    with pytest.raises(
        InputError, match=r"scan\.pdf: no text in this PDF of 2 pages: it is a scan"
    ):
        read_pdf(sheet.bytes(), "scan.pdf")


@pytest.mark.parametrize(
    ("head", "pages", "scan", "read"),
    [
        ("Lamp", 4, False, 4),
        ("Lamp", 30, False, 30),
        ("Lamp", 30, True, 0),
        ("", 4, False, 0),
        ("", 30, False, 0),
    ],
)
def test_pages_of_nothing_but_running_heads(head: str, pages: int, scan: bool, read: int) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    sheet = Sheet(head)
    sheet.chapter = head
    picture = ImageReader(Image.new("L", (2, 2)))
    for number in range(pages):
        if scan:
            sheet.canvas.drawImage(picture, 0, 0, 300, 400)
        if number < pages - 1:
            sheet.new_page()
    data = sheet.bytes()
    if read:
        (words,) = texts(read_pdf(data, "a.pdf"))
        assert " ".join(words).count(head) == read
        return
    with pytest.raises(InputError, match=f"numbers in this PDF of {pages} pages, as in a scan"):
        read_pdf(data, "a.pdf")


def test_numbered_lines_alone_on_their_pages_are_the_text() -> None:
    sheet = Sheet(numbers=False)
    for number in range(30):
        sheet.line(f"Lantern {number}")
        sheet.new_page()
    (words,) = texts(read_pdf(sheet.bytes(), "a.pdf"))
    assert [f"Lantern {number}" in " ".join(words) for number in (0, 17, 29)] == [True] * 3


def test_a_password_is_asked_for_but_an_empty_one_tried() -> None:
    with pytest.raises(InputError, match=r"locked\.pdf: this PDF is locked by a password"):
        read_pdf(write(Sheet(password="secret")), "locked.pdf")
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(write(Sheet()))))
    writer.encrypt("", owner_password="owner", algorithm="AES-256")
    data = io.BytesIO()
    writer.write(data)
    assert texts(read_pdf(data.getvalue(), "open.pdf")) == EXPECTED


@pytest.mark.parametrize("keep", [9, 200, 2000])
def test_a_broken_file_is_one_clear_error(keep: int) -> None:
    data = write(Sheet())
    with pytest.raises(InputError, match=r"^broken\.pdf: (damaged|no text)") as error:
        read_pdf(data[:keep], "broken.pdf")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("seed", range(25))
def test_damage_anywhere_is_an_input_error_or_read(seed: int) -> None:
    random = Random(seed)
    data = bytearray(write(Sheet(), outline=True))
    for _ in range(random.choice([1, 5, 50, 400])):
        data[random.randrange(len(data))] = random.randrange(256)
    with contextlib.suppress(InputError):
        assert read_pdf(bytes(data), "book.pdf").chapters


def test_a_sideways_page_reads_level() -> None:
    sheet = Sheet(numbers=False)
    sheet.canvas.setPageRotation(90)
    sheet.canvas.saveState()
    sheet.canvas.translate(HEIGHT * 0.6, 40)
    sheet.canvas.rotate(90)
    sheet.canvas.setFont(BODY, SIZE)
    for row, text in enumerate(("The tide turned at", "noon and nobody saw it.")):
        sheet.canvas.drawString(0, -row * 14, text)
    sheet.canvas.restoreState()
    book = read_pdf(sheet.bytes(), "turned.pdf")
    assert " ".join(texts(book)[0][0].split()) == "The tide turned at noon and nobody saw it."


def unicode_pdf(shown: bytes, encoding: bytes, codes: dict[int, str], size: int = 12) -> bytes:
    """A page whose font has two-byte codes, and says what they mean."""
    mapped = b" ".join(
        b"<%04X> <%s>" % (code, text.encode("utf-16-be").hex().encode())
        for code, text in codes.items()
    )
    changed = {
        "o4": pdfs.stream(b"BT /F1 %d Tf %s ET" % (size, shown)),
        "o5": b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/%s/ToUnicode 6 0 R"
        b"/DescendantFonts[7 0 R]>>" % encoding,
        "o6": pdfs.stream(
            b"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
            b"%d beginbfchar %s endbfchar endcmap" % (len(codes), mapped)
        ),
        "o7": b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/DW 500>>",
    }
    return pdfs.pdf(pdfs.objects(**changed))


def test_vertical_writing_is_read_down_and_from_right_to_left() -> None:
    columns = ["船は遅く着いた", "誰も何も言わな", "かった。雨が降"]
    codes = dict(enumerate(dict.fromkeys("".join(columns)), start=1))
    code_of = {character: code for code, character in codes.items()}
    drawn = b""
    for number, column in enumerate(columns):
        text = b"".join(b"%04X" % code_of[c] for c in column)
        drawn += b"1 0 0 1 %d 700 Tm <%s> Tj " % (500 - 20 * number, text)
    book = read_pdf(unicode_pdf(drawn, b"Identity-V", codes), "down.pdf")
    assert "".join(book.chapters[0].text.split()) == "".join(columns)


def test_hebrew_is_read_from_right_to_left() -> None:
    line = "הספינה איחרה מאוד באותו יום"
    codes = dict(enumerate(dict.fromkeys(line), start=1))
    code_of = {character: code for code, character in codes.items()}
    whole = b"".join(b"%04X" % code_of[c] for c in reversed(line))
    data = unicode_pdf(b"1 0 0 1 72 700 Tm <%s> Tj" % whole, b"Identity-H", codes)
    assert read_pdf(data, "a.pdf").chapters[0].text == line
    words, x = b"", 500
    for word in line.split():  # word by word, from the right edge to the left
        x -= 6 * len(word)
        text = b"".join(b"%04X" % code_of[c] for c in reversed(word))
        words += b"1 0 0 1 %d 700 Tm <%s> Tj " % (x, text)
        x -= 6
    data = unicode_pdf(words, b"Identity-H", codes)
    assert read_pdf(data, "a.pdf").chapters[0].text == line


@pytest.mark.parametrize("pdfium", [True, False])
def test_names_of_glyphs_are_no_text(pdfium: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    names = b" ".join(b"/X%02x" % code for code in range(32, 127))
    font = pdfs.FONT[:-2] + b"/Encoding<</Type/Encoding/Differences[32 " + names + b"]>>>>"
    data = pdfs.pdf(pdfs.objects(o5=font))
    if pdfium:
        pytest.importorskip("pypdfium2")
        assert read_pdf(data, "a.pdf").words == 132
        return
    monkeypatch.setattr("infinisum.books.pdf.has_pdfium", lambda: False)
    with pytest.raises(InputError, match=r"^a\.pdf: the fonts of this PDF do not say what"):
        read_pdf(data, "a.pdf")


def test_variants_of_glyphs_are_their_letters() -> None:
    names = b" ".join(b"/%c.alt" % code for code in range(ord("a"), ord("z") + 1))
    font = pdfs.FONT[:-2] + b"/Encoding<</Type/Encoding/Differences[97 " + names + b"]>>>>"
    book = read_pdf(pdfs.pdf(pdfs.objects(o5=font)), "a.pdf")
    assert pdfs.LINES[0] in book.chapters[0].text


def test_pdfium_reads_what_pypdf_cannot() -> None:
    pytest.importorskip("pypdfium2")
    data = pdfs.ODD["cyclic page tree"]().replace(b"/Count 2", b"/Count 1")
    assert read_pdf(data, "a.pdf").words == 132
    content = read_with_pdfium(pdfs.plain(), "a.pdf", DEFAULT_LIMITS)
    assert content is not None
    assert [line.text for line in content.pages[0].lines] == pdfs.LINES
