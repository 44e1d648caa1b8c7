"""Package documents with faults, as epubcheck's cases have them."""

from __future__ import annotations

import io
import zipfile

import pytest

from infinisum.books.epub import read_epub
from infinisum.errors import InputError

from .make_epub import link, make_epub, nav, ncx, page, point, prose


def test_fallbacks_that_name_each_other_are_no_text() -> None:
    data = make_epub(
        {"c.xhtml": page(prose("Ada"))},
        nav_page=nav(link("c.xhtml", "I")),
        extra={"OEBPS/a.mp3": "ID3 and noise " * 40, "OEBPS/b.mp3": "noise " * 40},
        extra_items=(
            '<item id="a" href="a.mp3" media-type="audio/mpeg" fallback="b"/>'
            '<item id="b" href="b.mp3" media-type="audio/mpeg" fallback="a"/>'
        ),
        spine=["a", "c.xhtml"],
    )
    book = read_epub(data, "x.epub")
    assert [chapter.title for chapter in book.chapters] == ["I"]
    assert "noise" not in book.chapters[0].text
    assert [(part.what, part.reason) for part in book.left_out] == [("OEBPS/a.mp3", "no text")]


def test_dtbook_is_a_text() -> None:
    dtbook = (
        '<dtbook xmlns="http://www.daisy.org/z3986/2005/dtbook/"><book><bodymatter><level1>'
        f"<h1>One</h1>{prose('Ada')}</level1></bodymatter></book></dtbook>"
    )
    data = make_epub(
        {"c.xhtml": page(f"<h1>Two</h1>{prose('Ben')}")},
        ncx_page=ncx(point("d.xml", "One") + point("c.xhtml", "Two")),
        extra={"OEBPS/d.xml": dtbook},
        extra_items='<item id="d" href="d.xml" media-type="application/x-dtbook+xml"/>',
        spine=["d", "c.xhtml"],
    )
    assert [c.title for c in read_epub(data, "x.epub").chapters] == ["One", "Two"]
    assert "Ada" in read_epub(data, "x.epub").chapters[0].text


def changed(data: bytes, old: str, new: str) -> bytes:
    """The EPUB with something else in its package document."""
    given, stream = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in given.namelist():
            content = given.read(name)
            if name.endswith(".opf"):
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id="c1.xhtml"', 'id=" c1.xhtml "'),
        ('idref="c1.xhtml"', 'idref=" c1.xhtml"'),
        ('href="c1.xhtml"', 'href="../../../OEBPS/c1.xhtml"'),
        ('<itemref idref="c1.xhtml"/><itemref idref="c2.xhtml"/>', ""),
        ('<itemref idref="c2.xhtml"/>', '<itemref idref="c2.xhtml"/>' * 2),
    ],
    ids=["space in an id", "in a reference", "above the root", "no reading order", "named twice"],
)
def test_packages_with_small_faults_give_each_chapter_once(old: str, new: str) -> None:
    data = make_epub(
        {"c1.xhtml": page(prose("Ada")), "c2.xhtml": page(prose("Ben"))},
        nav_page=nav(link("c1.xhtml", "I") + link("c2.xhtml", "II")),
    )
    book = read_epub(changed(data, old, new), "x.epub")
    assert [c.title for c in book.chapters] == ["I", "II"]
    whole = read_epub(data, "x.epub")
    assert [c.text for c in book.chapters] == [c.text for c in whole.chapters]
    assert not book.warnings


def test_a_book_whose_only_chapter_is_missing_says_so() -> None:
    data = make_epub({"c.xhtml": page(prose("Ada"))}, leave=["c.xhtml"])
    with pytest.raises(InputError, match=r"OEBPS/c\.xhtml is missing or damaged"):
        read_epub(data, "x.epub")
