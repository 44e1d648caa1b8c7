"""Scores of predictions, and the rows that take no model; in several processes where it pays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from infinisum.evaluation.baselines import BASELINES, greedy_oracle, random_sentences
from infinisum.evaluation.cases import Case
from infinisum.evaluation.lexrank import has_lexrank, lexrank
from infinisum.evaluation.surface import surface_extract
from infinisum.rouge import Convention, rouge

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
ORACLE = "greedy oracle"
SURFACE = "surface features"
LEXRANK = "LexRank"
_FEW = 8  # cases; starting processes takes longer than scoring so few


@dataclass(frozen=True, slots=True)
class Scored:
    """One row on one case."""

    texts: list[str]  # one for all references, or one for each (the oracle's)
    scores: list[list[float]]  # for each reference, one value for each of METRICS

    def as_list(self) -> list[Any]:
        """As a journal holds it."""
        return [self.texts, self.scores]


@dataclass(frozen=True, slots=True)
class Trivial:
    """The rows that take no model, of one evaluation."""

    words: int
    seed: int
    convention: Convention
    lexrank: bool  # whether that row is wanted: its matrix grows with the square of the text

    def names(self) -> list[str]:
        """The rows in the order of the table."""
        names = [*BASELINES]
        if self.lexrank and has_lexrank():
            names.append(LEXRANK)
        return [*names, SURFACE, ORACLE]

    def score(self, case: Case) -> dict[str, Scored]:
        """Every row on one case."""
        rows = {name: score_text(case, text, self.convention) for name, text in self._texts(case)}
        texts = [
            greedy_oracle(case.text, reference, self.words)
            for reference in case.references.values()
        ]
        rows[ORACLE] = score_texts(case, texts, self.convention)
        return rows

    def _texts(self, case: Case) -> Iterator[tuple[str, str]]:
        for name, make in BASELINES.items():
            if make is random_sentences:
                yield name, random_sentences(case.text, self.words, self.seed)
            else:
                yield name, make(case.text, self.words)
        if LEXRANK in self.names():
            yield LEXRANK, lexrank(case.text, self.words)
        yield SURFACE, surface_extract(case.text, self.words)


def score_text(case: Case, text: str, convention: Convention) -> Scored:
    """One prediction against every reference of its case."""
    references = case.references.values()
    return Scored([text], [_values(text, reference, convention) for reference in references])


def score_texts(case: Case, texts: Sequence[str], convention: Convention) -> Scored:
    """One prediction for each reference."""
    pairs = zip(texts, case.references.values(), strict=True)
    return Scored(list(texts), [_values(text, reference, convention) for text, reference in pairs])


def _values(text: str, reference: str, convention: Convention) -> list[float]:
    scores = rouge(text, reference, convention=convention)
    return [float(getattr(scores, name)) for name in METRICS]


@contextmanager
def workers(jobs: int, cases: int) -> Iterator[Callable[..., Iterator[tuple[int, Any]]]]:
    """A map over cases that runs in up to `jobs` processes.

    Gives a function of a function and its arguments; it yields the index of an argument with its
    result as soon as it is there, in any order.
    """
    if jobs < 2 or cases < _FEW:
        yield _here
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_settle)

    def spread(function: Callable[..., Any], arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        futures = {pool.submit(function, item): index for index, item in enumerate(arguments)}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()

    try:
        yield spread
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def default_jobs() -> int:
    """The processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(function: Callable[..., Any], arguments: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    for index, item in enumerate(arguments):
        yield index, function(item)


def _settle() -> None:
    """Leave Ctrl-C to the process that started us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
