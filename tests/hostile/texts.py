"""Texts that are odd, and texts that mean harm."""

from __future__ import annotations

from collections.abc import Callable

PROSE = "".join(
    f"The ferry was late on day {number}, and nobody on the quay said a word.\n\n"
    for number in range(40)
)
MIB = 1 << 20


def as_bytes(text: str, codec: str = "utf-8", errors: str = "strict") -> Callable[[], bytes]:
    return lambda: text.encode(codec, errors)


def one_line(megabytes: int = 10) -> bytes:
    sentence = b"The ferry was late again and nobody on the quay said a word. "
    return sentence * (megabytes * 10**6 // len(sentence))


def repeated(piece: str, mebibytes: float = 0.3) -> Callable[[], bytes]:
    def make() -> bytes:
        unit = piece.encode()
        return PROSE.encode() + unit * int(mebibytes * MIB / len(unit)) + PROSE.encode()

    return make


ESCAPES = (
    "\x1b[2J\x1b[31mThe lamp\x1b[0m \x1b]0;owned\x07was lit.\x1b]8;;http://x\x1b\\ \x9b31mThen "
    "\x90q\x9c\x07\x08\x7f it went out.\n\n"
)
BIDI = "The \u202elamp\u202c was \u2066lit\u2069 and \u200fthen\u200e it went \u061cout.\n\n"

ODD: dict[str, Callable[[], bytes]] = {
    "UTF-8 with a mark": as_bytes(PROSE, "utf-8-sig"),
    "UTF-16": as_bytes(PROSE, "utf-16"),
    "UTF-16 without a mark": as_bytes(PROSE, "utf-16-be"),
    "UTF-32": as_bytes(PROSE, "utf-32"),
    "UTF-32 without a mark": as_bytes(PROSE, "utf-32-le"),
    "UTF-16 cut in a character": lambda: PROSE.encode("utf-16")[:-1],
    "Windows": as_bytes(PROSE.replace("a word", "\u201cun caf\xe9\u201d"), "cp1252"),
    "NULs": as_bytes(PROSE.replace("quay", "q\x00uay", 2)),
    "escapes": as_bytes(ESCAPES + PROSE),
    "bidi controls": as_bytes(BIDI + PROSE),
    "lone surrogates": as_bytes("\ud800 lamp \udfff\n\n" + PROSE, "utf-8", "surrogatepass"),
    "lone surrogates in UTF-16": as_bytes("\ud800lamp\n\n" + PROSE, "utf-16", "surrogatepass"),
    "one line": one_line,
    "brackets": repeated("["),
    "brackets and words": repeated("[Illustration [a "),
    "underscores": repeated("_a "),
    "underscores in a row": repeated("_"),
    "equals": repeated("=a "),
    "full stops": repeated(". "),
    "blank lines": repeated("\n"),
    "spaces": repeated(" "),
    "tabs": repeated("\t"),
    "hyphens": repeated("a-\n"),
    "overstrikes": repeated("a\x08"),
    "combining accents": repeated("\u0301"),
    "short lines": repeated("I\n", 0.02),
    "headings": repeated("CHAPTER I.\n\n", 0.1),
    "quotation marks": repeated('"'),
    "notes": repeated("[1] x[1]\n\n"),
    "capitals": repeated("THE LAMP WAS LIT "),
}  # read within the limits
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "is empty"),
    "NULs only": (lambda: b"\x00" * MIB, "is empty"),
    "noise": (lambda: bytes(range(256)) * 4_000, "unknown kind of file"),
    "hash marks": (repeated("# a\n"), "took too long"),
    "many short lines": (repeated("I\n"), "took too long"),
    "a bracket in Markdown": (lambda: b"# One\n\n" + b"[" * MIB + b"\n\n# Two\n", ""),
}  # refused, or read as little as there is
