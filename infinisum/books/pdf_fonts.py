"""Fonts of a PDF: codes to characters and widths, read by pypdf and kept from page to page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_FLAG_FORCE_BOLD = 1 << 18
_ENCODINGS = ("/StandardEncoding", "/WinAnsiEncoding", "/MacRomanEncoding")
_BROKEN = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


UNKNOWN: Final = "\ufffd"  # a glyph of which the font does not say what character it is


@dataclass(slots=True)
class Glyph:
    """What one code of a font shows."""

    text: str
    width: float  # thousandths of the font size


@dataclass(slots=True)
class PageFont:
    """A font as pages use it."""

    name: str = ""
    bold: bool = False
    vertical: bool = False  # written downwards, lines from right to left
    space: float = 250.0  # width of a space, thousandths of the font size
    named_encoding: str = ""  # Python's name of the encoding of a font with long codes, or ""
    font: Any = None  # pypdf's Font
    own: dict[int, str] = field(default_factory=dict)  # what codes mean, before pypdf's Font
    glyphs: dict[int | str, Glyph] = field(default_factory=dict)

    def decode(self, codes: bytes) -> list[Glyph]:
        """The glyphs a string of the page shows, in order."""
        if self.font is None:
            return [Glyph(UNKNOWN, 500.0) for _ in codes]
        if self.named_encoding:
            try:
                keys: Any = codes.decode(self.named_encoding, "surrogatepass")
            except UnicodeDecodeError:
                keys = codes.decode(self.named_encoding, "replace")
        else:
            keys = codes
        glyphs = self.glyphs
        return [glyphs.get(key) or self._glyph(key) for key in keys]

    def _glyph(self, key: int | str) -> Glyph:
        font = self.font
        if isinstance(key, int):
            raw, code = font.encoding.get(key, chr(key)), chr(key)
        else:
            raw = code = key
        widths = font.character_widths
        width = font.space_width if code == font.space_char else widths.get(code, widths["default"])
        text = self.own.get(key) if isinstance(key, int) else None
        text = text or font.character_map.get(raw, raw)
        text = text if isinstance(text, str) else str(raw)
        if text[:1] == "/" and len(text) > 1:  # the glyph's own name, as "/C50": no list has it
            text = _named(text)
        glyph = Glyph(text, _number(width, 500.0))
        self.glyphs[key] = glyph
        return glyph


def _named(name: str) -> str:
    """The character of a variant such as "/one.oldstyle": what stands before the full stop."""
    from pypdf._codecs import adobe_glyphs

    return adobe_glyphs.get(name.partition(".")[0], UNKNOWN)


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


class Fonts:
    """The fonts of one document, each read once."""

    def __init__(self) -> None:
        self._known: dict[Any, PageFont] = {}

    def of(self, resources: Any) -> dict[str, PageFont]:
        """Fonts by the names that a page or form uses for them.

        Args:
            resources: its resource dictionary, None where it has none.
        """
        fonts: dict[str, PageFont] = {}
        table = _get(resources, "/Font")
        for name in table if hasattr(table, "raw_get") else ():
            raw = table.raw_get(name)
            key = (getattr(raw, "idnum", None), getattr(raw, "generation", None))
            if key == (None, None):
                key = (id(table), name)
            if key not in self._known:
                self._known[key] = _read_font(raw.get_object())
            fonts[str(name)] = self._known[key]
        return fonts


def _get(dictionary: Any, key: str) -> Any:
    value: Any = dictionary.get(key) if hasattr(dictionary, "get") else None
    return None if value is None else value.get_object()


def _is_vertical(dictionary: Any) -> bool:
    encoding = _get(dictionary, "/Encoding")
    if hasattr(encoding, "get"):
        return bool(encoding.get("/WMode") == 1)
    return str(encoding).endswith("-V")


def _read_font(dictionary: Any) -> PageFont:
    # pypdf decodes and measures with this class but does not export it.
    from pypdf.generic._font import Font

    try:
        font = Font.from_font_resource(dictionary)
    except _BROKEN:
        return PageFont()
    name = font.name.split("+", 1)[-1]
    weight = name.lower()
    bold = "bold" in weight or "black" in weight or "heavy" in weight or "-demi" in weight
    flags = font.font_descriptor.flags
    return PageFont(
        name=name,
        vertical=_is_vertical(dictionary),
        bold=bold or bool(isinstance(flags, int) and flags & _FLAG_FORCE_BOLD),
        space=_number(font.space_width, 250.0) or 250.0,
        named_encoding=font.encoding if isinstance(font.encoding, str) else "",
        font=font,
        own=_own_encoding(dictionary),
    )


def _own_encoding(dictionary: Any) -> dict[int, str]:
    """Characters, or names of glyphs, by the encoding that a file gives a Type 1 font.

    It comes before the encoding within the font program (ISO 32000-1, 9.6.6.2), which pypdf takes
    where it finds one.
    """
    from pypdf._cmap import get_encoding
    from pypdf.generic import DictionaryObject

    encoding = _get(dictionary, "/Encoding")
    if dictionary.get("/Subtype") != "/Type1" or "/ToUnicode" in dictionary or encoding is None:
        return {}
    bare = DictionaryObject(dictionary)
    bare.pop("/FontDescriptor", None)
    try:
        named, _ = get_encoding(bare)
    except _BROKEN:
        return {}
    base = encoding.get("/BaseEncoding") if hasattr(encoding, "get") else encoding
    if not isinstance(named, dict):
        return {}
    if base in _ENCODINGS:
        return named
    codes = _codes(_get(encoding, "/Differences"))
    return {code: named[code] for code in codes if code in named}


def _codes(differences: Any) -> Iterator[int]:
    """The codes that an array of differences gives names to."""
    code = 0
    for item in differences if isinstance(differences, list) else ():
        if isinstance(item, int):
            code = item
        else:
            yield code
            code += 1
