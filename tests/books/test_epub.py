from __future__ import annotations

import pytest

from infinisum.books import epub_container
from infinisum.books.epub import _read_with_ebooklib, read_epub
from infinisum.books.epub_archive import Archive
from infinisum.errors import InputError

from .make_epub import link, make_epub, nav, ncx, page, point, prose, simple_epub


def titles(data: bytes) -> list[str]:
    return [chapter.title for chapter in read_epub(data, "book.epub").chapters]


def reasons(data: bytes) -> dict[str, str]:
    return {item.what: item.reason for item in read_epub(data, "book.epub").left_out}


def test_metadata_titles_and_text() -> None:
    book = read_epub(simple_epub(), "salt.epub")
    assert (book.title, book.author, book.language) == ("The Salt Road", "Ina Moore", "en")
    assert [c.title for c in book.chapters] == ["I: Arrival", "II: Departure"]
    assert book.chapters[0].paragraphs[0].text.startswith("Ada went by the harbour on day 0")
    assert len(book.chapters[0].paragraphs) == 6
    assert [(item.what, item.reason) for item in book.left_out] == [("Imprint", "imprint")]


def test_authors_are_those_whose_role_is_author() -> None:
    metadata = (
        '<dc:title>T</dc:title><dc:creator opf:role="aut">Ina Moore</dc:creator>'
        '<dc:creator opf:role="aut">Lee Ash</dc:creator>'
        '<dc:creator opf:role="ill">Some Painter</dc:creator>'
    )
    data = make_epub({"c.xhtml": page(prose("Ada"))}, metadata=metadata)
    assert read_epub(data, "x").author == "Ina Moore, Lee Ash"


def test_parts_over_chapters_in_other_files() -> None:
    data = make_epub(
        {
            "p1.xhtml": page("<h1>Part One</h1>", types="bodymatter"),
            "a.xhtml": page(f"<h2>I</h2>{prose('Ada')}"),
            "b.xhtml": page(f"<h2>II</h2>{prose('Ben')}"),
            "p2.xhtml": page("<h1>Part Two</h1>"),
            "c.xhtml": page(f"<h2>I</h2>{prose('Cy')}"),
        },
        nav_page=nav(
            link("p1.xhtml", "Part One", link("a.xhtml", "I") + link("b.xhtml", "II"))
            + link("p2.xhtml", "Part Two", link("c.xhtml", "I"))
        ),
    )
    chapters = read_epub(data, "x").chapters
    assert [(c.title, c.parts, c.level) for c in chapters] == [
        ("I", ("Part One",), 2),
        ("II", ("Part One",), 2),
        ("I", ("Part Two",), 2),
    ]


def test_flat_contents_still_put_chapters_below_a_bare_part() -> None:
    data = make_epub(
        {
            "p1.xhtml": page("<h1>Part I</h1>"),
            "a.xhtml": page(f"<h2>The Ferry</h2>{prose('Ada')}"),
            "p2.xhtml": page("<h1>Part II</h1>"),
            "b.xhtml": page(f"<h2>The Shore</h2>{prose('Ben')}"),
        },
        ncx_page=ncx(
            point("p1.xhtml", "Part I")
            + point("a.xhtml", "The Ferry")
            + point("p2.xhtml", "Part II")
            + point("b.xhtml", "The Shore")
        ),
    )
    chapters = read_epub(data, "x").chapters
    assert [(c.title, c.parts) for c in chapters] == [
        ("The Ferry", ("Part I",)),
        ("The Shore", ("Part II",)),
    ]


def test_one_file_with_several_contents_lines_is_divided_at_its_anchors() -> None:
    body = "".join(f'<h2 id="c{n}">Chapter {n}</h2>{prose(f"Mate{n}")}' for n in (1, 2, 3))
    data = make_epub(
        {"all.xhtml": page(body)},
        ncx_page=ncx("".join(point(f"all.xhtml#c{n}", f"Chapter {n}") for n in (1, 2, 3))),
    )
    chapters = read_epub(data, "x").chapters
    assert [c.title for c in chapters] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert all(f"Mate{n}" in c.text for n, c in enumerate(chapters, start=1))
    assert "Mate2" not in chapters[0].text


def test_files_without_a_line_of_contents_go_on_with_the_chapter_before() -> None:
    data = make_epub(
        {
            "a1.xhtml": page(f"<h2>One</h2>{prose('Ada')}"),
            "a2.xhtml": page(prose("Still Ada")),
            "b.xhtml": page(f"<h2>Two</h2>{prose('Ben')}"),
        },
        nav_page=nav(link("a1.xhtml", "One") + link("b.xhtml", "Two")),
    )
    chapters = read_epub(data, "x").chapters
    assert [c.title for c in chapters] == ["One", "Two"]
    assert "Still Ada went" in chapters[0].text


def test_scenes_stay_in_their_act() -> None:
    act = '<h2>Act {0}</h2><section id="s1"><h3>Scene I</h3>{1}</section>' + (
        '<section id="s2"><h3>Scene II</h3>{1}</section>'
    )
    data = make_epub(
        {f"act{n}.xhtml": page(act.format(n, prose(f"King{n}"))) for n in (1, 2)},
        nav_page=nav(
            "".join(
                link(
                    f"act{n}.xhtml",
                    f"Act {n}",
                    link(f"act{n}.xhtml#s1", "Scene I") + link(f"act{n}.xhtml#s2", "Scene II"),
                )
                for n in (1, 2)
            )
        ),
    )
    chapters = read_epub(data, "x").chapters
    assert [c.title for c in chapters] == ["Act 1", "Act 2"]
    assert [p.text for p in chapters[0].paragraphs].count("Scene II") == 1


def test_without_contents_the_headings_divide() -> None:
    data = make_epub(
        {
            "a.xhtml": page(f"<h2>Chapter I</h2><h3>The Ferry</h3>{prose('Ada')}"),
            "b.xhtml": page(f"<h2>Chapter II</h2><h3>The Shore</h3>{prose('Ben')}"),
        }
    )
    assert titles(data) == ["Chapter I: The Ferry", "Chapter II: The Shore"]


def test_without_contents_and_headings_lines_that_read_as_headings_divide() -> None:
    data = make_epub(
        {"all.xhtml": page("".join(f"<p>CHAPTER {n}</p>{prose(f'Mate{n}')}" for n in (1, 2, 3)))}
    )
    assert titles(data) == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]


@pytest.mark.parametrize(
    ("types", "title", "reason"),
    [
        ("frontmatter dedication", "To My Sister", "dedication"),
        ("frontmatter titlepage", "The Salt Road", "title page"),
        ("frontmatter", "A Word Before", "front matter"),
        ("backmatter endnotes", "Remarks", "notes"),
        ("backmatter", "Colophon", "back matter"),
        ("", "Table of Contents", "contents"),
        ("", "Uncopyright", "licence"),
        ("", "Index", "index"),
    ],
)
def test_front_and_back_matter_by_type_and_title(types: str, title: str, reason: str) -> None:
    data = make_epub(
        {
            "x.xhtml": page(f"<h2>{title}</h2>{prose('Nobody', 30)}", types=types),
            "c.xhtml": page(f"<h2>One</h2>{prose('Ada', 300)}", types="bodymatter"),
        },
        nav_page=nav(link("x.xhtml", title) + link("c.xhtml", "One")),
    )
    assert titles(data) == ["One"]
    left = {item.reason for item in read_epub(data, "x").left_out}
    assert left == {"notes" if "endnotes" in types else reason}


def test_body_matter_is_kept_whatever_its_title() -> None:
    data = make_epub(
        {
            "x.xhtml": page(f"<h2>Introduction</h2>{prose('Ida')}", types="bodymatter"),
            "c.xhtml": page(f"<h2>One</h2>{prose('Ada', 300)}", types="bodymatter"),
        },
        nav_page=nav(link("x.xhtml", "Introduction") + link("c.xhtml", "One")),
    )
    assert titles(data) == ["Introduction", "One"]


def test_guide_and_landmarks_tell_too() -> None:
    pages = {
        "x.xhtml": page(f"<h2>For B.</h2>{prose('Nobody', 30)}"),
        "c.xhtml": page(f"<h2>One</h2>{prose('Ada', 300)}"),
    }
    contents = link("x.xhtml", "For B.") + link("c.xhtml", "One")
    guided = make_epub(
        pages, nav_page=nav(contents), guide='<reference type="dedication" href="x.xhtml"/>'
    )
    marked = make_epub(
        pages,
        nav_page=nav(contents, '<li><a epub:type="dedication" href="x.xhtml">Dedication</a></li>'),
    )
    for data in (guided, marked):
        assert titles(data) == ["One"]
        assert reasons(data) == {"For B.": "dedication"}


def test_footnote_marks_and_notes_are_dropped_and_the_text_around_them_kept() -> None:
    data = make_epub(
        {
            "c.xhtml": page(
                '<h2>One</h2><p>The tide<a href="n.xhtml#n1" epub:type="noteref">1</a> turned.</p>'
                '<p>The bell<sup><a id="r2" href="#n2">2</a></sup> rang 12 times.</p>'
                f'{prose("Ada")}<aside id="n2"><p><a href="#r2">2</a> A ship’s bell.</p></aside>'
            ),
            "n.xhtml": page(
                '<ol><li id="n1"><p>Of spring. <a href="c.xhtml">back</a></p></li></ol>',
                types="endnotes",
            ),
        },
        nav_page=nav(link("c.xhtml", "One") + link("n.xhtml", "Endnotes")),
    )
    book = read_epub(data, "x")
    text = book.chapters[0].text
    assert text.startswith("The tide turned.\n\nThe bell rang 12 times.\n\n")
    assert "ship’s bell" not in text
    assert len(book.chapters) == 1
    assert {item.reason for item in book.left_out} == {"notes", "footnote marks"}


def test_a_note_that_points_back_at_a_paragraph_does_not_take_it_away() -> None:
    data = make_epub(
        {
            "c.xhtml": page(
                '<h2>One</h2><p id="p1">The tide<sup><a href="#n1">1</a></sup> turned.</p>'
                f'{prose("Ada")}<p id="n1"><sup><a href="#p1">1</a></sup> Of spring.</p>'
            )
        },
        nav_page=nav(link("c.xhtml", "One")),
    )
    text = read_epub(data, "x").chapters[0].text
    assert "The tide turned." in text
    assert "Of spring" not in text


def both_readings(data: bytes) -> tuple[object, object]:
    archive = Archive(data, "x.epub")
    return _read_with_ebooklib(archive), epub_container.read_package(archive)


def test_our_own_reading_of_the_package_equals_ebooklibs() -> None:
    nested = make_epub(
        {
            "text/p.xhtml": page("<h1>Part</h1>"),
            "text/a b.xhtml": page(prose("Ada")),
        },
        nav_page=nav(
            link("text/p.xhtml", "Part", link("text/a%20b.xhtml#x", "I: <i>Arrival</i>")),
            '<li><a epub:type="bodymatter" href="text/a%20b.xhtml">Start</a></li>',
        ),
        guide='<reference type="cover" href="text/p.xhtml"/>',
        metadata=(
            '<dc:title>A  Title</dc:title><dc:creator id="c">Ina</dc:creator>'
            '<dc:creator id="d">Lee</dc:creator><dc:language>fr-FR</dc:language>'
            '<meta property="role" refines="#c">aut</meta>'
            '<meta property="role" refines="#d">edt</meta>'
        ),
    )
    old = make_epub(
        {"c.xhtml": page(prose("Ada")), "d.xhtml": page(prose("Ben"))},
        ncx_page=ncx(
            point("c.xhtml", "One", point("c.xhtml#x", "Inner")) + point("d.xhtml", "Two")
        ),
    )
    for data in (simple_epub(), nested, old):
        theirs, ours = both_readings(data)
        assert theirs is not None
        assert theirs == ours


@pytest.mark.parametrize(
    "missing",
    [
        '<item id="css" href="gone.css" media-type="text/css"/>',
        '<item id="odd" href="x.bin"/>',
        '<item id="face" href="gone.otf" media-type="font/otf"/>',
    ],
)
def test_missing_stylesheets_and_fonts_do_not_matter(missing: str) -> None:
    data = make_epub(
        {"c1.xhtml": page(f"<h2>I</h2>{prose('Ada')}"), "c2.xhtml": page(prose("Ben"))},
        nav_page=nav(link("c1.xhtml", "I") + link("c2.xhtml", "II")),
        extra_items=missing,
    )
    theirs, ours = both_readings(data)
    assert theirs == ours
    assert titles(data) == ["I", "II"]


def test_a_missing_chapter_is_named_and_the_rest_is_read() -> None:
    data = make_epub(
        {"c1.xhtml": page(prose("Ada")), "c2.xhtml": page(prose("Ben"))},
        nav_page=nav(link("c1.xhtml", "I") + link("c2.xhtml", "II")),
        leave=["c2.xhtml"],
    )
    book = read_epub(data, "x.epub")
    assert [c.title for c in book.chapters] == ["I"]
    assert book.warnings == ("x.epub: OEBPS/c2.xhtml is missing or damaged.",)


def encryption(algorithm: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": (
            '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
            f'<EncryptionMethod Algorithm="{algorithm}"/></EncryptedData></encryption>'
        )
    }


def test_protected_books_are_refused() -> None:
    pages = {"c.xhtml": page(prose("Ada"))}
    for extra in (
        encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        {"META-INF/license.lcpl": "{}"},
        {"META-INF/sinf.xml": "<sinf/>"},
    ):
        with pytest.raises(InputError, match=r"^b\.epub: .*DRM") as caught:
            read_epub(make_epub(pages, extra=extra), "b.epub")
        assert caught.value.exit_status == 3
        assert caught.value.hint


def test_scrambled_fonts_are_no_protection() -> None:
    data = make_epub(
        {"c.xhtml": page(prose("Ada"))}, extra=encryption("http://www.idpf.org/2008/embedding")
    )
    assert read_epub(data, "b.epub").words > 50


def test_a_book_of_pictures_has_no_text() -> None:
    data = make_epub({"c.xhtml": page('<img src="p1.jpg" alt="A page"/>')})
    with pytest.raises(InputError, match=r"b\.epub: no text found"):
        read_epub(data, "b.epub")


def test_a_book_of_nothing_but_front_matter_is_its_text() -> None:
    data = make_epub({"c.xhtml": page("<p>A test of the press.</p>", types="titlepage")})
    book = read_epub(data, "b.epub")
    assert [chapter.text for chapter in book.chapters] == ["A test of the press."]
    assert [item.reason for item in book.left_out] == []


def test_a_bomb_is_refused_before_it_is_unpacked_and_matters_only_where_it_is_read() -> None:
    bomb = " " * (65 * 2**20)
    with pytest.raises(InputError, match=r"would unpack to 65 MiB"):
        read_epub(make_epub({"c.xhtml": page(prose("Ada")), "d.xhtml": bomb}), "b.epub")
    data = make_epub({"c.xhtml": page(prose("Ada"))}, extra={"OEBPS/big.jpg": bomb})
    assert read_epub(data, "b.epub").words > 50


def test_external_entities_are_not_read(tmp_path: pytest.TempPathFactory) -> None:
    evil = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">'
        '<!ENTITY y "lol">]><html xmlns="http://www.w3.org/1999/xhtml"><body>'
        f"<p>&x;&y;&eacute;t&eacute;</p>{prose('Ada')}</body></html>"
    )
    text = read_epub(make_epub({"c.xhtml": evil}), "x").chapters[0].text
    assert "root:" not in text
    assert "lol" not in text
    assert "été" in text


def test_a_heading_with_its_number_is_not_text() -> None:
    """The contents say "The Mail", the page "Chapter II The Mail"."""
    from infinisum.books.contents import without_title

    texts = ["Chapter II The Mail", "It was a cold night, and the coach was late."]
    assert without_title(texts, [2, 0], ["The Mail", "A Book"]) == 1
    assert without_title(texts, [0, 0], ["The Mail", "A Book"]) == 0  # not marked as a heading
    assert without_title(["Chapter II The Storm", texts[1]], [2, 0], ["The Mail"]) == 0
