"""What is evaluated: texts with all of their references, by work, in two halves.

Works are dealt to the halves by a hash of their titles, so a work is in the same half whatever
else is evaluated, at either level: settings are chosen on the tuning half, and the reporting half
tells how good they are.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from infinisum.datasets import read_documents

Half = Literal["tuning", "reporting"]
Item = TypeVar("Item")
HALVES: tuple[Half, ...] = ("tuning", "reporting")
# Mean length of BookSum's reference summaries by work, the length all its rows are compared at.
BOOKSUM_WORDS = {"book": 1_214, "chapter": 338}


@dataclass(slots=True)
class Case:
    """A text with all of its references."""

    id: str  # of its first row
    work: str  # title; "" counts every text as a work of its own
    text: str
    references: dict[str, str] = field(default_factory=dict)  # by the row's id

    @property
    def cluster(self) -> str:
        """What is drawn together in the bootstrap."""
        return self.work or self.id

    @property
    def half(self) -> Half:
        """The half its work is in."""
        return half_of(self.cluster)


def half_of(title: str) -> Half:
    """The half of a work: decided by the parity of a hash of its title alone."""
    digest = hashlib.sha256(" ".join(title.casefold().split()).encode()).digest()
    return HALVES[1 - digest[7] % 2]


def load_cases(path: Path, split: str, level: str, limit: int | None = None) -> list[Case]:
    """The texts of a data set with their references, in the order of the data.

    Args:
        path: a data set in any layout that `infinisum.datasets` knows.
        split: "train", "validation" or "test".
        level: "book" or "chapter".
        limit: draw so many texts, the same ones every time.

    Raises:
        NotFoundError: there is nothing of that split and level.
        InputError: a file cannot be read.
    """
    cases: dict[bytes, Case] = {}
    for document in read_documents(path, split, level):
        key = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).digest()
        case = cases.setdefault(key, Case(document.id, document.title, document.text))
        case.references[_free_id(document.id, case.references)] = document.summary
    return sample(list(cases.values()), limit)


def sample(texts: Sequence[Item], limit: int | None) -> list[Item]:
    """All, or `limit` of them drawn by a fixed seed, in their order."""
    if limit is None or limit >= len(texts):
        return list(texts)
    chosen = sorted(random.Random(0).sample(range(len(texts)), limit))
    return [texts[index] for index in chosen]


def reference_words(cases: Iterable[Case]) -> int:
    """Mean length of the references in words."""
    lengths = [len(text.split()) for case in cases for text in case.references.values()]
    return max(1, round(sum(lengths) / max(1, len(lengths))))


def fingerprint(cases: Iterable[Case]) -> str:
    """Tells data apart: a hash of every text and reference, in order."""
    digest = hashlib.sha256()
    for case in cases:
        for part in (case.work, case.text, *case.references, *case.references.values()):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]


def _free_id(name: str, taken: dict[str, str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free
