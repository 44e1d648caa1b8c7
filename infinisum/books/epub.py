"""EPUB books: the package by ebooklib, by our own reading of the container where that fails.

ebooklib (AGPL-3.0) is used here and nowhere else. It gives the reading order, the contents, the
guide and the metadata. It knows no limits and no DRM, so it gets its files from `epub_archive`,
and pictures, fonts and stylesheets not at all. A book it cannot read is read by
`epub_container.read_package`, which gives the same `Package`. The text of the files is ours in
both cases: ebooklib hands over their bytes.
"""

from __future__ import annotations

import posixpath
import warnings
from collections import Counter
from typing import Any

from infinisum.books import epub_container as container
from infinisum.books.assembly import File, Source, Target, assemble
from infinisum.books.book import Book, LeftOut
from infinisum.books.epub_archive import Archive
from infinisum.books.epub_container import ContentsLine, Package, SpineFile
from infinisum.books.html import read_document
from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.books.markup import parse_markup, parse_xml, without_doctype
from infinisum.books.tags import note_targets
from infinisum.errors import InputError
from infinisum.guard import step

_NOT_READ = (
    *(".jpg", ".jpeg", ".png", ".gif", ".svg", ".webp", ".bmp", ".tif", ".tiff", ".avif"),
    *(".ttf", ".otf", ".woff", ".woff2", ".css", ".js", ".pls", ".smil"),
    *(".mp3", ".mp4", ".m4a", ".m4v", ".ogg", ".ogv", ".opus", ".wav", ".webm", ".mpg", ".mov"),
)


def read_epub(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Book:
    """Reads an EPUB 2 or 3.

    Args:
        data: the file.
        name: what to call it in messages.
        limits: on what it may unpack to.

    Raises:
        InputError: damaged, protected, over a limit, or without text.
    """
    archive = Archive(data, name, limits)
    package = _read_with_ebooklib(archive) or container.read_package(archive)
    files, unreadable = _read_files(package)
    source = Source(
        files,
        [Target(line.title, line.level, line.name, line.fragment) for line in package.contents],
        package.title,
        package.start,
    )
    chapters, left_out = assemble(source)
    missing = [*package.missing, *unreadable]
    if not chapters and missing:
        raise InputError(f"{name}: no text found in this EPUB; {_lacks(missing[0])}.")
    if not chapters:
        raise InputError(
            f"{name}: no text found in this EPUB.",
            "It may hold pictures of pages only; such books need text recognition (OCR) first.",
        )
    left_out += [*package.left_out, *(LeftOut(path, "missing or damaged") for path in missing)]
    if archive.encrypted:
        first, *more = archive.encrypted
        left_out.append(LeftOut(f"{first} and {len(more)} more" if more else first, "encrypted"))
    language = package.language or next((f.document.language for f in files), "")
    return Book(
        title=package.title,
        author=package.author,
        chapters=tuple(chapters),
        language=language.strip(),
        format="epub",
        source=name,
        left_out=tuple(left_out),
        warnings=tuple(f"{name}: {_lacks(path)}." for path in missing),
    )


def _lacks(path: str) -> str:
    """What is wrong with a file of the reading order that cannot be read."""
    elsewhere = container.is_elsewhere(path)
    return f"{path} is {'not in the file' if elsewhere else 'missing or damaged'}"


def _read_files(package: Package) -> tuple[list[File], list[str]]:
    """The documents of the reading order, and the names of those that hold none."""
    roots: list[tuple[str, Any]] = []
    for item in package.spine:
        step()
        roots.append((item.name, parse_markup(item.data)))
    unreadable = [path for path, root in roots if root is None]
    order = {posixpath.basename(path): index for index, (path, _) in enumerate(roots)}
    notes: dict[str, set[str]] = {}
    for index, (path, root) in enumerate(roots):
        for target in note_targets(root) if root is not None else ():
            file, _, fragment = target.partition("#")
            # A mark that points to an earlier file leads from a note back to the text.
            if not file or order.get(file, -1) >= index:
                notes.setdefault(file or posixpath.basename(path), set()).add(fragment)
    files = []
    for path, root in roots:
        step()
        if root is not None:
            document = read_document(root, notes.get(posixpath.basename(path), ()))
            files.append(File(path, document, frozenset(package.types.get(path, ()))))
    step()
    return files, unreadable


def _read_with_ebooklib(archive: Archive) -> Package | None:
    """The package as ebooklib reads it; None where it fails, or misses some of the text."""
    from ebooklib import epub
    from lxml import etree

    class Reader(epub.EpubReader):  # type: ignore[misc]  # ebooklib has no types
        """ebooklib's reader on our archive."""

        def _load(self) -> None:
            self.opf_file = container.find_opf(archive)
            self.opf_dir = posixpath.dirname(self.opf_file)
            self._load_opf_file()

        def read_file(self, name: str) -> bytes:
            name = posixpath.normpath(name)
            if name.lower().endswith(_NOT_READ) or archive.is_encrypted(name):
                return b""  # where it is a chapter, our own reading says what it is
            data = archive.read(name)
            if data is None:
                return b""
            return without_doctype(data) if name.endswith((".opf", ".ncx")) else data

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader = Reader("", {"ignore_ncx": True})
            package = _package_of(reader.load(), reader.opf_dir)
    except (
        epub.EpubException,
        etree.LxmlError,
        # What ebooklib's own code raises on packages that lack something it takes for granted.
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ):
        return None
    return package if package is not None and package.spine and package.contents else None


def _package_of(book: Any, folder: str) -> Package | None:
    from ebooklib import epub

    creators = book.metadata.get("http://purl.org/dc/elements/1.1/", {}).get("creator", [])
    metas = book.metadata.get("http://www.idpf.org/2007/opf", {}).get("meta", [])
    roles = {
        attributes.get("refines", "").lstrip("#"): value or ""
        for value, attributes in metas
        if attributes.get("property") == "role"
    }
    role_key = "{http://www.idpf.org/2007/opf}role"
    languages = book.metadata.get("http://purl.org/dc/elements/1.1/", {}).get("language", [])
    package = Package(
        title=_line(book.title),
        author=container.authors(
            [
                (_line(value), attributes.get(role_key) or roles.get(attributes.get("id"), ""))
                for value, attributes in creators
                if _line(value)
            ]
        ),
        language=next((_line(value) for value, _ in languages if _line(value)), ""),
    )
    base = f"{folder}/" if folder else ""
    named = Counter(item.get_id() for item in book.items)
    for idref in dict.fromkeys(idref for idref, _linear in book.spine):
        item = book.get_item_with_id(idref)
        if item is None or not item.content or not _is_text(item) or named[idref] > 1:
            return None  # missing, or something else in its stead: our own reading knows what
        path, _ = container.resolve(base, item.file_name)
        package.spine.append(SpineFile(path, item.content))
    for reference in book.guide:
        container.add_type(package, base, reference["href"], reference["type"])
    nav = next((item for item in book.items if isinstance(item, epub.EpubNav)), None)
    ncx = next((item for item in book.items if isinstance(item, epub.EpubNcx)), None)
    contents_file = nav.file_name if nav else ncx.file_name if ncx else ""
    # Links of a navigation document come relative to the package, those of an NCX as written.
    contents_base = base if nav else container.resolve(base, contents_file)[0]
    _add_contents(package, book.toc, contents_base, 1)
    if nav is not None and (root := parse_xml(nav.content)) is not None:
        container.read_landmarks(root, container.resolve(base, nav.file_name)[0], package)
    return package


def _line(text: str | None) -> str:
    return " ".join((text or "").replace("\u2060", "").split())


def _is_text(item: Any) -> bool:
    from ebooklib import epub

    return isinstance(item, epub.EpubHtml) or item.media_type in container.TEXT_TYPES


def _add_contents(package: Package, lines: Any, base: str, level: int) -> None:
    for line in lines if isinstance(lines, list | tuple) else [lines]:
        entry, children = line if isinstance(line, tuple) else (line, [])
        path, fragment = container.resolve(base, entry.href) if entry.href else ("", "")
        if title := _line(entry.title):
            package.contents.append(ContentsLine(title, level, path, fragment))
        _add_contents(package, children, base, level + 1)
