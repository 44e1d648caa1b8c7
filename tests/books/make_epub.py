"""Small EPUBs for the tests, written by hand so that every detail can be wrong on purpose."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

CONTAINER = (
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
XHTML = "application/xhtml+xml"


def page(body: str, *, types: str = "", title: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f'<head><title>{title}</title></head><body epub:type="{types}">{body}</body></html>'
    )


def prose(name: str, words: int = 60) -> str:
    """Paragraphs of at least that many words, no two alike."""
    sentences = [f"{name} went by the harbour on day {n} and said little." for n in range(words)]
    return "".join(f"<p>{sentence}</p>" for sentence in sentences[: max(1, words // 10)])


def nav(lines: str, landmarks: str = "") -> str:
    return page(
        f'<nav epub:type="toc"><ol>{lines}</ol></nav>'
        f'<nav epub:type="landmarks"><ol>{landmarks}</ol></nav>'
    )


def link(href: str, title: str, inner: str = "") -> str:
    nested = f"<ol>{inner}</ol>" if inner else ""
    return f'<li><a href="{href}">{title}</a>{nested}</li>'


def ncx(points: str) -> str:
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'


def point(src: str, title: str, inner: str = "") -> str:
    return (
        f"<navPoint><navLabel><text>{title}</text></navLabel>"
        f'<content src="{src}"/>{inner}</navPoint>'
    )


def make_epub(
    pages: Mapping[str, str],
    *,
    nav_page: str = "",
    ncx_page: str = "",
    guide: str = "",
    metadata: str = "",
    spine: Sequence[str] | None = None,
    extra: Mapping[str, str | bytes] | None = None,
    extra_items: str = "",
    leave: Sequence[str] = (),
) -> bytes:
    """An EPUB of the pages (name → XHTML), in their order unless `spine` says otherwise.

    `extra` are more files by their path in the zip, `extra_items` more lines of the manifest,
    `leave` names files of the manifest that are not packed.
    """
    items = "".join(f'<item id="{n}" href="{n}" media-type="{XHTML}"/>' for n in pages)
    files: dict[str, str | bytes] = {f"OEBPS/{name}": text for name, text in pages.items()}
    if nav_page:
        items += f'<item id="nav" href="nav.xhtml" media-type="{XHTML}" properties="nav"/>'
        files["OEBPS/nav.xhtml"] = nav_page
    if ncx_page:
        items += '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        files["OEBPS/toc.ncx"] = ncx_page
    refs = "".join(f'<itemref idref="{name}"/>' for name in (spine or list(pages)))
    toc = ' toc="ncx"' if ncx_page else ""
    metadata = metadata or (
        "<dc:title>The Salt Road</dc:title><dc:creator>Ina Moore</dc:creator>"
        "<dc:language>en</dc:language>"
    )
    files["OEBPS/content.opf"] = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"'
        ' xmlns:opf="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{items}{extra_items}</manifest>"
        f"<spine{toc}>{refs}</spine><guide>{guide}</guide></package>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        for name, content in (files | dict(extra or {})).items():
            if name.removeprefix("OEBPS/") not in leave:
                archive.writestr(name, content)
    return stream.getvalue()


def simple_epub() -> bytes:
    """Two chapters and an imprint."""
    return make_epub(
        {
            "imprint.xhtml": page("<h2>Imprint</h2><p>Printed by nobody.</p>"),
            "c1.xhtml": page(f"<h2>I</h2>{prose('Ada')}"),
            "c2.xhtml": page(f"<h2>II</h2>{prose('Ben')}"),
        },
        nav_page=nav(
            link("imprint.xhtml", "Imprint")
            + link("c1.xhtml", "I: Arrival")
            + link("c2.xhtml", "II: Departure")
        ),
    )
