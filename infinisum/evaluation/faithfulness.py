"""What ROUGE does not see: whether a summary is true to its text, repeats itself, or copies.

All of it compares words. A name that occurs in the book may still be said to have done what
another did, and a summary without a single name is not wrong by these figures: read them together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infinisum.books.book import Chapter, Paragraph
from infinisum.books.sentences import split_sentences
from infinisum.config import TENTHS
from infinisum.evaluation.baselines import WORD
from infinisum.evaluation.cases import Case
from infinisum.evaluation.statistics import Clusters, Matrix
from infinisum.summary.evidence import find_evidence
from infinisum.summary.grounding import BookWords, supported
from infinisum.summary.people import find_people

REFERENCE_ROW = "reference summaries"
MAIN_PEOPLE = 10
GRAM = 4  # words in a row; what both texts have of that length was probably copied


@dataclass(frozen=True, slots=True)
class Share:
    """A figure that is a share: the sum of one count over the sum of another."""

    name: str
    of: str  # count that is divided
    by: str
    said: str


SHARES: tuple[Share, ...] = (
    Share("names_in_book", "names_found", "names", "names of the summary that occur in the text"),
    Share("numbers_in_book", "numbers_found", "numbers", "numbers that occur in the text"),
    Share("novel_4grams", "novel", "grams", "runs of four words that the text does not have"),
    Share("repetition", "repeated", "grams", "runs of four words the summary had before"),
    Share("main_people", "people_named", "people", "of the text's ten main people"),
    Share("supported", "supported", "sentences", "sentences with a supporting passage"),
    Share("evenness", "evenness", "placed", "how evenly these lie over the tenths of the text"),
    Share("compression", "source_words", "words", "words of the text for each of the summary"),
)


def measure(case: Case, rows: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, float]]]:
    """Counts of every text of every row, and of the reference summaries.

    Args:
        case: text and references.
        rows: the texts of each row.
    """
    book = BookWords()
    book.add(case.text)
    source = WORD.findall(case.text.lower())
    known = set(_grams(source))
    size = len(case.text.split())
    everything = {**rows, REFERENCE_ROW: list(case.references.values())}
    entries = [(row, text) for row, texts in everything.items() for text in texts]
    measured: dict[str, list[dict[str, float]]] = {row: [] for row in everything}
    people = main_people(case.text)
    for (row, text), found in zip(
        entries, evidence_counts(case.text, [text for _, text in entries]), strict=True
    ):
        measured[row].append(
            {
                **counts(text, book, known),
                **found,
                "people": len(people),
                "people_named": sum(names.search(text) is not None for names in people),
                "source_words": size,
            }
        )
    return measured


def main_people(source: str) -> list[re.Pattern[str]]:
    """The people a text names most, ten at most, each as a pattern of all of their names."""
    chapter = Chapter("", tuple(map(Paragraph, paragraphs_of(source))))
    people, _ = find_people(lambda: [(1, chapter)])
    return [
        re.compile(rf"\b(?:{'|'.join(map(re.escape, {person.name, *person.variants}))})\b")
        for person in people[:MAIN_PEOPLE]
    ]


def paragraphs_of(text: str) -> list[str]:
    """Paragraphs of a text, one line each."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def evidence_counts(source: str, texts: Sequence[str]) -> list[dict[str, float]]:
    """Sentences of each text that a passage of the source supports, and where those passages lie.

    Evenness is the entropy of the words over the tenths of the source their passages are in,
    divided by that of equal shares: 0 where all come from one tenth, 1 from all alike.
    """
    paragraphs = paragraphs_of(source)
    chapter = Chapter("", tuple(map(Paragraph, paragraphs)))
    ends = np.cumsum([0, *(len(paragraph.split()) for paragraph in paragraphs)])
    found = find_evidence(
        [(None, split_sentences(text)) for text in texts], lambda: [(1, chapter)], ""
    )
    counted = []
    for sentences in found:
        tenths = np.zeros(TENTHS)
        for sentence in sentences:
            if sentence.evidence is not None and sentence.supported:
                before = ends[sentence.evidence.paragraph - 1]
                tenths[int(TENTHS * before / ends[-1])] += len(sentence.text.split())
        counted.append(
            {
                "sentences": len(sentences),
                "supported": sum(sentence.supported for sentence in sentences),
                "placed": float(tenths.any()),
                "evenness": evenness(tenths),
            }
        )
    return counted


def evenness(words: Matrix) -> float:
    """Entropy of words over parts, as a share of the greatest there could be."""
    total = words.sum()
    if not total:
        return 0.0
    shares = words[words > 0] / total
    return float(-(shares * np.log(shares)).sum() / np.log(len(words)))


def measure_pair(
    pair: tuple[Case, Mapping[str, Sequence[str]]],
) -> dict[str, list[dict[str, float]]]:
    """`measure` of one argument, for a map over processes."""
    return measure(*pair)


def counts(text: str, book: BookWords, known: set[tuple[str, ...]]) -> dict[str, float]:
    """What is counted of one summary.

    Args:
        text: the summary.
        book: names and numbers of the text it is about.
        known: its runs of four words.
    """
    names, names_found, numbers, numbers_found = supported(text, book)
    grams = Counter(_grams(WORD.findall(text.lower())))
    return {
        "names": names,
        "names_found": names_found,
        "numbers": numbers,
        "numbers_found": numbers_found,
        "grams": grams.total(),
        "novel": sum(count for gram, count in grams.items() if gram not in known),
        "repeated": grams.total() - len(grams),
        "words": len(text.split()),
    }


def aggregate(
    cases: Sequence[Case],
    measured: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]],
    rows: Iterable[str],
    seed: int,
) -> list[dict[str, Any]]:
    """Every row's figures with intervals over works; None where there is nothing to divide by."""
    table = []
    for row in rows:
        entries = [(case.cluster, text) for case in cases for text in measured[case.id][row]]
        clusters = Clusters([work for work, _ in entries], seed)
        line: dict[str, Any] = {"row": row, "texts": len(entries)}
        for share in SHARES:
            values = np.array([[text[share.of], text[share.by]] for _, text in entries], float)
            mean, drawn = clusters.means(values)
            if not mean[1]:
                line[share.name] = None
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = drawn[:, 0] / drawn[:, 1]
            ratios = ratios[np.isfinite(ratios)]
            line[share.name] = clusters.estimate(mean[0] / mean[1], ratios).as_dict()
        table.append(line)
    return table


def _grams(words: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(GRAM)), strict=False))
