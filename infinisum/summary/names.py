"""Names in running text: runs of capitalised words, and what stands around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from infinisum.features import FUNCTION_WORDS
from infinisum.summary.name_words import (
    ABBREVIATED,
    CAPITAL_PARTICLES,
    DETERMINERS,
    GIVEN_NAMES,
    NOBLE,
    NOT_NAMES,
    PARTICLES,
    PLACE_PREPOSITIONS,
    PLACE_WORDS,
    SAYING,
    SPEAKING,
    TITLES,
)

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_CAPITALISED = re.compile(r"(?<![\w'-])[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['-][^\W\d_]+)*")
_GENITIVE = re.compile(r"'[sS]?$")
_SAME_LENGTH = str.maketrans("‘’“”‑", "''\"\"-")  # positions stay those of the text
_STARTS = frozenset(".!?:;\"'([*-–—…")  # before a word that is capitalised for beginning something
_BEFORE = re.compile(r"(?:([^\W\d_]+)[^\S\n]+)?([Tt]he[^\S\n]+)?$")
_AFTER = re.compile(r"[,\s]*([^\W\d_]+)")
_PRONOUN = re.compile(r"\b(he|him|his|himself|she|her|hers|herself)\b")
# "LADY CAPULET: ", "MERCUTIO. ", "Nurse: " before what they say in a play
_SPEAKER = re.compile(r"((?:(?:[^\W\d_a-z]+|[^\W\d_a-z][^\W\d_]+)[ '-]?){1,4})(?::(?=\s)|\.(?=\s))")
_CAPITALS = re.compile(r"[^\W\d_a-z]{2,}")
_ANYBODY = frozenset({"First", "Second", "Third", "Fourth", "Fifth", "All", "Both", "Another"})
_SPEECHES, _SPOKEN = 6, 0.2  # as many speeches, this share of the paragraphs: a play
_OFTEN = 3  # times at the beginning of sentences, never in small letters
_NEAR = 70  # characters after a name in which a pronoun may mean its bearer


@dataclass(frozen=True, slots=True)
class Run:
    """Capitalised words that stand together, without the ending of the genitive."""

    words: tuple[str, ...]  # particles joined: "de Bourgh" is one
    starts: tuple[int, ...]  # of each word in the text
    end: int
    initial: bool  # capitalised for beginning a sentence, perhaps


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared: "Mr. Fitzwilliam Darcy" has a title and two words."""

    title: str  # without its dot; "" none
    words: tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """What was seen around a name."""

    count: int = 0
    article: int = 0  # after "the"
    placed: int = 0  # after "in", "at", "near", …
    acting: int = 0  # before or after a verb of saying, thinking, going
    he: int = 0
    she: int = 0
    determined: int = 0  # after "a", "some", "no": one of a kind, or stuff
    speeches: int = 0  # of a play

    def add(self, other: Facts) -> None:
        """Count what was seen around another spelling of the name."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Vocabulary:
    """Which capitalised words of a text are names; grows with its vocabulary."""

    words: Counter[str] = field(default_factory=Counter)  # as they are written
    inside: Counter[str] = field(default_factory=Counter)  # capitalised within a sentence
    runs: dict[tuple[tuple[str, ...], bool], Facts] = field(default_factory=dict)
    length: int = 0  # words in all
    speakers: Counter[str] = field(default_factory=Counter)  # words of their names
    paragraphs: int = 0
    speeches: int = 0

    def add(self, text: str) -> None:
        """Take in a paragraph, `plain`."""
        speaker = _speaker(text)
        self.paragraphs += 1
        self.speeches += bool(speaker)
        words = _WORD.findall(text)
        self.length += len(words)
        self.words.update(words)
        runs = list(find_runs(text))
        for at, run in enumerate(runs):
            self.inside.update(run.words[1:] if run.initial else run.words)
            stop = runs[at + 1].starts[0] if at + 1 < len(runs) else len(text)
            key = (run.words, run.initial)
            facts = self.runs.get(key)
            if facts is None:
                facts = self.runs[key] = Facts()
            _look_around(text, run, stop, facts)
            if speaker and run.starts[0] == 0 and run.words[0] not in _ANYBODY:
                facts.speeches += 1
                self.speakers.update(run.words)

    @property
    def is_play(self) -> bool:
        """Whether so many paragraphs begin with who says them that it is one."""
        return self.speeches >= max(_SPEECHES, _SPOKEN * self.paragraphs)

    def is_name(self, word: str) -> bool:
        """Whether a capitalised word is (part of) a name."""
        if word in TITLES:
            return True
        if self.speakers[word] >= _OFTEN and word not in _ANYBODY and self.is_play:
            return True
        small = word.lower()
        if small in NOT_NAMES or small.partition("'")[0] in NOT_NAMES:
            return False
        inside, lower = self.inside[word], self.words[small]
        if inside:
            return inside >= lower
        return lower == 0 and (self.words[word] >= _OFTEN or word in GIVEN_NAMES)

    def _opens(self, run: Run, at: int) -> bool:
        """Whether a word that is no name alone begins one: "Long Staithe", "T. Sayle"."""
        word = run.words[at]
        if at + 1 >= len(run.words) or word.lower() in FUNCTION_WORDS:
            return False
        inside = at > 0 or not run.initial
        return len(word) == 1 or (inside and run.words[at + 1] in PLACE_WORDS)

    def _next_begins(self, run: Run, at: int) -> bool:
        """Whether a title within a run begins somebody else's name: "Anna Prince Paul"."""
        word = run.words[at]
        if word not in TITLES or len(word) == 1 or run.words[at - 1] in TITLES:
            return False
        return at + 1 < len(run.words) and self.is_name(run.words[at + 1])

    def names_in(self, run: Run) -> list[tuple[Name, int, int]]:
        """The names in a run, each with its first and one past its last word."""
        found: list[tuple[Name, int, int]] = []
        start = 0
        while start < len(run.words):
            if not self.is_name(run.words[start]) and not self._opens(run, start):
                start += 1
                continue
            stop = start + 1
            while stop < len(run.words) and (
                self.is_name(run.words[stop]) or run.words[stop] in PLACE_WORDS
            ):
                if self._next_begins(run, stop):
                    break
                stop += 1
            words = list(run.words[start:stop])
            titles = []
            while words and words[0] in TITLES:
                titles.append(words.pop(0))
            title = titles[-1] if titles else ""
            alone = len(words) == 1 and not title and words[0] in PLACE_WORDS  # "the Street"
            if (words or title) and not alone:
                found.append((Name(title, tuple(words)), start, stop))
            start = stop
        return found


def plain(text: str) -> str:
    """Text with typewriter quotes and hyphens, speakers of plays in small letters.

    Every character stays where it was.
    """
    text = text.translate(_SAME_LENGTH)
    speaker = _speaker(text)
    small = _CAPITALS.sub(lambda match: match[0].capitalize(), speaker)
    return small + text[len(speaker) :] if len(small) == len(speaker) else text


def _speaker(text: str) -> str:
    """The name before a speech; "" where a paragraph does not begin like one."""
    match = _SPEAKER.match(text)
    if match is None or match[1] in ABBREVIATED or match[1].title() in ABBREVIATED:
        return ""
    return match[1]


def find_runs(text: str) -> Iterator[Run]:
    """Runs of capitalised words; "I" is none.

    Args:
        text: `plain`.
    """
    words: list[str] = []
    starts: list[int] = []
    end, closed, initial = 0, True, False
    for match in _CAPITALISED.finditer(text):
        word = match[0]
        if word == "I" or word.startswith("I'") or not word[0].isupper():
            closed = True
            continue
        bare = _GENITIVE.sub("", word)
        gap = text[end : match.start()]
        if words and word in PLACE_WORDS and gap in ("'s ", "' "):  # Pilots' Row
            words[-1] += gap.rstrip()
            gap, closed = " ", False
        if words and not closed and (joint := _joint(words[-1], gap)) is not None:
            if joint or words[-1] in CAPITAL_PARTICLES:
                particle = joint or words.pop()
                start = match.start() - len(gap.lstrip()) if joint else starts.pop()
                bare = f"{particle} {bare}"
                words.append(bare)
                starts.append(start)
            else:
                words.append(bare)
                starts.append(match.start())
        else:
            if words:
                yield Run(tuple(words), tuple(starts), end, initial)
            words, starts = [bare], [match.start()]
            before = text[: match.start()].rstrip()[-1:]
            initial = not before or before in _STARTS
        closed = bare[-1:] != word[-1:]  # a genitive ends a name
        end = match.start() + len(word) - (len(word) - len(_GENITIVE.sub("", word)))
    if words:
        yield Run(tuple(words), tuple(starts), end, initial)


def _joint(word: str, gap: str) -> str | None:
    """What joins two capitalised words to one name: "" or a particle; None: nothing does."""
    if gap == " ":
        return ""
    if gap == ". " and (word in ABBREVIATED or len(word) == 1):
        return ""
    between = gap.strip()
    if gap == f" {between} " and (
        all(part in PARTICLES for part in between.split()) or (between == "of" and word in NOBLE)
    ):
        return between
    return None


def _look_around(text: str, run: Run, stop: int, facts: Facts) -> None:
    facts.count += 1
    before = _BEFORE.search(text, max(0, run.starts[0] - 24), run.starts[0])
    word = (before[1] or "").lower() if before else ""
    facts.article += word == "the" or bool(before and before[2])
    facts.determined += word in DETERMINERS
    opening = run.words[0].lower() if run.initial and len(run.words) > 1 else ""  # "In London"
    facts.article += opening == "the"
    facts.placed += word in PLACE_PREPOSITIONS or opening in PLACE_PREPOSITIONS
    after = _AFTER.match(text, run.end)
    facts.acting += word in SAYING or (after is not None and after[1] in SPEAKING)
    pronoun = _PRONOUN.search(text, run.end, min(stop, run.end + _NEAR))
    if pronoun:
        if pronoun[1].startswith("h") and not pronoun[1].startswith("her"):
            facts.he += 1
        else:
            facts.she += 1
