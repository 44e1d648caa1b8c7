"""Words of a text as evidence and grounding compare them."""

from __future__ import annotations

import re

import snowballstemmer

from infinisum.features import FUNCTION_WORDS
from infinisum.tokenizer import plain_typography

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_GENITIVE = re.compile(r"'[sS]?$")
_GROUPED = re.compile(r"(?<=\d)[,.](?=\d{3}(?!\d))")  # 6,585
# Scripts without spaces between words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]")


def _split(words: str) -> list[str]:
    return words.split()


_UNITS = _split(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = _split("twenty thirty forty fifty sixty seventy eighty ninety")
NUMBER_WORDS = {word: value for value, word in enumerate(_UNITS)}
NUMBER_WORDS |= {word: 10 * ten for ten, word in enumerate(_TENS, start=2)}
NUMBER_WORDS |= {
    f"{tens}-{unit}": NUMBER_WORDS[tens] + NUMBER_WORDS[unit]
    for tens in _TENS
    for unit in _UNITS[1:10]
}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})-({'|'.join(_UNITS[1:10])})\b", re.IGNORECASE)

_STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}


def bare(word: str) -> str:
    """A word without the ending of the genitive."""
    return _GENITIVE.sub("", word)


class Terms:
    """Texts as lists of terms: words made small, without genitives and endings.

    Numbers are their value in digits, however they are written: "forty-one" is "41". Scripts
    without spaces give overlapping pairs of characters.

    Args:
        language: BCP 47 tag of the texts; "" is taken for English. Without a stemmer for it,
            words keep their endings.
    """

    def __init__(self, language: str = "") -> None:
        algorithm = _STEMMERS.get(language.partition("-")[0].lower() or "en")
        self._stemmer = snowballstemmer.stemmer(algorithm) if algorithm else None
        self._known: dict[str, str] = {}  # term of each word; grows with the vocabulary

    def of(self, text: str) -> list[str]:
        """The terms of a text, in order."""
        return [term for _, term in self.written(text)]

    def written(self, text: str) -> list[tuple[str, str]]:
        """The terms of a text, each behind the word as it stands there."""
        text = _GROUPED.sub("", plain_typography(text))
        text = _COMPOUND.sub(lambda found: str(NUMBER_WORDS[found[0].lower()]), text)
        known = self._known
        unspaced = not text.isascii() and _UNSPACED.search(text) is not None
        found: list[tuple[str, str]] = []
        for word in _WORD.findall(text):
            if unspaced and _UNSPACED.search(word):
                found += [(word, word[at : at + 2]) for at in range(max(1, len(word) - 1))]
                continue
            term = known.get(word)
            if term is None:
                term = known[word] = self._term(word)
            found.append((word, term))
        return found

    def _term(self, word: str) -> str:
        small = bare(word).lower()
        if small in FUNCTION_WORDS:
            return small
        if small in NUMBER_WORDS:
            return str(NUMBER_WORDS[small])
        return str(self._stemmer.stemWord(small)) if self._stemmer else small
