"""Which passage of the book supports a written sentence best, and whether any does.

A second reading of the text, paragraph by paragraph. A paragraph fits a sentence as far as it has
the sentence's words, each weighed by how rare it is in the book, and has them side by side; its
neighbours count a little. Of the paragraphs that fit best, those are chosen that also follow the
order of the summary, since a summary mostly tells things in the order of the book. Nothing but the
words is compared: a sentence whose words all stand in one place may still say something else.

What is kept is a few places for each sentence, however long the book is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from itertools import pairwise

from infinisum.books.book import Chapter
from infinisum.books.sentences import split_sentences
from infinisum.features import FUNCTION_WORDS
from infinisum.lines import printable
from infinisum.summary.summary import Evidence, WrittenSentence
from infinisum.summary.words import Terms

# Chosen on the odd chapters of the novella in data/; benchmarks/evidence_check.py measures what
# they do, and LOG.md tells how they were chosen.
NAME_SHARE = 0.6  # weight of a capitalised word: it says who, less so what
PAIR_SHARE = 0.2  # of the weight of two words, for standing side by side
NEIGHBOUR_SHARE = 0.3  # of the fit of the better neighbour, added to a paragraph's own
BACKWARD_COST = 0.1  # of going back in the book from one sentence to the next
DISTANCE_COST = 0.3  # of going from one end of the text to the other, in proportion
CANDIDATES = 24  # places kept for a sentence

SUPPORTED_FROM = 0.5  # score
# How the score is made: a logistic function of what `_score` weighs up, fitted on sentences of
# the novella's summaries with their own chapter and with another.
COVERED_WEIGHT = 4.1  # share of the sentence's rarity that stands in the paragraph or beside it
MATCHED_WEIGHT = 0.9  # rarity in the paragraph; 1 is a word that stands nowhere else
UNKNOWN_NAMES_WEIGHT = -1.2  # share of capitalised words that the whole text does not have
UNKNOWN_WORDS_WEIGHT = -3.3  # share of other words that the whole text does not have
CONSTANT = -1.6

Chapters = Callable[[], Iterable[tuple[int, Chapter]]]  # numbers from 1; can be gone through again


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    fit: float
    order: int  # paragraphs from the end of what was gone through; so the earlier of two wins
    chapter: int
    paragraph: int  # from 0


@dataclass(slots=True, eq=False)
class _Question:
    """A sentence whose place is looked for."""

    text: str
    terms: list[str]
    names: frozenset[str]
    rarity: dict[str, float] = field(default_factory=dict)  # 1: of a word that stands once
    weights: dict[str, float] = field(default_factory=dict)  # sum up to 1
    unknown: frozenset[str] = frozenset()  # terms that the text does not have
    best: list[_Candidate] = field(default_factory=list)  # a heap, the worst first

    @property
    def phrase(self) -> str:
        """All words in order."""
        return f" {' '.join(self.terms)} "

    def offer(self, candidate: _Candidate) -> None:
        if len(self.best) < CANDIDATES:
            heappush(self.best, candidate)
        else:
            heappushpop(self.best, candidate)


def find_evidence(
    texts: Sequence[tuple[int | None, Sequence[str]]], chapters: Chapters, language: str = ""
) -> list[tuple[WrittenSentence, ...]]:
    """Look for the evidence of written texts.

    Args:
        texts: the number of the chapter a text is about, None for the whole book; its sentences.
        chapters: gives the chapters that were read, in order; is called three times at most.
        language: BCP 47 tag of the book; "" unknown.

    Returns:
        The sentences of each text with their evidence.
    """
    terms = Terms(language)
    asked = [[_question(sentence, terms) for sentence in sentences] for _, sentences in texts]
    questions = [question for group in asked for question in group]
    if not questions:
        return [() for _ in texts]
    _weigh(questions, chapters, terms)
    by_chapter: dict[int, list[list[_Question]]] = defaultdict(list)
    of_book: list[list[_Question]] = []
    for (number, _), group in zip(texts, asked, strict=True):
        (of_book if number is None else by_chapter[number]).append(group)
    found: dict[_Question, Evidence] = {}
    book_index = _Index([question for group in of_book for question in group])
    paragraphs = 0
    for number, chapter in chapters():
        groups = by_chapter.get(number, [])
        index = _Index([question for group in groups for question in group])
        _search(number, chapter, (book_index, index), paragraphs, terms)
        paragraphs += len(chapter.paragraphs)
        for group in groups:
            found |= _quoted(_in_order(group, len(chapter.paragraphs)), number, chapter, terms)
    places: dict[_Question, _Candidate] = {}
    for group in of_book:
        places |= _in_order(group, paragraphs)
    if places:
        for number, chapter in chapters():
            found |= _quoted(places, number, chapter, terms)
    return [
        tuple(WrittenSentence(question.text, found.get(question)) for question in group)
        for group in asked
    ]


def _question(sentence: str, terms: Terms) -> _Question:
    pairs = terms.written(sentence)
    names = {term for at, (word, term) in enumerate(pairs) if at and word[:1].isupper()}
    return _Question(printable(sentence), [term for _, term in pairs], frozenset(names))


def _weigh(questions: Sequence[_Question], chapters: Chapters, terms: Terms) -> None:
    """Give the words of the questions their weight: how rare they are in the book."""
    wanted = {term for question in questions for term in question.terms} - FUNCTION_WORDS
    having: Counter[str] = Counter()
    paragraphs = 0
    for _, chapter in chapters():
        for paragraph in chapter.paragraphs:
            paragraphs += 1
            having.update(wanted.intersection(terms.of(paragraph.text)))
    scale = math.log(paragraphs + 2)
    for question in questions:
        own = wanted.intersection(question.terms)
        if not own:  # nothing but common words: only the same words in the same order count
            question.rarity[question.phrase] = question.weights[question.phrase] = 1.0
        question.unknown = frozenset(term for term in own if not having[term])
        for term in own:
            rarity = max(0.0, math.log((paragraphs + 1) / (having[term] + 0.5)))
            question.rarity[term] = rarity / scale
            question.weights[term] = rarity * (NAME_SHARE if term in question.names else 1.0)
        total = sum(question.weights.values()) or 1.0
        question.weights = {term: weight / total for term, weight in question.weights.items()}


class _Index:
    """Which questions have a word, or two words side by side."""

    def __init__(self, questions: Sequence[_Question]) -> None:
        self.words: dict[str, list[tuple[_Question, float]]] = defaultdict(list)
        self.pairs: dict[tuple[str, str], list[tuple[_Question, float]]] = defaultdict(list)
        self.phrases = [question for question in questions if question.phrase in question.weights]
        for question in questions:
            for term, weight in question.weights.items():
                if weight > 0:
                    self.words[term].append((question, weight))
            for pair in set(pairwise(question.terms)):
                if question.names.issuperset(pair):
                    continue  # first name and surname
                weight = PAIR_SHARE * sum(question.weights.get(term, 0.0) for term in pair)
                if weight > 0:
                    self.pairs[pair].append((question, weight))

    def scores(self, paragraph: Sequence[str]) -> Iterator[tuple[_Question, float]]:
        """What a paragraph adds to the questions, piece by piece."""
        for term in self.words.keys() & set(paragraph):
            yield from self.words[term]
        if self.phrases:
            whole = f" {' '.join(paragraph)} "
            yield from ((question, 1.0) for question in self.phrases if question.phrase in whole)
        for pair in self.pairs.keys() & set(pairwise(paragraph)):
            yield from self.pairs[pair]


def _search(
    number: int,
    chapter: Chapter,
    indices: Sequence[_Index],
    paragraphs_before: int,
    terms: Terms,
) -> None:
    """Offer the paragraphs of a chapter to all questions."""
    before: dict[_Question, float] = {}
    here: dict[_Question, float] = {}
    for at in range(len(chapter.paragraphs) + 1):
        after: dict[_Question, float] = defaultdict(float)
        if at < len(chapter.paragraphs):
            words = terms.of(chapter.paragraphs[at].text)
            for index in indices:
                for question, score in index.scores(words):
                    after[question] += score
        for question, score in here.items():
            beside = max(before.get(question, 0.0), after.get(question, 0.0))
            order = -(paragraphs_before + at - 1)
            fit = score + NEIGHBOUR_SHARE * beside
            question.offer(_Candidate(fit, order, number, at - 1))
        before, here = here, after


def _in_order(group: Sequence[_Question], paragraphs: int) -> dict[_Question, _Candidate]:
    """For each question one of its candidates: those that fit and follow the book's order best.

    Args:
        group: the questions of one text, in order.
        paragraphs: length of what it is about.
    """
    asked = [question for question in group if question.best]
    if not asked:
        return {}
    rows = [sorted(question.best, reverse=True) for question in asked]
    totals = [candidate.fit for candidate in rows[0]]
    links: list[list[int]] = []
    for row, candidates in enumerate(rows[1:]):
        reached: list[tuple[float, int]] = []
        for candidate in candidates:
            steps = (
                (total - _step_cost(earlier, candidate, paragraphs), -at)
                for at, (total, earlier) in enumerate(zip(totals, rows[row], strict=True))
            )
            total, at = max(steps)
            reached.append((total + candidate.fit, -at))
        totals = [total for total, _ in reached]
        links.append([at for _, at in reached])
    at = totals.index(max(totals))
    chosen = [rows[-1][at]]
    for row in range(len(rows) - 2, -1, -1):
        at = links[row][at]
        chosen.append(rows[row][at])
    return dict(zip(asked, reversed(chosen), strict=True))


def _step_cost(earlier: _Candidate, later: _Candidate, paragraphs: int) -> float:
    step = earlier.order - later.order  # both count backwards
    cost = DISTANCE_COST * abs(step) / max(paragraphs, 1)
    return cost + BACKWARD_COST if step < 0 else cost


def _quoted(
    places: dict[_Question, _Candidate], number: int, chapter: Chapter, terms: Terms
) -> dict[_Question, Evidence]:
    """The evidence that stands in a chapter, with the sentence that fits best."""
    found = {}
    for question, place in places.items():
        if place.chapter != number:
            continue
        paragraph = chapter.paragraphs[place.paragraph]
        score = _score(question, chapter, place.paragraph, terms)

        def overlap(sentence: str, weights: dict[str, float] = question.weights) -> float:
            return sum(weights.get(term, 0.0) for term in set(terms.of(sentence)))

        found[question] = Evidence(
            chapter=number,
            paragraph=place.paragraph + 1,
            page=paragraph.page,
            quote=printable(max(split_sentences(paragraph.text), key=overlap)),
            score=score,
            supported=score >= SUPPORTED_FROM,
        )
    return found


def _score(question: _Question, chapter: Chapter, at: int, terms: Terms) -> float:
    """How well a paragraph and its neighbours support a sentence, 0 to 1."""
    if question.phrase in question.rarity:
        return 1.0  # it was found because it stands there word for word
    own = question.rarity.keys()
    here = own & set(terms.of(chapter.paragraphs[at].text))
    around = set(here)
    for beside in (at - 1, at + 1):
        if 0 <= beside < len(chapter.paragraphs):
            around |= own & set(terms.of(chapter.paragraphs[beside].text))
    names = own & question.names
    words = own - question.names
    total = sum(question.rarity.values()) or 1.0
    weighed = (
        CONSTANT
        + COVERED_WEIGHT * sum(question.rarity[term] for term in around) / total
        + MATCHED_WEIGHT * sum(question.rarity[term] for term in here)
        + UNKNOWN_NAMES_WEIGHT * len(names & question.unknown) / max(1, len(names))
        + UNKNOWN_WORDS_WEIGHT * len(words & question.unknown) / max(1, len(words))
    )
    return 1 / (1 + math.exp(-weighed))
