"""Texts that must stay out of training: the same titles, or the same words in the same order."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from infinisum.datasets.document import Missing, plain_title
from infinisum.datasets.reader import scan

Hashes = npt.NDArray[np.uint64]

SHINGLE = 8  # words
SAMPLED = 8  # one shingle in so many is kept, chosen by its hash
LEAST_SHARED = 3  # sampled shingles; fewer are a quotation both texts make
LEAST_SHARE = 0.05  # of a text's sampled shingles

_NAMING = ("id", "bid")  # fields that make an id; without them it is made of the row's number
_WORD = re.compile(r"[^\W_]+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def shingles(text: str) -> Hashes:
    """Hashes of a text's runs of eight words, without case and punctuation: a fixed sample."""
    words = _WORD.findall(text.lower())
    if len(words) < SHINGLE:
        return np.zeros(0, dtype=np.uint64)
    known: dict[str, int] = {}
    codes = np.array(
        [known.setdefault(word, zlib.crc32(word.encode())) for word in words], dtype=np.uint64
    )
    hashes = np.zeros(len(codes) - SHINGLE + 1, dtype=np.uint64)
    for offset in range(SHINGLE):
        hashes = hashes * _FACTOR + codes[offset : offset + len(hashes)]
    hashes ^= hashes >> np.uint64(31)
    hashes *= _FACTOR
    hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes[hashes % np.uint64(SAMPLED) == 0])


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What must not be trained on."""

    titles: frozenset[str] = frozenset()  # as `plain_title` gives them
    ids: frozenset[str] = frozenset()
    shingles: Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))  # sorted

    @property
    def fingerprint(self) -> str:
        """Tells sets of held-out texts apart."""
        names = json.dumps([sorted(self.titles), sorted(self.ids)]).encode()
        return hashlib.blake2b(names + self.shingles.tobytes(), digest_size=8).hexdigest()

    def has_title(self, title: str) -> bool:
        """Whether a work of this title is held out."""
        return bool(title) and plain_title(title) in self.titles

    def overlaps(self, text: str) -> bool:
        """Whether a text shares so many runs of words with a held-out one that it is the same."""
        own = shingles(text)
        if not len(own) or not len(self.shingles):
            return False
        shared = int(np.isin(own, self.shingles, assume_unique=True).sum())
        return shared >= LEAST_SHARED and shared >= LEAST_SHARE * len(own)


def held_out(paths: Iterable[Path]) -> HeldOut:
    """Collect the texts that must stay out: all that the files and folders hold, of any split.

    Args:
        paths: data sets of any layout that `infinisum.datasets` reads; summaries may be missing.

    Raises:
        NotFoundError: there is nothing there, or nothing that is understood.
        InputError: a file cannot be read.
    """
    titles: set[str] = set()
    ids: set[str] = set()
    found = [np.zeros(0, dtype=np.uint64)]
    seen: set[str] = set()
    for path in paths:
        for document in scan(path):
            titles.add(plain_title(document.title))
            if isinstance(document, Missing):
                continue
            if any(document.fields.get(name) for name in _NAMING):
                ids.add(document.id)
            if document.text not in seen:
                seen.add(document.text)
                found.append(shingles(document.text))
    return HeldOut(
        frozenset(titles - {""}), frozenset(ids - {""}), np.unique(np.concatenate(found))
    )
