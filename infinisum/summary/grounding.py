"""How far a book supports what was written about it: names, numbers, coverage.

A name is a run of capitalised words; it is found when each of its words occurs capitalised in the
text that was read. A number is found when its value occurs there, in digits or in words. This is
a check of words: a name that is found may still be said to have done what another did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

from infinisum.config import TENTHS
from infinisum.summary.summary import Grounding, Passage
from infinisum.summary.words import NUMBER_WORDS, bare
from infinisum.tokenizer import plain_typography


def _split(words: str) -> list[str]:
    return words.split()


_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LAST = re.compile(r"([^\W_]+)([\W_]*)\Z")  # word of a text, and what is behind it
_SENTENCE_START = re.compile(r"[.!?:;\n\"'(\[-]")  # between two words
_ABBREVIATED = frozenset(_split("mr mrs ms dr st jr sr capt col lt sgt rev hon prof"))
_NUMBER = re.compile(r"\d+(?:[,.]\d{3})*")
TOO_COMMON = frozenset({"zero", "one"})  # "no one", "one day"

# Capitalised words that open sentences of any summary and are no names.
OPENERS = frozenset(
    _split("""a about above after again against all along already although am among an and another
    any are around as at back be because been before behind being below beneath beside besides
    between
    beyond both but by can could despite did do does down during each either else even every
    everyone everything few finally first five for four from had has have he hence her here hers
    herself him himself his how however i if in indeed inside instead into is it its itself just
    last later least let like many may me meanwhile might more moreover most much must my near
    neither never nevertheless next no nobody none nor not nothing now of off on once one only onto
    or other others our out outside over perhaps rather second seeing several shall she should
    since so some somebody someone something sometimes soon still such than that the their them
    themselves then there therefore these they third this those though three through throughout
    thus till to together too toward towards two under unless until up upon us was we were what
    whatever when whenever where whereas wherever whether which while who whoever whole whom whose
    why will with within without would yes yet you your chapter book part""")
)


class BookWords:
    """The words and numbers of a book, gathered as it is read.

    Its size grows with the vocabulary of the book, not with its length.
    """

    def __init__(self) -> None:
        self._words: set[str] = set()  # as they are written
        self._numbers: set[str] = set()

    def add(self, text: str) -> None:
        """Take in a text of the book."""
        text = plain_typography(text)  # the model writes typewriter quotes: O'Brien
        self._words.update(bare(word) for word in _WORD.findall(text))
        self._numbers.update(_numbers(text).values())

    @property
    def words(self) -> Set[str]:
        """Different words as they are written, without the ending of the genitive."""
        return self._words

    @property
    def numbers(self) -> Set[str]:
        """Different numbers, in digits, however they are written."""
        return self._numbers

    def has_name(self, name: str) -> bool:
        """Whether every word of a name occurs as it is written, or all in capitals."""
        return all(word in self._words or word.upper() in self._words for word in name.split())

    def has_word(self, word: str) -> bool:
        """Whether a word occurs in small letters: then it is no name where a sentence begins."""
        return word.casefold() in self._words

    def has_number(self, value: str) -> bool:
        """Whether a number occurs, in digits or in words."""
        return value in self._numbers


def supported(text: str, book: BookWords) -> tuple[int, int, int, int]:
    """Names and numbers of one text: different names, those the book has; numbers, likewise."""
    text = plain_typography(text)
    names = set(_names(text, book))
    numbers = set(_numbers(text).values())
    return (
        len(names),
        sum(map(book.has_name, names)),
        len(numbers),
        sum(map(book.has_number, numbers)),
    )


def ground(written: Iterable[str], book: BookWords, passages: Sequence[Passage]) -> Grounding:
    """Check written texts against the words of the book, and count where quotations come from.

    Args:
        written: texts the model wrote and that are shown.
        book: words of all that was read.
        passages: everything that is quoted.
    """
    names: dict[str, None] = {}  # keeps the order of first mention
    numbers: dict[str, str] = {}
    for text in map(plain_typography, written):
        names |= dict.fromkeys(_names(text, book))
        numbers |= _numbers(text)
    coverage = [0] * TENTHS
    for passage in passages:
        coverage[min(int(passage.position * TENTHS), TENTHS - 1)] += len(passage.text.split())
    return Grounding(
        names=len(names),
        numbers=len(set(numbers.values())),
        unsupported_names=tuple(name for name in names if not book.has_name(name)),
        unsupported_numbers=tuple(
            text for text, value in numbers.items() if not book.has_number(value)
        ),
        coverage_words=tuple(coverage),
    )


def starts_sentence(before: str) -> bool:
    """Whether a word behind this text is the first of a sentence, or of what is said in it."""
    if not (found := _LAST.search(before)):
        return True
    return bool(_SENTENCE_START.search(found[2])) and not _abbreviates(found[1], found[2])


def _abbreviates(word: str, gap: str) -> bool:
    """Whether a dot between two words belongs to the first: "Mr. Smith", "J. Smith"."""
    return gap == ". " and (len(word) == 1 or word.lower() in _ABBREVIATED)


def _names(text: str, book: BookWords) -> list[str]:
    """Runs of capitalised words, without words that are capitalised for beginning a sentence."""
    names: list[str] = []
    run: list[str] = []
    end, previous = 0, ""
    for match in _WORD.finditer(text):
        word, gap = bare(match[0]), text[end : match.start()]
        abbreviated = _abbreviates(previous, gap)
        starts = not previous or (bool(_SENTENCE_START.search(gap)) and not abbreviated)
        if run and not (gap == " " or abbreviated):
            names.append(" ".join(run))
            run = []
        if _is_name(word, starts, book):
            run.append(word)
        elif run:
            names.append(" ".join(run))
            run = []
        end, previous = match.end(), match[0]
    if run:
        names.append(" ".join(run))
    return names


def _is_name(word: str, starts: bool, book: BookWords) -> bool:
    if not word[:1].isupper() or word.casefold() in OPENERS:
        return False
    return not (starts and (book.has_word(word) or word.endswith(("ly", "ing", "ed"))))


def _numbers(text: str) -> dict[str, str]:
    """Numbers as they are written, each with its value: {"twelve": "12", "1,200": "1200"}."""
    found = {match: re.sub(r"[,.]", "", match) for match in _NUMBER.findall(text)}
    for word in re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()):
        if word in NUMBER_WORDS and word not in TOO_COMMON:
            found[word] = str(NUMBER_WORDS[word])
    return found
