"""The novella as EPUB 3: cover, nested contents, footnotes, and a toc.ncx for old readers.

Written straight with zipfile, so that the bytes depend on the source alone.
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

from novella import cover
from novella.source import Block, Chapter, Line, Novella, roman

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" \
epub:prefix="z3998: http://www.daisy.org/z3998/2012/vocab/structure/" \
lang="{language}" xml:lang="{language}">
<head>
  <title>{title}</title>
  <link rel="stylesheet" type="text/css" href="{up}css/book.css"/>
</head>
<body epub:type="{matter}">
{body}
</body>
</html>
"""

STYLE = """body { margin: 5%; font-family: Garamond, Georgia, serif; line-height: 1.4; }
h1, h2 { font-family: Helvetica, Arial, sans-serif; font-weight: normal; text-align: center; }
h1, h2 { margin: 20% 0 12%; line-height: 1.3; hyphens: none; }
.ordinal { display: block; font-size: 60%; letter-spacing: 0.15em; text-transform: uppercase; }
p { margin: 0; text-indent: 1.4em; text-align: justify; hyphens: auto; }
h2 + p, .verse + p, .plain p { text-indent: 0; }
.verse { margin: 1em 0 1em 2.5em; }
.verse p { text-indent: -1.5em; padding-left: 1.5em; text-align: left; hyphens: none; }
a[role="doc-noteref"] { font-size: 70%; vertical-align: super; line-height: 0; }
.footnotes { margin-top: 2.5em; border-top: 1px solid; padding-top: 0.5em; font-size: 85%; }
.footnotes p { text-indent: 0; margin-bottom: 0.5em; }
.plain { margin-top: 20%; text-align: center; }
.plain p { text-align: center; margin-bottom: 1em; }
.cover { margin: 0; text-align: center; }
.cover img { max-width: 100%; max-height: 98vh; }
nav ol { list-style: none; padding-left: 1.4em; }
nav h1 { margin: 8% 0; }
"""

COLOPHON = (
    "{title} was written for infinisum, a program that summarises whole books, "
    "to be its example and its test.",
    "This edition was made from Markdown by the script that stands beside it. "
    "The cover shows the two lights of Orsey in line, and the staff.",
)


def identifier(novella: Novella) -> str:
    """A URN that follows from author and title."""
    name = f"{novella.author}/{novella.title}"
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"


def page(novella: Novella, title: str, body: str, matter: str, up: str = "../") -> str:
    """A whole XHTML file."""
    return PAGE.format(
        language=novella.language, title=escape(title), matter=matter, body=body, up=up
    )


def inline(line: Line, chapter: int) -> str:
    """A line as XHTML with italics and footnote marks."""
    out = []
    for span in line:
        if span.note:
            out.append(
                f'<a epub:type="noteref" role="doc-noteref" id="mark-{chapter}-{span.note}" '
                f'href="#note-{chapter}-{span.note}">{span.note}</a>'
            )
        elif span.italic:
            out.append(f"<i>{escape(span.text, quote=False)}</i>")
        else:
            out.append(escape(span.text, quote=False))
    return "".join(out)


def stanza(block: Block, chapter: int) -> str:
    """A stanza of verse as one paragraph with line breaks."""
    lines = "<br/>\n".join(inline(line, chapter) for line in block.lines)
    return f'<blockquote class="verse" epub:type="z3998:verse"><p>{lines}</p></blockquote>'


def chapter_body(chapter: Chapter) -> str:
    """Heading, paragraphs and footnotes of a chapter."""
    number = chapter.number
    out = [
        f'<section epub:type="chapter" role="doc-chapter" id="chapter-{number}">',
        f'<h2><span class="ordinal" epub:type="ordinal">Chapter {roman(number)}</span> '
        f"{escape(chapter.title)}</h2>",
    ]
    for block in chapter.blocks:
        out.append(
            stanza(block, number) if block.verse else f"<p>{inline(block.lines[0], number)}</p>"
        )
    if chapter.notes:
        out.append('<section class="footnotes" epub:type="footnotes">')
        for index, note in enumerate(chapter.notes, start=1):
            out.append(
                f'<aside epub:type="footnote" role="doc-footnote" id="note-{number}-{index}">'
                f'<p><a href="#mark-{number}-{index}">{index}.</a> {inline(note, number)}</p>'
                "</aside>"
            )
        out.append("</section>")
    return "\n".join([*out, "</section>"])


def plain_section(kind: str, paragraphs: tuple[str, ...], heading: str = "") -> str:
    """A centred page of front or back matter."""
    head = f"<h1>{escape(heading)}</h1>\n" if heading else ""
    text = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return f'<section class="plain" epub:type="{kind}">\n{head}{text}\n</section>'


def pages(novella: Novella) -> Iterator[tuple[str, str, str]]:
    """Name, title and XHTML of every page in reading order."""
    image = (
        '<div class="cover" epub:type="cover"><img src="../images/cover.svg" alt="Cover"/></div>'
    )
    yield "cover", "Cover", page(novella, "Cover", image, "frontmatter")
    title_page = plain_section("titlepage", (novella.author,), novella.title)
    yield "titlepage", "Title Page", page(novella, novella.title, title_page, "frontmatter")
    lines = (f"Written for infinisum, {novella.date[:4]}.", f"Rights: {novella.rights}")
    imprint = plain_section("imprint", lines)
    yield "imprint", "Imprint", page(novella, "Imprint", imprint, "frontmatter")
    for index, part in enumerate(novella.parts, start=1):
        body = (
            f'<section epub:type="part" role="doc-part" id="part-{index}">\n'
            f'<h1><span class="ordinal" epub:type="ordinal">{escape(part.ordinal)}</span> '
            f"{escape(part.name)}</h1>\n</section>"
        )
        yield f"part-{index}", part.title, page(novella, part.title, body, "bodymatter")
        for chapter in part.chapters:
            text = page(novella, chapter.title, chapter_body(chapter), "bodymatter")
            yield f"chapter-{chapter.number:02d}", chapter.title, text
    paragraphs = tuple(line.format(title=novella.title) for line in COLOPHON)
    colophon = plain_section("colophon", paragraphs, "Colophon")
    yield "colophon", "Colophon", page(novella, "Colophon", colophon, "backmatter")


def contents(novella: Novella) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The nested contents: title and page of each entry, and the entries under it."""
    entries: list[tuple[str, str, list[tuple[str, str]]]] = [
        ("Title Page", "titlepage", []),
        ("Imprint", "imprint", []),
    ]
    for index, part in enumerate(novella.parts, start=1):
        chapters = [(c.title, f"chapter-{c.number:02d}") for c in part.chapters]
        entries.append((part.title, f"part-{index}", chapters))
    return [*entries, ("Colophon", "colophon", [])]


def navigation(novella: Novella) -> str:
    """nav.xhtml: contents and landmarks."""

    def link(title: str, name: str) -> str:
        return f'<a href="text/{name}.xhtml">{escape(title)}</a>'

    items = []
    for title, name, below in contents(novella):
        inner = "".join(f"\n    <li>{link(*entry)}</li>" for entry in below)
        nested = f"\n  <ol>{inner}\n  </ol>" if below else ""
        items.append(f"  <li>{link(title, name)}{nested}</li>")
    body = "\n".join(
        [
            '<nav epub:type="toc" role="doc-toc" id="toc">',
            "<h1>Contents</h1>",
            "<ol>",
            *items,
            "</ol>",
            "</nav>",
            '<nav epub:type="landmarks" hidden="hidden">',
            "<ol>",
            '  <li><a epub:type="toc" href="nav.xhtml">Contents</a></li>',
            '  <li><a epub:type="bodymatter" href="text/part-1.xhtml">Start</a></li>',
            "</ol>",
            "</nav>",
        ]
    )
    return page(novella, "Contents", body, "frontmatter", up="")


def ncx(novella: Novella) -> str:
    """toc.ncx, the contents of EPUB 2."""
    order = 0

    def point(title: str, name: str, below: str = "") -> str:
        return (
            f'<navPoint id="{name}" playOrder="{order}"><navLabel><text>{escape(title)}</text>'
            f'</navLabel><content src="text/{name}.xhtml"/>{below}</navPoint>\n'
        )

    points = []
    for title, name, below in contents(novella):
        order += 1
        own, inner = order, ""
        for entry in below:
            order += 1
            inner += point(*entry)
        points.append(point(title, name, inner).replace(f'"{order}"', f'"{own}"', 1))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1">\n'
        f'<head><meta name="dtb:uid" content="{identifier(novella)}"/></head>\n'
        f"<docTitle><text>{escape(novella.title)}</text></docTitle>\n"
        f"<navMap>\n{''.join(points)}</navMap>\n</ncx>\n"
    )


def package(novella: Novella, names: list[str]) -> str:
    """package.opf: metadata, manifest, spine."""
    manifest = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>',
        '<item id="style" href="css/book.css" media-type="text/css"/>',
        '<item id="cover-image" href="images/cover.svg" media-type="image/svg+xml" '
        'properties="cover-image"/>',
    ]
    manifest += [
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in names
    ]
    spine = [f'<itemref idref="{name}"/>' for name in names]
    spine.insert(names.index("part-1"), '<itemref idref="nav"/>')
    indent = "\n    "
    year, month, day = novella.day
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="uid" \
xml:lang="{novella.language}">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="uid">{identifier(novella)}</dc:identifier>
    <dc:title>{escape(novella.title)}</dc:title>
    <dc:creator id="author">{escape(novella.author)}</dc:creator>
    <meta refines="#author" property="role" scheme="marc:relators">aut</meta>
    <dc:language>{novella.language}</dc:language>
    <dc:rights>{escape(novella.rights)}</dc:rights>
    <dc:date>{novella.date}</dc:date>
    <meta property="dcterms:modified">{year}-{month:02d}-{day:02d}T00:00:00Z</meta>
    <meta name="cover" content="cover-image"/>
  </metadata>
  <manifest>
    {indent.join(manifest)}
  </manifest>
  <spine toc="ncx">
    {indent.join(spine)}
  </spine>
</package>
"""


def files(novella: Novella) -> Iterator[tuple[str, str]]:
    """Name and text of every file of the container after `mimetype`."""
    rendered = list(pages(novella))
    yield "META-INF/container.xml", CONTAINER
    yield "EPUB/package.opf", package(novella, [name for name, _, _ in rendered])
    yield "EPUB/nav.xhtml", navigation(novella)
    yield "EPUB/toc.ncx", ncx(novella)
    yield "EPUB/css/book.css", STYLE
    yield "EPUB/images/cover.svg", cover.svg(novella.title, novella.author)
    for name, _, text in rendered:
        yield f"EPUB/text/{name}.xhtml", text


def write(novella: Novella, path: Path) -> None:
    """Write the EPUB: `mimetype` first and stored, every entry with the book's date."""
    with zipfile.ZipFile(path, "w") as archive:

        def add(name: str, text: str, kind: int) -> None:
            entry = zipfile.ZipInfo(name, (*novella.day, 0, 0, 0))
            entry.compress_type = kind
            entry.create_system = 3  # the same bytes on every system
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode("utf-8"))

        add("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, text in files(novella):
            add(name, text, zipfile.ZIP_DEFLATED)
