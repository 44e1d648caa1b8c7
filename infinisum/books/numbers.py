"""Numbers as chapter headings write them: digits, Roman numerals, words, Chinese characters."""

from __future__ import annotations

import re

_ROMAN = re.compile(r"(?=[CLXVI])(CCC|CC?|CD)?(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"C": 100, "D": 500, "L": 50, "X": 10, "V": 5, "I": 1}

_UNITS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
    "last": 0,
} | {f"{word}th": n for word, n in _UNITS.items() if n not in (1, 2, 3, 5, 8, 9, 12)}
_TENS_ORDINALS = {f"{word[:-1]}ieth": n for word, n in _TENS.items()}

# Ordinals and cardinals of other languages, as far as chapter headings spell them out. German and
# the Romance languages inflect: the endings are taken off before a word is looked up.
_FOREIGN = {
    name: number
    for number, names in enumerate(
        (
            "premier première primero primo primeiro primera prima primeira erst eerst",
            "deuxième second seconde segundo secondo zweit tweed",
            "troisième tercero terzo terceiro tercer tercera terza terceira dritt derd",
            "quatrième cuarto quarto cuarta quarta viert vierd",
            "cinquième quinto quinta fünft vijfd",
            "sixième sexto sesto sexta sesta sechst zesd",
            "septième séptimo settimo sétimo séptima settima siebent siebt zevend",
            "huitième octavo ottavo oitavo octava ottava acht achtst",
            "neuvième noveno nono novena nona neunt negend",
            "dixième décimo decimo décima decima zehnt tiend",
            "onzième undécimo undicesimo elft",
            "douzième duodécimo dodicesimo zwölft",
            "treizième tredicesimo dreizehnt",
            "quatorzième quattordicesimo vierzehnt",
            "quinzième quindicesimo fünfzehnt",
            "seizième sedicesimo sechzehnt",
            "dix-septième diciassettesimo siebzehnt",
            "dix-huitième diciottesimo achtzehnt",
            "dix-neuvième diciannovesimo neunzehnt",
            "vingtième ventesimo vigésimo zwanzigst",
        ),
        start=1,
    )
    for name in names.split()
}
_RUSSIAN_STEMS = (
    "перв втор трет четверт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат"
    " четырнадцат пятнадцат шестнадцат семнадцат восемнадцат девятнадцат двадцат"
)
_RUSSIAN = {stem: number for number, stem in enumerate(_RUSSIAN_STEMS.split(), start=1)}
_RUSSIAN_ENDING = re.compile(r"(?:ый|ой|ий|ая|ое|ья|ье)$")
_GERMAN_ENDING = re.compile(r"(?:e[rsnm]?|)$")

_CJK_DIGITS = {c: n for n, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "兩": 2}
_CJK_UNITS = {"十": 10, "百": 100, "千": 1000}


def roman_value(text: str) -> int | None:
    """The value of a Roman numeral of 1 to 399 in one case ("XIV", "xiv"), else None."""
    if text not in (text.upper(), text.lower()) or not _ROMAN.fullmatch(text.upper()):
        return None
    values = [_ROMAN_VALUES[letter] for letter in text.upper()]
    following = [*values[1:], 0]
    return sum(-v if v < after else v for v, after in zip(values, following, strict=True))


def _english_value(text: str) -> int | None:
    """The value of an English number word, cardinal or ordinal, up to 199."""
    words = [word for word in re.split(r"[\s-]+", text) if word != "and"]
    total = 0
    if "hundred" in words[:2]:
        at = words.index("hundred")
        if words[:at] not in ([], ["a"], ["one"]):
            return None
        total, words = 100, words[at + 1 :]
    if not words:
        return total or None
    if len(words) == 1:
        for table in (_UNITS, _TENS, _ORDINALS, _TENS_ORDINALS):
            if words[0] in table:
                return total + table[words[0]]
        return 100 if words[0] == "hundredth" else None
    if len(words) == 2 and words[0] in _TENS:
        unit = _UNITS.get(words[1], _ORDINALS.get(words[1], 0))
        if 1 <= unit <= 9:
            return total + _TENS[words[0]] + unit
    return None


def cjk_value(text: str) -> int | None:
    """The value of a number in digits or Chinese characters ("12", "一百零八"), else None."""
    if text.isdecimal():
        return int(text)
    if not text or any(c not in _CJK_DIGITS and c not in _CJK_UNITS for c in text):
        return None
    if not any(c in _CJK_UNITS for c in text):
        return int("".join(str(_CJK_DIGITS[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in _CJK_UNITS:
            total, digit = total + (digit or 1) * _CJK_UNITS[c], 0
        else:
            digit = _CJK_DIGITS[c]
    return total + digit


def number_value(text: str) -> int | None:
    """The value of a chapter number in any of the forms this module knows, else None.

    >>> [number_value(n) for n in ("14", "XIV", "fourteen", "Fourteenth", "zwölftes", "chair")]
    [14, 14, 14, 14, 12, None]
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,3}", text):
        return int(text)
    if re.fullmatch(r"[0-9]{1,3}(?:st|nd|rd|th|º|ª|e|ère?)", text, re.IGNORECASE):
        return int(re.sub(r"\D", "", text))
    if (value := roman_value(text)) is not None:
        return value
    lowered = text.casefold()
    if (value := _english_value(lowered)) is not None:
        return value
    if (value := _RUSSIAN.get(_RUSSIAN_ENDING.sub("", lowered.replace("ё", "е")))) is not None:
        return value
    return _FOREIGN.get(lowered, _FOREIGN.get(_GERMAN_ENDING.sub("", lowered)))
