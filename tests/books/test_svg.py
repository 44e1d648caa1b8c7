"""What of an SVG, and of what stands in for films and programs, is read as text."""

from __future__ import annotations

import pytest

from infinisum.books.epub import read_epub
from infinisum.books.html import read_document
from infinisum.books.markup import parse_markup

from .make_epub import link, make_epub, nav, page, prose

SVG = 'xmlns="http://www.w3.org/2000/svg"'


def blocks(body: str) -> list[str]:
    root = parse_markup(page(body).encode())
    return [block.text for block in read_document(root).blocks]


def drawing(inside: str) -> str:
    return f"<svg {SVG}>{inside}</svg>"


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<text>North</text><text>The old quay</text>", ["North", "The old quay"]),
        ("<title>A map</title><desc>Of it</desc><style>.a{fill:red}</style>", []),
        ("<text>10</text><text>20</text><g><text>miles</text></g>", ["miles"]),
        ("<defs><text>Never</text></defs><symbol><text>Nor this</text></symbol>", []),
        ('<text display="none">No</text><g style="visibility: hidden"><text>No</text></g>', []),
        # Lines of one sentence are one paragraph, labels are not.
        ("<text>The ferry had left and</text><text>nobody waved.</text>",
         ["The ferry had left and nobody waved."]),
        ("<text>She went down to meet</text><text>Ada at the quay.</text><text>It rained.</text>",
         ["She went down to meet Ada at the quay.", "It rained."]),
        ('<text y="1">The fer<tspan>ry</tspan><tspan y="2">left.<title>t</title></tspan></text>',
         ["The ferry left."]),
        ('<text>One<tspan dy="0">two</tspan><tspan dy="1.2em">three</tspan><!-- x -->!</text>',
         ["Onetwo three!"]),
        ("<switch><foreignObject><p>In words.</p></foreignObject><text>Drawn</text></switch>",
         ["In words."]),
        ("<switch><g/><text>Shown</text><text>Not shown</text></switch><text>After</text>",
         ["Shown", "After"]),
        ("<foreignObject><body><h2>Two</h2><p>She <b>left</b>.</p></body></foreignObject>",
         ["Two", "She left."]),
    ],
)  # fmt: skip
def test_a_drawing_is_read_for_the_words_it_shows(inside: str, said: list[str]) -> None:
    around = f"<p>Before.</p><div>{drawing(inside)}</div>After."
    assert blocks(around) == ["Before.", *said, "After."]


def test_an_initial_that_is_drawn_belongs_to_its_word() -> None:
    assert blocks(f"<p>{drawing('<text>T</text>')}he ferry left.</p>") == ["The ferry left."]
    root = parse_markup(page(f"<h2>{drawing('<text>Part</text><text>Two</text>')}</h2>").encode())
    (block,) = read_document(root).blocks
    assert (block.text, block.level) == ("Part Two", 2)


def test_drawings_within_drawings_end() -> None:
    deep = (
        "<svg><foreignObject><div>" * 400 + "At the bottom." + "</div></foreignObject></svg>" * 400
    )
    assert "At the bottom." in " ".join(blocks(f"{deep}<p>After.</p>"))
    inner = "<svg><foreignObject>" * 100 + "<p>At the bottom.</p>" + "</foreignObject></svg>" * 100
    assert blocks(f"{inner}<p>After.</p>") == ["At the bottom.", "After."]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<object data="a.xyz"><p>The ferry left.</p></object>', ["The ferry left."]),
        ('<object data="a.swf"><object data="b.svg">Two boats.</object></object>', ["Two boats."]),
        ('<object data="a.svg"><img src="a.png" alt="A boat"/></object>', []),
        ("<video><source/>The captain says: we leave at noon.</video>",
         ["The captain says: we leave at noon."]),
        ("<audio><p>Your reading system does not support audio.</p></audio>", []),
        ("<video>Votre lecteur ne prend pas en charge la vidéo.</video>", []),
        ("<canvas>A chart of the tides.</canvas>", ["A chart of the tides."]),
        ('<iframe src="http://192.0.2.1/x"></iframe>', []),
    ],
)  # fmt: skip
def test_what_is_there_for_readers_that_cannot_show_it_is_read(body: str, said: list[str]) -> None:
    assert blocks(f"<div>{body}</div><p>After.</p>") == [*said, "After."]


def test_a_book_whose_pages_are_drawings_is_read() -> None:
    pages = {"c1.svg": drawing("<title>p. 1</title><text>Ada went by the harbour.</text>"),
             "c2.svg": drawing("<text>Ben came back.</text>"),
             "c3.svg": drawing('<image href="a.png"/>')}  # fmt: skip
    items = "".join(
        f'<item id="{name}" href="{name}" media-type="image/svg+xml"/>' for name in pages
    )
    data = make_epub(
        {"end.xhtml": page(prose("Cy"))},
        nav_page=nav(link("c1.svg", "I") + link("c2.svg", "II") + link("end.xhtml", "III")),
        extra={f"OEBPS/{name}": text for name, text in pages.items()},
        extra_items=items,
        spine=[*pages, "end.xhtml"],
    )
    book = read_epub(data, "x.epub")
    assert [(c.title, c.text) for c in book.chapters][:2] == [
        ("I", "Ada went by the harbour."),
        ("II", "Ben came back."),
    ]
    assert [(item.what, item.reason) for item in book.left_out] == [
        ("OEBPS/c3.svg", "page without text")
    ]


def test_the_text_that_stands_in_for_a_drawing_is_preferred() -> None:
    data = make_epub(
        {"c.xhtml": page(prose("Ada")), "d.xhtml": page(prose("Ben"))},
        extra={"OEBPS/c.svg": drawing("<text>Drawn.</text>")},
        extra_items='<item id="s" href="c.svg" media-type="image/svg+xml" fallback="c.xhtml"/>',
        spine=["s", "d.xhtml"],
    )
    text = "\n".join(chapter.text for chapter in read_epub(data, "x.epub").chapters)
    assert "Ada" in text
    assert "Drawn" not in text
