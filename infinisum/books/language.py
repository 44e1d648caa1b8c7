"""The language of a text by its script and its commonest words, where the file does not say it."""

from __future__ import annotations

import re
from collections import Counter

from infinisum.books.book import Book

_SAMPLE = 20_000  # characters looked at
_FEWEST = 40  # letters of a text that say anything
_MOST = 0.5  # share of the letters in one script
_KANA = 0.05  # share of the letters that makes Chinese characters Japanese
_COMMON_SHARE = 0.12  # of the words that are a language's commonest; English prose has 0.3
_AHEAD = 1.2  # times as many as those of the second language

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("latin", "A-Za-z\u00c0-\u024f\u1e00-\u1eff"),
    ("ko", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"),
    ("kana", "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"),
    ("cyrillic", "\u0400-\u052f"),
    ("el", "\u0370-\u03ff\u1f00-\u1fff"),
    ("he", "\u0590-\u05ff"),
    ("ar", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe"),
    ("hi", "\u0900-\u097f"),
    ("th", "\u0e00-\u0e7f"),
    ("ka", "\u10a0-\u10ff"),
    ("hy", "\u0530-\u058f"),
)
_LETTERS = {script: re.compile(f"[{letters}]") for script, letters in _SCRIPTS}
_WORD = re.compile(r"[^\W\d_]+")
_COMMON = {
    "en": "the and of to a in that he was it his i with had as for you her not but on she at is",
    "fr": "de la le et les à des il que un en une du qui dans ne je pas se l d elle sur ce au est",
    "de": "und der die er das in sie zu den ich nicht ein mit es sich ist von auf dem so war eine",
    "es": "de la que el y en a los se no un las con por su lo una del al le era para más como",
    "it": "di e che la il un a non in per si è una con del le gli da era i al della lo mi come",
    "pt": "de a que o e não um do da os se uma com para as em por ao era na no mais à como seu",
    "nl": "de en van het een ik in dat hij te is niet zijn op was met die ze zich er aan voor als",
    "sv": "och att det i en som han på är av för med jag var hon inte den till sig om så ett de",
    "da": "og det at i en han er på af for med jeg var den ikke til hun der som de et sig men du",
    "fi": "ja on hän ei se oli että ne mutta niin kun hänen minä kuin nyt sitten olen sen jos hän",
    "pl": "i w nie się na to że z do jak po był ale co o tak jest ja go za od już mu przez jej",
    "ru": "и в не что он на я с как но его она это к так а ее же все у было по за от только бы",
    "uk": "і в не що на я з як та він але його вона це до так у було по за від ще й його би той",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}


def language_of(text: str) -> str:
    """The language of a text as a tag ("en", "ko"), "" where neither script nor words tell.

    >>> language_of("The ferry was late, and he had to wait for it in the rain with his bag.")
    'en'
    """
    counts = {script: len(found.findall(text)) for script, found in _LETTERS.items()}
    letters = sum(counts.values())
    if letters < _FEWEST:
        return ""
    if counts["kana"] > _KANA * (counts["kana"] + counts["zh"]) and counts["kana"] > 0:
        counts["ja"] = counts["kana"] + counts["zh"]
        counts["zh"] = 0
    counts["kana"] = 0
    script = max(counts, key=lambda name: counts[name])
    if counts[script] < _MOST * letters:
        return ""
    return script if len(script) == 2 else _by_words(text)


def _by_words(text: str) -> str:
    words = Counter(word.casefold() for word in _WORD.findall(text))
    total = sum(words.values())
    found = {
        language: sum(words[word] for word in common) / total for language, common in _WORDS.items()
    }
    first, second, *_ = sorted(found, key=lambda language: found[language], reverse=True)
    clear = found[first] >= _COMMON_SHARE and found[first] >= _AHEAD * found[second]
    return first if clear else ""


def language_of_book(book: Book) -> str:
    """The language a book says it is in; what its text shows where it says nothing or cannot.

    Converters write "en" into every file: a text in another script is not English.
    """
    sample = _sample(book)
    shown = language_of(sample)
    said = book.language.strip().replace("_", "-")
    if said.lower() in ("", "und", "zxx", "mul", "x-none", "c"):
        return shown
    other_script = shown and shown not in _WORDS and said[:2].lower() in _WORDS
    return shown if other_script else said


def _sample(book: Book) -> str:
    """Text from the middle of the book on: title pages and notes are at its ends."""
    paragraphs = [paragraph for chapter in book.chapters for paragraph in chapter.paragraphs]
    middle = len(paragraphs) // 2
    taken: list[str] = []
    length = 0
    for paragraph in (*paragraphs[middle:], *paragraphs[:middle]):
        taken.append(paragraph.text[: _SAMPLE - length])
        length += len(taken[-1]) + 1
        if length >= _SAMPLE:
            break
    return " ".join(taken)
