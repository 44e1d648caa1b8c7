"""Bytes of a text file to text: marks and patterns that prove an encoding first, guessing last."""

from __future__ import annotations

import re

from infinisum.errors import InputError

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, which begins with the same bytes
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_COMMON = re.compile("[ \n\r.,aeinrst]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_USUAL = 0.95  # share of printable characters in a text that is decoded rightly
_SAMPLE = 200_000  # bytes that say the most are shown to the detector
_STRAY = 0.02  # share of bad sequences up to which a text is UTF-8 with damage
# Who says Latin-1 often means the Windows page, which only adds to it (as browsers take it).
_SUPERSETS = {"iso8859-1": "cp1252", "iso-8859-1": "cp1252", "ascii": "cp1252"}
_HINT = "Name its encoding with --encoding, for example --encoding cp1252 or --encoding cp949."


def decode(data: bytes, encoding: str | None = None, name: str = "text") -> tuple[str, str]:
    """Text of a file and the encoding it is in.

    A byte order mark decides, then zeros in the pattern of UTF-16 or UTF-32, then valid UTF-8.
    Anything else is guessed (Latin-1, Windows and Mac code pages, CP949, Shift-JIS, Big5, …).

    Args:
        data: the file.
        encoding: its encoding, where the user names one.
        name: of the file, for messages.

    Raises:
        InputError: `encoding` is unknown or not that of the file, or the file is no text.
    """
    if encoding:
        return _decode_as(data, encoding, name), encoding
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return data.decode(codec, errors="replace"), codec.removesuffix("-sig")
    if b"\x00" in data and (codec := _wide(data)):
        return data.decode(codec, errors="replace"), codec
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        if (text := _with_surrogates(data)) is not None:
            return text, "utf-8"
        if _is_damaged_utf8(data):
            return data.decode("utf-8", errors="replace"), "utf-8"
    return _guess(data, name)


def _with_surrogates(data: bytes) -> str | None:
    """UTF-8 but for surrogates, which Java and Windows leave in it; those in pairs are joined."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_certain(encoding: str) -> bool:
    """Whether `decode` proved this encoding, rather than guessed it."""
    return encoding.startswith("utf-")


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise InputError(f"{name}: unknown encoding {encoding!r}.", _HINT) from error
    except UnicodeError as error:
        hint = "Leave --encoding out to have it found."
        raise InputError(f"{name}: this file is not in {encoding}.", hint) from error
    return text.removeprefix("\ufeff")


def _wide(data: bytes) -> str:
    """The encoding of two or four bytes a character that explains the zeros, or ""."""
    head = data[: 64 * 1024]
    best, most = "", 0
    for codec in _WIDE:
        width = 4 if "32" in codec else 2
        piece = head[: len(head) // width * width]
        try:
            text = piece.decode(codec)
        except UnicodeDecodeError as error:
            # A pair may be cut at the end of the sample; damage before that is another encoding.
            if error.start < len(piece) - 4:
                continue
            text = piece[: error.start].decode(codec)
        # With the bytes the wrong way round a text is printable too, but has no spaces.
        plain = len(_COMMON.findall(text))
        if plain > most and _usual(text) > _USUAL * len(text):
            best, most = codec, plain
    return best


def _usual(text: str) -> int:
    return sum(c.isprintable() or c.isspace() for c in text)


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether nearly all of the text is UTF-8: cut at its end, or with a few stray bytes."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = len(_BEYOND_ASCII.findall(text)) - bad
    return good > 0 and bad <= max(1, _STRAY * good)


def _guess(data: bytes, name: str) -> tuple[str, str]:
    import chardet

    # The beginning of a long English text is often pure ASCII: lines that say more are shown.
    if len(data) > _SAMPLE:
        telling = [line for line in data.split(b"\n") if not line.isascii()]
        sample = b"\n".join(telling)[:_SAMPLE]
    else:
        sample = data
    guess = chardet.detect(sample)["encoding"]
    codecs = [_SUPERSETS.get(guess.lower(), guess)] if guess else []
    if guess:
        codecs.append(guess)
    for codec in (*codecs, "cp1252"):
        try:
            return data.decode(codec), codec.lower()
        except (UnicodeDecodeError, LookupError):
            continue
    for codec in (*codecs, "cp1252"):
        try:
            text = data.decode(codec, errors="replace")
        except LookupError:
            continue
        if text.count("\ufffd") <= _STRAY * len(text):
            return text, codec.lower()
    raise InputError(f"{name}: no text in a known encoding.", _HINT)
