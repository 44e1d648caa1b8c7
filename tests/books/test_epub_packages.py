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


def test_a_text_is_not_protected_because_a_film_is() -> None:
    pages = {"c.xhtml": page(prose("Ada")), "d.xhtml": page(prose("Ben"))}
    films = {"OEBPS/film 1.mp4": "noise", "OEBPS/film2.mp4": "noise"}

    def encrypted(*paths: str) -> bytes:
        data = "".join(
            f'<e:EncryptedData><e:EncryptionMethod Algorithm="http://example.org/aes"/>'
            f'<e:CipherData><e:CipherReference URI="{path}"/></e:CipherData></e:EncryptedData>'
            for path in paths
        )
        xml = (
            '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"'
            f' xmlns:e="http://www.w3.org/2001/04/xmlenc#">{data}</encryption>'
        )
        toc = nav(link("c.xhtml", "I") + link("d.xhtml", "II"))
        return make_epub(pages, nav_page=toc, extra={**films, "META-INF/encryption.xml": xml})

    book = read_epub(encrypted("OEBPS/film%201.mp4", "OEBPS/film2.mp4"), "x.epub")
    assert [chapter.title for chapter in book.chapters] == ["I", "II"]
    assert [(item.what, item.reason) for item in book.left_out] == [
        ("OEBPS/film 1.mp4 and 1 more", "encrypted")
    ]
    for protected in ("OEBPS/d.xhtml", "/OEBPS/./d.xhtml", "OEBPS/content.opf"):
        with pytest.raises(InputError, match=r"protected by DRM\."):
            read_epub(encrypted("OEBPS/film2.mp4", protected), "x.epub")


def test_items_of_one_id_are_all_read_and_each_once() -> None:
    pages = {name: page(prose(name)) for name in ("a.xhtml", "b.xhtml", "c.xhtml")}
    toc = nav("".join(link(name, name[0].upper()) for name in pages))
    data = make_epub(pages, nav_page=toc)
    item = '<item id="b.xhtml" href="b.xhtml"'
    same = changed(data, item, item.replace('id="b', 'id="a'))
    one = changed(same, '<itemref idref="b.xhtml"/>', "")
    assert [c.title for c in read_epub(one, "x.epub").chapters] == ["A", "B", "C"]
    moved = changed(one, '<itemref idref="c.xhtml"/>', '<itemref idref="c.xhtml"/>' + ref("a"))
    assert [c.title for c in read_epub(moved, "x.epub").chapters] == ["A", "C", "B"]
    # A picture that shares the id of a chapter is none.
    picture = '<item id="a.xhtml" href="a.jpg" media-type="image/jpeg"/>'
    beside = changed(data, "<manifest>", f"<manifest>{picture}")
    book = read_epub(beside, "x.epub")
    assert [c.title for c in book.chapters] == ["A", "B", "C"]
    assert not book.left_out


def ref(name: str) -> str:
    return f'<itemref idref="{name}.xhtml"/>'


@pytest.mark.parametrize(
    ("href", "says"),
    [
        ("https://example.org/a/../far.xhtml#x", "https://example.org/a/../far.xhtml"),
        (f"data:text/html,{'z' * 90}", f"data:text/html,{'z' * 45}…"),
    ],
)
def test_what_is_not_in_the_file_is_named_as_it_is_written(href: str, says: str) -> None:
    far = f'<item id="f" href="{href}" media-type="application/xhtml+xml"/>'
    data = make_epub({"c.xhtml": page(prose("Ada"))}, extra_items=far, spine=["f", "c.xhtml"])
    assert read_epub(data, "x.epub").warnings == (f"x.epub: {says} is not in the file.",)


@pytest.mark.parametrize(
    ("titles", "kept"),
    [
        (("Chapter 1", "Chapter 2"), True),
        (("I", "II"), True),
        (("Day 1", "Day 2"), True),
        (("The Salt Road", "Chapter 2"), False),  # the book's own title
        (("For Ada", "The Quay"), False),
    ],
)
def test_a_first_chapter_of_a_few_words_is_no_title_page(
    titles: tuple[str, str], kept: bool
) -> None:
    data = make_epub(
        {"a.xhtml": page("<p>The ferry had left.</p>"), "b.xhtml": page(prose("Ben"))},
        nav_page=nav(link("a.xhtml", titles[0]) + link("b.xhtml", titles[1])),
    )
    chapters = read_epub(data, "x.epub").chapters
    assert [chapter.title for chapter in chapters] == list(titles if kept else titles[1:])
