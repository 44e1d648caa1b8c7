"""PDFs that are odd, and PDFs that mean harm, written byte by byte."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping

from tests.hostile.bombs import zlib_stream

LINES = [f"Ada went by the harbour on day {number} and said little." for number in range(12)]
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def shown(lines: list[str]) -> bytes:
    """The content of a page with these lines."""
    drawn = b"".join(b"(%s) Tj T* " % line.encode("latin-1") for line in lines)
    return b"BT /F1 12 Tf 14 TL 72 720 Td " + drawn + b"ET"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def page(contents: int = 4, more: bytes = b"") -> bytes:
    return (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>"
        b"/Contents %d 0 R%s>>" % (contents, more)
    )


def pdf(objects: Mapping[int, bytes], trailer: bytes = b"") -> bytes:
    """A file of these objects, with a right cross-reference table."""
    out, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    last = max(objects)
    table = b"".join(
        b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n"
        for n in range(1, last + 1)
    )
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (last + 1, table)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
        last + 1,
        trailer,
        start,
    )
    return out


def objects(**changed: bytes) -> dict[int, bytes]:
    """A book of one page; `o4=…` replaces object 4."""
    plain = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: page(),
        4: stream(shown(LINES)),
        5: FONT,
    }
    return plain | {int(name[1:]): body for name, body in changed.items()}


def plain() -> bytes:
    return pdf(objects())


def broken_xref() -> bytes:
    return re.sub(rb"\d{10} 00000 n", b"0000000007 00000 n", plain())


def no_xref() -> bytes:
    return plain().partition(b"xref")[0]


def far_startxref() -> bytes:
    return re.sub(rb"startxref\n\d+", b"startxref\n99999999999", plain())


def xref_loop() -> bytes:
    data = plain()
    start = data.rindex(b"xref\n0 ")
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % start)


def wrong_length(length: bytes) -> Callable[[], bytes]:
    return lambda: re.sub(rb"/Length \d+", b"/Length " + length, plain())


def length_of_itself() -> bytes:
    body = b"<</Length 4 0 R>>stream\n" + shown(LINES) + b"\nendstream"
    return pdf(objects(o4=body))


def junk_before_and_after() -> bytes:
    return b"From: somebody\r\n\r\n" + plain() + b"\n" + b"\x00" * 3_000


def cyclic_outline() -> bytes:
    items = {
        "o1": b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>",
        "o6": b"<</First 7 0 R/Last 8 0 R/Count 2>>",
        "o7": b"<</Title(One)/Parent 6 0 R/Next 8 0 R/First 7 0 R/Last 7 0 R/Dest[3 0 R/Fit]>>",
        "o8": b"<</Title(Two)/Parent 6 0 R/Next 7 0 R/Dest[3 0 R/Fit]>>",
    }
    return pdf(objects(**items))


def deep_outline() -> bytes:
    made = objects(o1=b"<</Type/Catalog/Pages 2 0 R/Outlines 10 0 R>>")
    made |= {
        n: b"<</Title(Line %d)/Dest[3 0 R/Fit]/First %d 0 R/Last %d 0 R>>" % (n, n + 1, n + 1)
        for n in range(10, 3_000)
    }
    return pdf(made)


def cyclic_page_tree() -> bytes:
    return pdf(objects(o2=b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2>>"))


def page_tree_of_loops_only() -> bytes:
    return pdf(
        objects(
            o2=b"<</Type/Pages/Kids[6 0 R 6 0 R]/Count 1000000>>",
            o6=b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 2 0 R]/Count 1000000>>",
        )
    )


def wide_page_tree() -> bytes:
    """Thirty levels of two children each that are the same object: a billion pages."""
    made = objects()
    for level in range(30):
        child = 10 + level + 1 if level < 29 else 3
        made[10 + level] = b"<</Type/Pages/Kids[%d 0 R %d 0 R]/Count 1073741824>>" % (child, child)
    made[2] = b"<</Type/Pages/Kids[10 0 R]/Count 1073741824>>"
    return pdf(made)


def many_pages() -> bytes:
    kids = b"3 0 R " * 60_000
    return pdf(objects(o2=b"<</Type/Pages/Kids[%s]/Count 60000>>" % kids))


def cyclic_form() -> bytes:
    resources = b"/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]" + resources
    return pdf(
        objects(
            o3=page().replace(b"/Font<</F1 5 0 R>>", b"/Font<</F1 5 0 R>>/XObject<</X 6 0 R>>"),
            o4=stream(shown(LINES) + b" /X Do"),
            o6=stream(b"/X Do " * 50, form),
        )
    )


def flate_bomb() -> bytes:
    return pdf(objects(o4=stream(zlib_stream(b" ", 400), b"/Filter/FlateDecode")))


def flate_bomb_beside_text() -> bytes:
    """A page of text, and one that unpacks to 400 MiB."""
    return pdf(
        objects(
            o2=b"<</Type/Pages/Kids[3 0 R 6 0 R]/Count 2>>",
            o6=page(7),
            o7=stream(zlib_stream(b" ", 400), b"/Filter/FlateDecode"),
        )
    )


def filter_chain() -> bytes:
    content = shown(LINES) + b" " * 200_000_000
    for _ in range(2):
        content = zlib.compress(content, 9)
    return pdf(objects(o4=stream(content, b"/Filter[/FlateDecode/FlateDecode]")))


def many_filters() -> bytes:
    return pdf(objects(o4=stream(shown(LINES), b"/Filter[%s]" % (b"/ASCIIHexDecode " * 5_000))))


def run_length_bomb() -> bytes:
    return pdf(objects(o4=stream(b"\x81 " * 1_000_000, b"/Filter/RunLengthDecode")))


def nested_arrays() -> bytes:
    return pdf(objects(o4=stream(b"[" * 200_000 + shown(LINES))))


def nested_dictionaries() -> bytes:
    return pdf(objects(o6=b"<</A" * 100_000, o1=b"<</Type/Catalog/Pages 2 0 R/X 6 0 R>>"))


def endless_operators() -> bytes:
    content = zlib.compress(b"(x) Tj " * 6_000_000, 9)
    return pdf(objects(o4=stream(content, b"/Filter/FlateDecode")))


def code_map_bomb() -> bytes:
    """A font that says what four billion codes mean."""
    ranges = b"1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange " * 20
    made = objects(
        o5=b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R"
        b"/DescendantFonts[7 0 R]>>",
        o6=stream(b"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange " + ranges),
        o7=b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/W[0 2000000000 500]>>",
    )
    return pdf(made)


def huge_numbers() -> bytes:
    box = b"[0 0 %s %s]" % (b"9" * 5_000, b"9" * 5_000)
    content = b"BT /F1 %s Tf 1e308 0 0 1e308 72 700 Tm (%s) Tj ET " % (
        b"9" * 400,
        LINES[0].encode(),
    )
    return pdf(
        objects(
            o3=page().replace(b"[0 0 595 842]", box), o4=stream(content + shown(LINES)),
        )
    )  # fmt: skip


def scan() -> bytes:
    return pdf(objects(o4=stream(b"0 0 595 842 re f")))


def abbreviated_filter() -> bytes:
    """A filter by the name that only pictures within a page's content may use."""
    text = zlib.compress(shown(LINES))
    return pdf(objects(o4=stream(text, b"/Filter/Fl")))


def protected() -> bytes:
    """Locked by Adobe ADEPT: text for those who have its key."""
    return pdf(objects(), trailer=b"/Encrypt<</Filter/EBX_HANDLER/V 4>>")


def no_pages() -> bytes:
    return pdf(objects(o2=b"<</Type/Pages/Kids[]/Count 0>>"))


def negative_count() -> bytes:
    return pdf(objects(o2=b"<</Type/Pages/Kids[3 0 R]/Count -5>>"))


def control_characters() -> bytes:
    return pdf(objects(o4=stream(shown(["\\033]0;owned\\007" + line for line in LINES]))))


ODD: dict[str, Callable[[], bytes]] = {
    "plain": plain,
    "broken xref": broken_xref,
    "far startxref": far_startxref,
    "xref loop": xref_loop,
    "short length": wrong_length(b"5"),
    "long length": wrong_length(b"99999999"),
    "negative length": wrong_length(b"-1"),
    "length of itself": length_of_itself,
    "junk before and after": junk_before_and_after,
    "cyclic outline": cyclic_outline,
    "deep outline": deep_outline,
    "cyclic page tree": cyclic_page_tree,
    "cyclic form": cyclic_form,
    "flate bomb beside text": flate_bomb_beside_text,
    "negative count": negative_count,
    "control characters": control_characters,
    "nested dictionaries": nested_dictionaries,
    "abbreviated filter": abbreviated_filter,
}  # read, whatever else is wrong with them
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "page tree of loops only": (page_tree_of_loops_only, ""),
    "wide page tree": (wide_page_tree, ""),
    "huge numbers": (huge_numbers, "more than a book needs"),
    "code map bomb": (code_map_bomb, "more than a book needs"),
    "no xref": (no_xref, "damaged PDF file"),
    "many pages": (many_pages, "more than a book needs"),
    "flate bomb": (flate_bomb, "more than a book needs"),
    "filter chain": (filter_chain, "more than a book needs"),
    "many filters": (many_filters, ""),
    "run-length bomb": (run_length_bomb, "more than a book needs"),
    "nested arrays": (nested_arrays, ""),
    "endless operators": (endless_operators, ""),
    "scan": (scan, "no text in this PDF of 1 page"),
    "protected": (protected, "protected by DRM or a certificate"),
    "no pages": (no_pages, "has no pages"),
}  # refused, with these words
