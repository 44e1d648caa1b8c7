from __future__ import annotations

import pytest

from infinisum.books import read_book
from infinisum.books.html import Document, read_document
from infinisum.books.markup import parse_markup


def document(body: str, encoding: str = "utf-8") -> Document:
    data = f"<html xmlns:epub='http://www.idpf.org/2007/ops'><body>{body}</body></html>"
    return read_document(parse_markup(data.encode(encoding)))


def texts(body: str) -> list[str]:
    return [block.text for block in document(body).blocks]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>One <i>two</i>\n   three.</p><p>Four.</p>", ["One two three.", "Four."]),
        ("loose text<p>One.</p>more text", ["loose text", "One.", "more text"]),
        ("<div>One<div>Two</div>Three</div>", ["One", "Two", "Three"]),
        ("<p>wo\u00adrd\u2060s\u00a0here</p>", ["words here"]),
        ("<p>One<!-- not this --> two<?pi not this?> three</p>", ["One two three"]),
        ("<p>a</p><script>x()</script><style>p{}</style><p>b</p>", ["a", "b"]),
        ("<p>漢<ruby>字<rt>じ</rt></ruby>です</p>", ["漢字です"]),
        ("<p>shown<span hidden=''>not</span><b style='display: none'>not</b></p>", ["shown"]),
        ("<p>page<span class='pagenum'>[12]</span> turned</p>", ["page turned"]),
        ("<nav><ol><li>Contents</li></ol></nav><p>a</p>", ["a"]),
        ("<p>Roses are red,<br/>violets blue.</p>", ["Roses are red,\nviolets blue."]),
        ("<ul><li>one</li><li><p>two</p></li></ul>", ["one", "two"]),
    ],
)
def test_text_of_blocks(body: str, expected: list[str]) -> None:
    assert texts(body) == expected


def test_headings_have_levels() -> None:
    blocks = document("<h2>Chapter I</h2><p>Text.</p><h3>A Section</h3>").blocks
    assert [(block.text, block.level) for block in blocks] == [
        ("Chapter I", 2),
        ("Text.", 0),
        ("A Section", 3),
    ]


def test_verse_lines_of_a_stanza_stay_together() -> None:
    stanza = "<div class='stanza'><p>{}</p><p>{}</p></div>"
    body = stanza.format("The tide is in,", "the tide is out.") + stanza.format(
        "It turns", "again."
    )
    assert texts(body) == ["The tide is in,\nthe tide is out.", "It turns\nagain."]


def test_drama_puts_speaker_and_speech_in_one_paragraph() -> None:
    body = (
        "<table><tr><td/><td><i epub:type='z3998:stage-direction'>Enter <b>Mara</b>.</i></td></tr>"
        "<tr><td epub:type='z3998:persona'>Mara</td><td><p>Is the <br/>boat in?</p></td></tr>"
        "<tr><td>Old Tom</td><td>Not yet.</td></tr></table>"
    )
    assert texts(body) == ["(Enter Mara.)", "MARA: Is the\nboat in?", "Old Tom: Not yet."]


@pytest.mark.parametrize("tag", ["td", "th", "dt", "dd", "tr", "li", "p", "h2", "a", "br"])
def test_any_element_may_be_the_root_of_a_damaged_document(tag: str) -> None:
    root = parse_markup(f"<{tag}>Ada went home.</{tag}>".encode())
    assert root.tag == tag
    assert [block.text for block in read_document(root).blocks] == ["Ada went home."]


def test_words_that_nothing_is_said_of_stay_paragraphs_of_their_own() -> None:
    body = "<dl><dt>Ebb</dt><dt>Neap</dt><dd>The low tide.</dd><dt>Spring</dt></dl><p>It rose.</p>"
    assert texts(body) == ["Ebb", "Neap: The low tide.", "Spring", "It rose."]


def test_anchors_know_their_block() -> None:
    read = document("<p>a</p><p id='x'>b <span id='y'>c</span></p><div id='z'><p>d</p></div>")
    assert {name: read.blocks[at].text for name, at in read.anchors.items()} == {
        "x": "b c",
        "y": "b c",
        "z": "d",
    }


@pytest.mark.parametrize(
    "mark",
    [
        "<a epub:type='noteref' href='#n'>3</a>",
        "<a role='doc-noteref' href='#n'>iii</a>",
        "<sup><a href='#f3'>3</a></sup>",
        "<a href='#f3'><sup>3</sup></a>",
        "<a class='fnanchor' href='#f3'>[3]</a>",
        "<a href='notes.html#x'>[3]</a>",
        "<a href='#x'>*</a>",
        "<a href='notes.xhtml#note-3' id='noteref-3'>3</a>",
    ],
)
def test_footnote_marks_go(mark: str) -> None:
    read = document(f"<p>before{mark} after</p>")
    assert read.blocks[0].text == "before after"
    assert read.marks == 1


@pytest.mark.parametrize(
    "link",
    ["<a href='c2.xhtml'>3</a>", "<a href='#map'>the map</a>", "<sup>3</sup>", "<a id='p3'>3</a>"],
)
def test_other_links_and_raised_numbers_stay(link: str) -> None:
    assert "3" in texts(f"<p>before {link} 3 after</p>")[0]
    assert document(f"<p>x {link}</p>").marks == 0


def test_text_nested_deeper_than_the_parser_goes_is_kept() -> None:
    deep = "<div>" * 700 + "<p>the bottom</p>" + "</div>" * 700
    assert "the bottom" in texts(f"<p>above</p>{deep}<p>below</p>")
    assert "below" in texts(f"<p>above</p>{deep}<p>below</p>")


def test_tag_soup_keeps_all_text() -> None:
    soup = "<p>one<p>two <b>bold <i>both</b> italic</i><br>three & four <3 <p>five"
    words = " ".join(texts(soup)).replace("\n", " ").split()
    assert words == ["one", "two", "bold", "both", "italic", "three", "&", "four", "<3", "five"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "shift_jis"])
def test_declared_encodings(encoding: str) -> None:
    word = "潮" if encoding == "shift_jis" else "marée"
    page = f"<html><head><meta charset='{encoding}'></head><body><p>{word}</p></body></html>"
    read = read_document(parse_markup(page.encode(encoding)))
    assert read.blocks[0].text == word


def test_an_html_file_is_a_book(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = "".join(f"<p>On day {n} the ferry was late.</p>" for n in range(40))
    path = tmp_path / "salt.html"
    path.write_text(
        "<!DOCTYPE html><html lang='en-GB'><head><title>The Salt Road</title>"
        "<meta name='author' content='Ina Moore'></head><body><h1>The Salt Road</h1>"
        f"<h2>Part I</h2><h3>Arrival</h3>{text}<h3>Departure</h3>{text}"
        f"<h2>Part II</h2><h3>Return</h3>{text}</body></html>",
        encoding="utf-8",
    )
    book = read_book(path)
    assert (book.title, book.author, book.language) == ("The Salt Road", "Ina Moore", "en-GB")
    assert book.format == "html"
    assert [(c.title, c.parts) for c in book.chapters] == [
        ("Arrival", ("Part I",)),
        ("Departure", ("Part I",)),
        ("Return", ("Part II",)),
    ]
