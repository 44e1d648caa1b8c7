"""Text from books as it may be shown on a terminal."""

from __future__ import annotations

import re

# Control characters (terminal escape codes among them), marks that turn the direction of text,
# and lone surrogates, which cannot be written as UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Text without characters that would act on a terminal; line breaks and tabs stay."""
    return _UNPRINTABLE.sub("", text)


def one_line(text: str) -> str:
    """`printable` text on one line, with single spaces."""
    return " ".join(printable(text).split())
