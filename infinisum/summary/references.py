"""How well sentences can be understood where only some of them are read.

A sentence that says "she" before any name leaves a reader asking who; one that opens with "But"
answers something that is not there; one that first gives somebody's full name says who people are.
Names are found by their capitals and pronouns are English: in other languages nothing changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

# In standard deviations of the salience of a text's sentences.
UNRESOLVED = -0.25  # a personal pronoun before any name
CONNECTIVE = -0.2  # opens with a word that leans on what went before
INTRODUCTION = 0.8  # opens with a main character's full name, at one of its first mentions

_MAIN_CHARACTERS = 12
_FIRST_MENTIONS = 4
_LEAST_MENTIONS = 4  # of a name; a rarer capital is no character

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PERSONAL = _word_set("he she him her his hers they them their theirs himself herself themselves")
_LEANING = _word_set(
    "and but or nor so yet then thus therefore however still besides moreover indeed for now well "
    "oh ah yes no meanwhile such what here there"
)
_HONORIFICS = _word_set(
    "Mr Mrs Miss Ms Dr Sir Lady Lord Captain Colonel Doctor Professor Father Mother Uncle Aunt "
    "Count Prince Princess King Queen Old Young"
)
_NO_NAMES = _HONORIFICS | {"I", "God", "O", "Oh", "Madam", "English", "French", "Heaven"}


def adjustments(sentences: Sequence[str]) -> list[float]:
    """What to add to each sentence's salience, in standard deviations of the salience.

    Args:
        sentences: all sentences of the text, in order.
    """
    words = [[_bare(word) for word in _WORD.findall(sentence)] for sentence in sentences]
    names = character_names(sentences)
    main = {name for name, _ in Counter(names).most_common(_MAIN_CHARACTERS)}
    mentions: Counter[str] = Counter()
    added = []
    for own in words:
        value = 0.0
        if own and own[0] not in names:
            value += CONNECTIVE * (own[0].lower() in _LEANING)
        value += UNRESOLVED * _unresolved(own, names)
        for name in main.intersection(own):
            mentions[name] += 1
        opening = _full_name(own)
        if any(name in main and mentions[name] <= _FIRST_MENTIONS for name in opening):
            value += INTRODUCTION
        added.append(value)
    return added


def character_names(sentences: Sequence[str]) -> dict[str, int]:
    """Words that are names, by their capitals inside sentences, and how often they occur so."""
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for sentence in sentences:
        for match in _WORD.finditer(sentence):
            word, before = match.group(), sentence[max(0, match.start() - 2) : match.start()]
            if word[0].islower():
                small[word] += 1
            elif len(word) > 1 and not word.isupper() and _inside(before):
                capital[_bare(word)] += 1
    return {
        word: count
        for word, count in capital.items()
        if count >= _LEAST_MENTIONS
        and count > small[word.lower()]
        and word not in _NO_NAMES
        and not word.startswith(("I'", "I’"))
    }


def _inside(before: str) -> bool:
    """Whether the two characters before a word say that its capital is its own."""
    return before.endswith((" ", "-", "(")) and before[0] not in ".!?:"


def _bare(word: str) -> str:
    return _POSSESSIVE.sub("", word)


def _unresolved(words: Sequence[str], names: Collection[str]) -> bool:
    for word in words:
        if word in names:
            return False
        if word.lower() in _PERSONAL:
            return True
    return False


def _full_name(words: Sequence[str]) -> Sequence[str]:
    """The name of two or more words, an honorific counted, that a sentence opens with."""
    count = 0
    while count < len(words) and words[count][:1].isupper():
        count += 1
    return words[:count] if count > 1 else ()
