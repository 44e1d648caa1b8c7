"""Right-to-left lines of a PDF in the order they are read.

A page draws its glyphs from left to right whatever the script, so a Hebrew or Arabic line comes
out backwards: in visual order. What is turned round stays together with its marks, numbers and
Latin words keep their direction, brackets change sides.
"""

from __future__ import annotations

import re
import unicodedata

_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RTL = re.compile(f"[{_RIGHT}]")
_LTR = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u052f]")
_CLUSTER = re.compile(r".[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]*", re.DOTALL)
_RTL_WORDS = re.compile(f"[{_RIGHT}]+(?:[^\\S\n]+[{_RIGHT}]+)*")
_DIGITS = "\u0660-\u0669\u06f0-\u06f9"
_LEFT = f"A-Za-z0-9\u00c0-\u024f\u0370-\u052f{_DIGITS}"
_BETWEEN = f"(?:[^\\s{_RIGHT}]|[{_DIGITS}\u066b\u066c])"  # \u066b, \u066c: points of Arabic numbers
_FORWARD = re.compile(f"[{_LEFT}](?:{_BETWEEN}*[{_LEFT}])?")
_FORMS = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]+")
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def is_rtl(text: str) -> bool:
    """Whether most letters of a text are of a script that reads from right to left."""
    return len(_RTL.findall(text)) > len(_LTR.findall(text))


def logical(text: str) -> str:
    """A line in the order it is read.

    >>> logical("!\u05dd\u05d5\u05dc\u05e9 (24) ABC")
    'ABC (24) \u05e9\u05dc\u05d5\u05dd!'
    """
    if not _RTL.search(text):
        return text
    text = _FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), text)
    if not is_rtl(text):
        return _RTL_WORDS.sub(lambda match: _turned(match[0]), text)
    turned = _turned(text.translate(_MIRRORED))
    return _FORWARD.sub(lambda match: _turned(match[0]), turned)


def _turned(text: str) -> str:
    return "".join(reversed(_CLUSTER.findall(text)))
