"""What the package document, the contents and the guide of an EPUB say, by our own reading."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from infinisum.books.book import LeftOut
from infinisum.books.epub_archive import Archive
from infinisum.books.markup import parse_xml
from infinisum.books.tags import tag_of, types_of

TEXT_TYPES = frozenset(
    {
        *("application/xhtml+xml", "text/html", "text/x-oeb1-document"),
        *("application/x-dtbook+xml", "application/xml", "text/xml"),
    }
)
_PAGES = (".xhtml", ".html", ".htm")
_SVG = "image/svg+xml"
_ELSEWHERE = re.compile(r"(?:data|https?|ftp|file):", re.IGNORECASE)
_MOST_SHOWN = 60  # characters of an address
_MOST_FALLBACKS = 8

_Item = tuple[str, Any]  # path in the zip, element of the manifest
_Manifest = dict[str, list[_Item]]


@dataclass(slots=True)
class SpineFile:
    """One file of the reading order."""

    name: str  # path in the zip
    data: bytes


@dataclass(slots=True)
class ContentsLine:
    """One line of the table of contents."""

    title: str
    level: int
    name: str  # path of the file in the zip, "" for a heading without link
    fragment: str = ""


@dataclass(slots=True)
class Package:
    """What the package document, the contents and the guide say."""

    title: str = ""
    author: str = ""
    language: str = ""
    spine: list[SpineFile] = field(default_factory=list)
    contents: list[ContentsLine] = field(default_factory=list)
    types: dict[str, set[str]] = field(default_factory=dict)  # path → types in guide, landmarks
    start: str = ""  # path of the file where the text begins, as guide or landmarks say
    missing: list[str] = field(default_factory=list)  # files named, but not there or damaged
    left_out: list[LeftOut] = field(default_factory=list)  # pictures in the reading order


def resolve(base: str, href: str) -> tuple[str, str]:
    """Path in the zip and fragment of a link in the file or folder `base` (folders end in "/")."""
    path, _, fragment = href.strip().partition("#")
    if not path:
        return base, unquote(fragment)
    if _ELSEWHERE.match(path):
        return (path if len(path) <= _MOST_SHOWN else f"{path[:_MOST_SHOWN]}…"), unquote(fragment)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(path)))
    while joined.startswith("../"):  # nothing is above the root of the container
        joined = joined[3:]
    return joined.lstrip("/"), unquote(fragment)


def is_elsewhere(path: str) -> bool:
    """Whether what `resolve` gave is an address outside the file, of which nothing is fetched."""
    return _ELSEWHERE.match(path) is not None


def plain(element: Any) -> str:
    """The element's text in one line."""
    return " ".join("".join(element.itertext()).replace("\u2060", "").split())


def read_package(archive: Archive) -> Package:
    """Package, spine and contents by our own reading; needs lxml only."""
    opf_path = find_opf(archive)
    data = archive.read(opf_path) if opf_path else None
    root = parse_xml(data) if data else None
    package = Package()
    if root is None:
        _without_opf(archive, package)
        return package
    _read_metadata(root, package)
    manifest = _manifest(root, opf_path)
    spine = next(root.iter("{*}spine"), None)
    for idref, items in _reading_order(root, manifest):
        for path, item in items:
            _add_to_spine(path, item, manifest, archive, package)
        if not items:
            package.missing.append(idref or "an entry without a name")
    for reference in root.iter("{*}reference"):
        add_type(package, opf_path, reference.get("href"), reference.get("type"))
    navs = [path for items in manifest.values() for path, item in items if _is_nav(item)]
    ncx = _first(manifest, _name(spine, "toc"))[0] if spine is not None else ""
    paths = (path for items in manifest.values() for path, _ in items)
    ncx = ncx or next((path for path in paths if path.endswith(".ncx")), "")
    for path, reader in ((navs[0] if navs else "", read_nav), (ncx, read_ncx)):
        content = archive.read(path) if path and not archive.is_encrypted(path) else None
        tree = parse_xml(content) if content else None
        if tree is not None and not package.contents:
            package.contents = reader(tree, path)
        if tree is not None and reader is read_nav:
            read_landmarks(tree, path, package)
    return package


def _name(element: Any, attribute: str) -> str:
    """An id or what refers to one: white space around it is no part of it."""
    return (element.get(attribute) or "").strip()


def _manifest(root: Any, opf_path: str) -> _Manifest:
    """Path and element of the items by their ids, which several should not share, but may."""
    manifest: _Manifest = {}
    for item in root.iter("{*}item"):
        if item.get("href"):
            path = resolve(opf_path, item.get("href"))[0]
            manifest.setdefault(_name(item, "id"), []).append((path, item))
    return manifest


def _first(manifest: _Manifest, name: str) -> tuple[str, Any]:
    return manifest.get(name, [("", None)])[0]


def _is_nav(item: Any) -> bool:
    return "nav" in (item.get("properties") or "").split()


def _reading_order(root: Any, manifest: _Manifest) -> Iterator[tuple[str, list[_Item]]]:
    """Ids and what they mean: one item; of several with one id all texts, each once, in turn.

    Without a reading order the texts of the manifest come as they are, its contents left out.
    """
    order = [_name(ref, "idref") for ref in root.iter("{*}itemref")]
    if not order:
        for name, items in manifest.items():
            if texts := [pair for pair in items if _is_page(*pair) and not _is_nav(pair[1])]:
                yield name, texts
        return
    times = Counter(order)
    left = {name: _meant(manifest.get(name, [])) for name in times}
    for name in order:
        times[name] -= 1
        take = left[name][:1] if times[name] else left[name]
        left[name] = left[name][len(take) :]
        if take or (name not in manifest and not times[name]):
            yield name, take


def _meant(items: list[_Item]) -> list[_Item]:
    """All texts of items with one id, the first where none is a text."""
    return [pair for pair in items if _is_page(*pair)] or items[:1]


def _is_page(path: str, item: Any) -> bool:
    return is_text(item.get("media-type") or "", path)


def is_text(media_type: str, path: str) -> bool:
    """Whether a file of the manifest is a text, by its type or, where that is wrong, its name."""
    return not media_type or media_type in TEXT_TYPES or path.lower().endswith(_PAGES)


def _add_to_spine(
    path: str, item: Any, manifest: _Manifest, archive: Archive, package: Package
) -> None:
    """Takes in a file of the reading order, or what the manifest names in its stead.

    An SVG may hold the text of a page; what stands in for it is more likely to.
    """
    first, drawing = path, ""
    for _ in range(_MOST_FALLBACKS):
        if item is None or _is_page(path, item):
            break
        if item.get("media-type") == _SVG:
            drawing = drawing or path
        path, item = _first(manifest, _name(item, "fallback"))
    else:
        item = None  # they name each other, or have no end
    path = path if item is not None else drawing
    if not path:
        package.left_out.append(LeftOut(first, "no text"))
    elif (content := archive.read(path)) is None:
        package.missing.append(path)
    else:
        package.spine.append(SpineFile(path, content))


def find_opf(archive: Archive) -> str:
    """Path of the package document: as the container says, else the only .opf there is."""
    data = archive.read("META-INF/container.xml")
    root = parse_xml(data) if data else None
    if root is not None:
        for rootfile in root.iter("{*}rootfile"):
            path = (rootfile.get("full-path") or "").lstrip("/")
            if path and archive.read(path) is not None:
                return path
    return next((n for n in archive.names if n.lower().endswith(".opf")), "")


def _without_opf(archive: Archive, package: Package) -> None:
    """No package document: the pages there are, in the order of the archive."""
    for path in archive.names:
        if path.lower().endswith(_PAGES) and (content := archive.read(path)):
            package.spine.append(SpineFile(path, content))


def _read_metadata(root: Any, package: Package) -> None:
    def all_of(tag: str) -> list[Any]:
        return [e for e in root.iter("{http://purl.org/dc/elements/1.1/}" + tag) if plain(e)]

    package.title = next((plain(e) for e in all_of("title")), "")
    package.language = next((plain(e) for e in all_of("language")), "")
    roles = {
        meta.get("refines", "").lstrip("#"): plain(meta)
        for meta in root.iter("{*}meta")
        if meta.get("property") == "role"
    }
    package.author = authors(
        [
            (
                plain(e),
                e.get("{http://www.idpf.org/2007/opf}role") or roles.get(e.get("id") or "", ""),
            )
            for e in all_of("creator")
        ]
    )


def authors(creators: list[tuple[str, str]]) -> str:
    """Names joined by ", ": those whose role is author where roles are given, else all."""
    writers = [name for name, role in creators if role == "aut"] or [name for name, _ in creators]
    return ", ".join(dict.fromkeys(writers))


def add_type(package: Package, base: str, href: str | None, types: str | None) -> None:
    """Notes what guide or landmarks call a file; where the text starts is noted apart."""
    if not href or not types:
        return
    path, fragment = resolve(base, href)
    for name in types.lower().split():
        if name in ("text", "start", "bodymatter"):
            package.start = package.start or path
        elif not fragment or name in ("toc", "cover"):
            package.types.setdefault(path, set()).add(name)


def read_nav(root: Any, path: str) -> list[ContentsLine]:
    """The table of contents of an EPUB 3 navigation document."""
    navs = list(root.iter("{*}nav"))
    nav = next((n for n in navs if "toc" in types_of(n)), navs[0] if navs else None)
    return list(_nav_lines(nav, path, 1)) if nav is not None else []


def _nav_lines(element: Any, path: str, level: int) -> Iterator[ContentsLine]:
    for child in element:
        if tag_of(child) == "li":
            label = next((e for e in child if tag_of(e) in ("a", "span")), None)
            if label is not None and plain(label):
                href = label.get("href")
                name, fragment = resolve(path, href) if href else ("", "")
                yield ContentsLine(plain(label), level, name, fragment)
            for inner in child:
                if tag_of(inner) in ("ol", "ul"):
                    yield from _nav_lines(inner, path, level + 1)
        elif tag_of(child) in ("ol", "ul", "div", "section"):
            yield from _nav_lines(child, path, level)


def read_ncx(root: Any, path: str) -> list[ContentsLine]:
    """The table of contents of an EPUB 2 (NCX)."""

    def lines(element: Any, level: int) -> Iterator[ContentsLine]:
        for point in element:
            if tag_of(point) != "navpoint":
                continue
            label = next((e for e in point if tag_of(e) == "navlabel"), None)
            content = next((e for e in point if tag_of(e) == "content"), None)
            src = content.get("src") if content is not None else None
            title = plain(label) if label is not None else ""
            if title:
                name, fragment = resolve(path, src) if src else ("", "")
                yield ContentsLine(title, level, name, fragment)
            yield from lines(point, level + 1)

    nav_map = next(root.iter("{*}navMap"), None)
    return list(lines(nav_map, 1)) if nav_map is not None else []


def read_landmarks(root: Any, path: str, package: Package) -> None:
    """Types the landmarks of an EPUB 3 give to files."""
    for nav in root.iter("{*}nav"):
        if "landmarks" in types_of(nav):
            for link in nav.iter("{*}a"):
                add_type(package, path, link.get("href"), " ".join(types_of(link)))
