"""XHTML and HTML bytes to an lxml tree: no network, no entities, no DTD, no text lost."""

from __future__ import annotations

import html.entities
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Element = Any  # lxml's own element type is not public

_DOCTYPE_START = re.compile(r"<!DOCTYPE\b", re.IGNORECASE)
# With its internal subset, whose strings and comments may hold any bracket; else as it comes.
_DOCTYPES = (
    re.compile(
        r"""<!DOCTYPE[^>\[]*+(?:\[(?:[^\]"'<]++|"[^"]*"|'[^']*'|<!--.*?-->|<)*+\]\s*+)?+>""",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"<!DOCTYPE[^>\[]*+(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL),
)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_PROLOG = 64 * 1024  # characters in which a DOCTYPE begins
_DECLARED = re.compile(
    rb"<\?xml[^>]*encoding\s*=\s*[\"']([\w.:-]+)|<meta[^>]*charset\s*=\s*[\"']?([\w.:-]+)",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WRAPPER = re.compile(
    r"</?(?:div|section|article|blockquote|center|main|span|font|b|i|u|em|strong|big|small)\b[^>]*>",
    re.IGNORECASE,
)
_INLINE = re.compile(r"</?(?:span|font|b|i|u|em|strong|big|small|a|q)\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(?:!--.*?--|[?!/]?[A-Za-z][^<>]*)>", re.DOTALL)
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, which begins with the same bytes
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ZEROS = (
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_WIDE = ("utf-16", "utf16", "utf-32", "utf32", "ucs-2", "iso-10646-ucs", "unicode")


def decode_markup(data: bytes, encoding: str | None = None) -> str:
    """Text of a marked-up file: by BOM, zeros, given or declared encoding, UTF-8, else cp1252."""
    declared = _DECLARED.search(data[:2048])
    named = (declared[1] or declared[2]).decode("ascii") if declared else ""
    if named.lower().replace("_", "-").startswith(_WIDE):
        named = ""  # a declaration that can be read byte by byte is not in them
    by_bom = next((name for bom, name in _BOMS if data.startswith(bom)), "")
    by_zeros = next((name for start, name in _ZEROS if data.startswith(start)), "")
    for name in (by_bom, by_zeros, encoding or "", named, "utf-8"):
        if name:
            try:
                return data.decode(name, "replace" if name in (by_bom, by_zeros) else "strict")
            except (UnicodeError, LookupError):
                continue
    return data.decode("cp1252", errors="replace")


def _entity(match: re.Match[str]) -> str:
    name = match[1]
    if name in _XML_ENTITIES:
        return match[0]
    return html.entities.html5.get(f"{name};", match[0])


def _prepare(text: str) -> bytes:
    """UTF-8 without declaration, DTD, control characters and entities only HTML knows."""
    text = _XML_DECLARATION.sub("", text.lstrip("\ufeff"))
    if (start := _DOCTYPE_START.search(text, 0, _PROLOG)) is not None:
        ends = (match.end() for form in _DOCTYPES if (match := form.match(text, start.start())))
        text = text[: start.start()] + text[next(ends, start.end()) :]
    return _CONTROL.sub("", _ENTITY.sub(_entity, text)).encode("utf-8", errors="replace")


def without_doctype(data: bytes) -> bytes:
    """A file as UTF-8 without what could define entities, for parsers that are not ours."""
    return _prepare(decode_markup(data))


def _text_length(root: Element | None) -> int:
    return 0 if root is None else sum(len(text) for text in root.itertext())


def _parse_xml(data: bytes, *, recover: bool) -> tuple[Element | None, bool]:
    """The tree, and whether libxml2 gave up because of depth."""
    from lxml import etree

    parser = etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    return root, _is_deep(parser.error_log)


def _parse_soup(data: bytes) -> tuple[Element | None, bool]:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        root = None
    return root, _is_deep(parser.error_log)


def _is_deep(log: Iterable[Any]) -> bool:
    """Whether libxml2 gave up because of depth.

    Raises:
        MemoryError: or because there was no more memory.
    """
    messages = [entry.message or "" for entry in log]
    if any("out of memory" in message or "allocation failed" in message for message in messages):
        raise MemoryError
    return any("depth" in message for message in messages)


def parse_xml(data: bytes) -> Element | None:
    """The root of a small XML file of a package (OPF, NCX, container), None where it has none."""
    return _parse_xml(_prepare(decode_markup(data)), recover=True)[0]


def parse_markup(data: bytes, encoding: str | None = None) -> Element | None:
    """The root element of an XHTML or HTML document, None where it has no element.

    Well-formed XHTML is read as XML. Anything else is read twice, as XML with recovery and as
    HTML, and the reading that kept more text is taken. libxml2 cuts documents nested deeper than
    256 elements; such a document loses its wrappers (`div`, `span`, …) first, then all its
    elements, and keeps its text.

    Args:
        data: the file.
        encoding: its encoding, where it does not say so itself.
    """
    text = decode_markup(data, encoding)
    prepared = _prepare(text)
    root, deep = _parse_xml(prepared, recover=False)
    if root is not None and not deep:
        return root
    root, deep = _best(prepared)
    if deep:
        flat = _WRAPPER.sub(lambda m: "" if _INLINE.match(m[0]) else "<hr/>", prepared.decode())
        root, deep = _best(flat.encode())
    if deep:
        pieces = _ANY_TAG.sub(lambda m: "\n" if _INLINE.match(m[0]) else "<hr/>", prepared.decode())
        root, _ = _best(f"<html><body>{pieces}</body></html>".encode())
    return root


def _best(prepared: bytes) -> tuple[Element | None, bool]:
    as_xml, xml_deep = _parse_xml(prepared, recover=True)
    as_html, html_deep = _parse_soup(prepared)
    root = as_xml if _text_length(as_xml) > _text_length(as_html) else as_html
    return root, xml_deep or html_deep
