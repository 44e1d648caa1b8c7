"""Cleaning text of what is not text: control characters, ligatures, hyphens at line ends."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

_ESCAPES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    "|\x1b\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)?"  # titles and links of terminals
    "|\x1b[PX^_][^\x1b\n]*(?:\x1b\\\\)?"
    "|\x1b[ -/]*[0-~]?"
    "|\x9b[0-9;:?]+[ -/]*[@-~]"  # the first of them in one character
)
_OVERSTRIKE = re.compile("[^\x08\n]\x08")  # bold and underlined on a teletype: "a\x08a"
_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x85\u2028]|\u2029")
# Left after the above: C0 and C1 controls, invisible and directional marks, private newlines.
_DROPPED = dict.fromkeys(
    [
        *(c for c in range(0x20) if c not in (9, 10)),
        *range(0x7F, 0xA0),
        0x061C,
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        *range(0xFFF9, 0xFFFC),
        *(0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0xFEFF, 0xFFFE, 0xFFFF),
        *range(0xD800, 0xE000),
        *range(0xE0000, 0xE0080),  # tags, which hide text
    ]
)
_INVISIBLE = {**dict.fromkeys(code for code in _DROPPED if code), 0xAD: None}  # U+0000 stays
_SPACES = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
_SOFT_HYPHEN = "\u00ad"
_SOFT_INSIDE = re.compile(_SOFT_HYPHEN + r"(?!\s*(?:\n|$))")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st"}
)
_TABLE = {**_DROPPED, **_SPACES, **_LIGATURES}
_PLAIN = re.compile("[\n\t -~]*")
# What bytes 0x80 to 0x9F mean where a Windows text was taken for Latin-1.
_WINDOWS = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x85, 0x8D, 0x8F, 0x90, 0x9D)
}
_WINDOWS_CONTROL = re.compile("[\x80-\x84\x86-\x9f]")

_HYPHENS = "-‐\u00ad"
_WORD = re.compile(r"[^\W\d_]+(?:[-‐’'][^\W\d_]+)*")
_LAST_PIECE = re.compile(r"(?<![^\W\d_])([^\W\d_]+(?:[-‐’'][^\W\d_]+)*)[-‐\u00ad]$")
_FIRST_PIECE = re.compile(r"[^\W\d_]+(?:[-‐’'][^\W\d_]+)*")
_DASH_END = re.compile(r"\S(?:--+|[—―])$")
_KNOWN_TWICE = 2  # a word seen this often stands alone
_COMPOUNDS = 0.01  # hyphens of the author's at line ends to one of the typesetter's
# What English adds to a whole word; other second halves after a whole word are words too.
_SUFFIXES = (
    "able", "ably", "ally", "ance", "ation", "edly", "ence", "ened", "ening", "erly", "ette",
    "fied", "fies", "ful", "hood", "ible", "ibly", "ical", "iest", "iness", "ingly", "ings",
    "ious", "ised", "ishing", "ists", "ities", "ively", "ized", "izing", "less", "ment", "ness",
    "ority", "ously", "ship", "sion", "some", "ties", "tion", "ture", "tude", "ward", "wise",
)  # fmt: skip


def clean_text(text: str, *, keep_tabs: bool = False) -> str:
    """Text without control characters, terminal escapes and invisible marks.

    Line ends become "\\n", spaces of all widths a plain one, soft hyphens inside a line vanish,
    ligatures become letters, and accents are composed (NFC).

    Args:
        text: any text.
        keep_tabs: keep tabs, which indent lines in plain text files.
    """
    if _PLAIN.fullmatch(text) and (keep_tabs or "\t" not in text):
        return text
    text = _NEWLINES.sub(lambda m: "\n\n" if m[0] == "\u2029" else "\n", text)
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    while "\x08" in text and (shorter := _OVERSTRIKE.sub("", text)) != text:
        text = shorter
    if _WINDOWS_CONTROL.search(text):
        text = text.translate(_WINDOWS)
    text = text.translate(_TABLE)
    if not keep_tabs:
        text = text.replace("\t", " ")
    return unicodedata.normalize("NFC", _SOFT_INSIDE.sub("", text))


def without_invisible(text: str) -> str:
    """Text without soft hyphens, invisible and directional marks and controls, but for U+0000.

    C1 controls are taken for what they mean in a Windows text: "&#146;" is an apostrophe.
    """
    if _WINDOWS_CONTROL.search(text):
        text = text.translate(_WINDOWS)
    return text.translate(_INVISIBLE)


class Vocabulary:
    """The words of a document, to tell a hyphen of the word from one of the line end.

    Args:
        lines: of the whole document, as printed.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        joined = hyphenated = 0
        pairs: list[tuple[str, str]] = []
        left = ""
        for line in lines:
            line = line.strip()
            if not line:
                continue
            words = _WORD.findall(line)
            if left and words and line.startswith(words[0]):
                pairs.append((left, words.pop(0)))  # half a word
            left = ""
            if line[-1] in _HYPHENS and words:
                left = words.pop()
            self._counts.update(word.casefold().replace("‐", "-") for word in words)
        for left, right in pairs:
            last = re.split("[-‐]", left)[-1]
            joined += self.count(last + right) > 0
            hyphenated += self.count(f"{left}-{right}") > 0
        self._hyphenates = joined > hyphenated  # the typesetter divides words
        self._compounds = hyphenated > _COMPOUNDS * joined  # and the author hyphenates some

    def count(self, word: str) -> int:
        """How often a word occurs within lines."""
        return self._counts[word.casefold().replace("‐", "-")]

    def is_divided(self, left: str, right: str) -> bool:
        """Whether "left-" at a line end and "right" in the next line are one word, "leftright".

        Args:
            left: the word before the hyphen, itself hyphenated perhaps ("mother-in").
            right: the word that begins the next line.
        """
        pieces = re.split("[-‐]", left)
        last = pieces[-1]
        first = re.split("[-‐]", right)[0]
        one = self.count(last + right) or self.count(last + first)
        two = self.count(f"{left}-{right}") or self.count(f"{last}-{first}")
        if one or two:
            return one >= two
        if right[0].isupper() and not left.isupper():
            return False
        if not self._hyphenates or len(pieces) > 1:
            return False
        if not self._compounds or self.count(last) < _KNOWN_TWICE or len(last) < 3:
            return True
        if first.casefold() in _SUFFIXES:
            return True
        known = self.count(first) >= _KNOWN_TWICE and len(first) >= 3
        return not known and (len(first) < 4 or first.casefold().startswith(_SUFFIXES))


def join_lines(lines: Sequence[str], vocabulary: Vocabulary) -> str:
    """The lines of one paragraph as one line, divided words mended.

    A word that the document writes in one piece elsewhere loses its hyphen, one that it writes
    with the hyphen keeps it; a dash at a line end takes no space.
    """
    pieces: list[str] = []  # of the paragraph; what follows may still change the last one
    for line in lines:
        line = line.strip()
        if not line:
            continue
        if pieces:
            pieces[-1] = _before(pieces[-1], line, vocabulary)
        pieces.append(line)
    return "".join(pieces).replace(_SOFT_HYPHEN, "")


def _before(line: str, following: str, vocabulary: Vocabulary) -> str:
    """A line with what stands between it and the following one: a space, a hyphen or nothing."""
    if line[-1] in _HYPHENS:
        left, right = _LAST_PIECE.search(line), _FIRST_PIECE.match(following)
        if left and right:
            divided = line[-1] == _SOFT_HYPHEN or vocabulary.is_divided(left[1], right[0])
            return line[:-1] if divided else f"{line[:-1]}-"
    dashed = _DASH_END.search(line) is not None and following[0].isalnum()
    return line if dashed or (is_cjk(line[-1]) and is_cjk(following[0])) else f"{line} "


def is_cjk(character: str) -> bool:
    """Whether a character is of a script that puts no space between words at a line end."""
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
