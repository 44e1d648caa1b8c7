"""What a sentence looks like inside its chapter: the numbers the salience head sees beside states.

All features use the chapter alone, so a chapter scores the same in any book. Names are recognised
by capitals and frequency words are counted in the chapter itself; nothing is looked up except a
short list of English function words. In other scripts the features stay finite and still tell
place, length and quotation apart.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FEATURE_NAMES: tuple[str, ...] = (
    "place",  # -1 first sentence of the chapter … 1 last
    "near_start",  # decays over the first sentences of the chapter
    "near_end",
    "paragraph_first",
    "paragraph_last",
    "paragraph_length",  # in sentences, log
    "length",  # words, log
    "word_length",  # letters a word
    "clauses",  # commas, semicolons, colons, dashes
    "names",  # distinct names, log
    "name_share",  # of the words
    "name_weight",  # how often the sentence's names occur in the chapter
    "capitals",  # share of words all in capitals (speakers in plays, headings)
    "third_person",  # share of he, she, they, …
    "first_second_person",  # share of I, you, we, …
    "opens_with_pronoun",
    "opens_with_connective",
    "quoted",  # share of the characters inside quotation marks
    "digits",
    "question_or_exclamation",
    "frequency",  # mean log count of the content words in the chapter
    "coverage",  # how many of the chapter's frequent words the sentence holds
    "novelty",  # share of content words that occur here first
    "rarity",  # share of content words that occur once in the chapter
    "past_tense",  # share of words ending in -ed, or a frequent past form
)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CLAUSE = re.compile(r"[,;:—–]|--")
_DIGIT = re.compile(r"\d")
_QUOTE = re.compile(r"[\"“”«»„「」『』]|‘|(?<!\w)'(?=\w)|['’](?!\w)")
_OPENING = frozenset("“«„‘「『")
_DOUBLE = frozenset('"“”«»„「」『』')


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_THIRD = _word_set(
    "he him his himself she her hers herself they them their theirs themselves it its"
)
_FIRST_SECOND = _word_set(
    "i me my mine myself we us our ours ourselves you your yours yourself thou thee thy thine ye "
    "i'm i'll i've i'd you're you'll we'll we're"
)
_OPENING_PRONOUNS = _THIRD | _FIRST_SECOND | _word_set("this that these those")
_CONNECTIVES = _word_set(
    "and but or nor for so yet then thus therefore however still besides moreover indeed "
    "nevertheless meanwhile now well oh ah yes no"
)
_TITLES = _word_set("i mr mrs miss ms dr sir madam lady lord st o oh i'm i'll i've i'd")
_PAST = _word_set(
    "was were had did said went came took told saw found left made gave knew thought became "
    "began felt fell held kept led lost met put ran sat sent spoke stood brought died"
)
FUNCTION_WORDS = (
    _THIRD
    | _FIRST_SECOND
    | _CONNECTIVES
    | _TITLES
    | _word_set(
        "a about above after again against all almost also always am among an another any are as "
        "at away back be because been before being between both by can cannot could did do does "
        "done down each either else even ever every few from further get go good great had has "
        "have having here how if in into is just know like little long made make man many may "
        "might more most much must never not nothing of off on once one only other out over own "
        "quite rather said same say see shall should since some something such than that the there "
        "these thing things this those though through till time to too two under until up upon "
        "very was way were what when where whether which while who whom whose why will with within "
        "without would don't can't won't it's that's there's didn't couldn't wasn't"
    )
)


@dataclass(slots=True)
class _Sentence:
    """What one pass over a sentence's words finds."""

    words: list[str]  # lower case
    capitalised: set[str]  # lower-case forms of words with a capital where none is required
    capitals: int  # words of two or more letters all in capitals


@dataclass(slots=True)
class _Chapter:
    """Counts over the whole chapter."""

    counts: Counter[str]  # words, lower case
    names: frozenset[str]
    top: float  # log count of its most frequent content word, at least log 2


def sentence_features(sentences: Sequence[str], paragraph_of: Sequence[int]) -> list[list[float]]:
    """Surface features of the sentences of one chapter.

    Args:
        sentences: all sentences of the chapter, in order.
        paragraph_of: for each sentence the index of its paragraph, never falling.

    Returns:
        One row a sentence with one value for each of `FEATURE_NAMES`, roughly in [-3, 3].

    Raises:
        ValueError: the two sequences differ in length.
    """
    if len(sentences) != len(paragraph_of):
        raise ValueError(f"{len(sentences)} sentences but {len(paragraph_of)} paragraph indices")
    parsed = [_parse(sentence) for sentence in sentences]
    chapter = _count(parsed)
    quoted = _quoted_shares(sentences, paragraph_of)
    layout = _layout(paragraph_of)
    seen: set[str] = set()
    rows = []
    for index, sentence in enumerate(sentences):
        row = layout[index]
        row += _shape(sentence, parsed[index])
        row += _names(parsed[index], chapter)
        row += _manner(sentence, parsed[index], quoted[index])
        row += _vocabulary(parsed[index], chapter, seen)
        row.append(_past_tense(parsed[index].words))
        rows.append(row)
    return rows


def _parse(sentence: str) -> _Sentence:
    words: list[str] = []
    capitalised: set[str] = set()
    capitals = 0
    for match in _WORD.finditer(sentence):
        word = match.group().replace("’", "'")
        lower = word.lower()
        words.append(lower)
        if lower == word:
            continue
        if len(word) > 1 and word.isupper():
            capitals += 1
        before = sentence[max(0, match.start() - 2) : match.start()]
        # A capital says nothing at a start: of the sentence, a quotation, a line of verse.
        if before.endswith((" ", "-", "(")) and before[0] not in ".!?:":
            capitalised.add(lower)
    return _Sentence(words, capitalised, capitals)


def _count(parsed: Sequence[_Sentence]) -> _Chapter:
    counts: Counter[str] = Counter()
    capitalised: Counter[str] = Counter()
    for sentence in parsed:
        counts.update(sentence.words)
        capitalised.update(sentence.capitalised)
    names = frozenset(
        word
        for word, count in capitalised.items()
        if word not in FUNCTION_WORDS and 2 * count >= counts[word] - 1
    )
    content = [count for word, count in counts.items() if word not in FUNCTION_WORDS]
    top = math.log(max([*content, 2]))
    return _Chapter(counts, names, top)


def _layout(paragraph_of: Sequence[int]) -> list[list[float]]:
    """Place in chapter and paragraph: the first six features."""
    total = len(paragraph_of)
    lengths = Counter(paragraph_of)
    rows = []
    for index, paragraph in enumerate(paragraph_of):
        first = index == 0 or paragraph_of[index - 1] != paragraph
        last = index == total - 1 or paragraph_of[index + 1] != paragraph
        rows.append(
            [
                2.0 * index / max(total - 1, 1) - 1.0,
                math.exp(-index / 4),
                math.exp(-(total - 1 - index) / 4),
                float(first),
                float(last),
                math.log(lengths[paragraph]) - 1.0,
            ]
        )
    return rows


def _shape(sentence: str, parsed: _Sentence) -> list[float]:
    words = max(len(parsed.words), 1)
    letters = sum(map(len, parsed.words))
    return [
        min((math.log(words) - 2.7) / 0.8, 3.0),
        min(letters / words - 4.2, 3.0),
        min(math.log1p(len(_CLAUSE.findall(sentence))) - 1.0, 3.0),
    ]


def _names(parsed: _Sentence, chapter: _Chapter) -> list[float]:
    words = max(len(parsed.words), 1)
    names = [word for word in parsed.words if word in chapter.names]
    distinct = set(names)
    weight = sum(math.log1p(chapter.counts[name]) for name in distinct)
    return [
        math.log1p(len(distinct)),
        min(4.0 * len(names) / words, 3.0),
        min(0.25 * weight, 3.0),
        2.0 * parsed.capitals / words,
    ]


def _manner(sentence: str, parsed: _Sentence, quoted: float) -> list[float]:
    words = parsed.words
    total = max(len(words), 1)
    third = sum(word in _THIRD for word in words)
    first_second = sum(word in _FIRST_SECOND for word in words)
    opening = words[0] if words else ""
    return [
        min(5.0 * third / total, 3.0),
        min(5.0 * first_second / total, 3.0),
        float(opening in _OPENING_PRONOUNS),
        float(opening in _CONNECTIVES),
        quoted,
        float(_DIGIT.search(sentence) is not None),
        float("?" in sentence or "!" in sentence),
    ]


def _vocabulary(parsed: _Sentence, chapter: _Chapter, seen: set[str]) -> list[float]:
    """Frequency, coverage, novelty and rarity; adds the sentence's words to `seen`."""
    content = {word for word in parsed.words if word not in FUNCTION_WORDS}
    if not content:
        return [0.0, 0.0, 0.0, 0.0]
    logs = [math.log(chapter.counts[word]) for word in content]
    new = content - seen
    seen |= new
    once = sum(log == 0.0 for log in logs)
    return [
        2.0 * sum(logs) / len(logs) / chapter.top,
        min(0.3 * sum(logs) / chapter.top, 3.0),
        len(new) / len(content),
        once / len(content),
    ]


def _past_tense(words: Sequence[str]) -> float:
    past = sum(word in _PAST or (len(word) > 3 and word.endswith("ed")) for word in words)
    return min(5.0 * past / max(len(words), 1), 3.0)


def _quoted_shares(sentences: Sequence[str], paragraph_of: Sequence[int]) -> list[float]:
    """Share of each sentence inside quotation marks; a quotation may run over sentences."""
    shares = []
    paragraph = -1
    inside = ""  # the mark that opened the current quotation
    for sentence, its_paragraph in zip(sentences, paragraph_of, strict=True):
        if its_paragraph != paragraph:
            paragraph, inside = its_paragraph, ""
        length, inside = _quoted_length(sentence, inside)
        shares.append(length / max(len(sentence), 1))
    return shares


def _quoted_length(sentence: str, inside: str) -> tuple[int, str]:
    """Characters in quotation, and the mark still open at the end ("" for none)."""
    length = 0
    start = 0
    for match in _QUOTE.finditer(sentence):
        mark, place = match.group(), match.start()
        if not inside:
            # A lone apostrophe ('tis, the boys') opens nothing unless a closing one follows.
            if mark == "’" or (mark == "'" and not re.search(r"[,.!?;:—-]'", sentence[place:])):
                continue
            inside, start = mark, place
        elif (mark in _DOUBLE) == (inside in _DOUBLE) and mark not in _OPENING:
            if mark in "'’" and sentence[place - 1 : place].isalnum():
                continue
            length += place + 1 - start
            inside = ""
    if inside:
        length += len(sentence) - start
    return length, inside
