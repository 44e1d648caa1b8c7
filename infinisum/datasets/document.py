"""A document with its summary, whatever layout of data set it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["book", "chapter"]

SPLITS = ("train", "validation", "test")
_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_WORD = re.compile(r"[^\W_]+")
_ARTICLE = re.compile(r"^(?:the|a|an) ")


@dataclass(frozen=True, slots=True)
class Document:
    """One text with one summary of it; several summaries of a text are several documents."""

    id: str
    title: str  # of the work; "" where unknown
    level: Level
    text: str  # paragraphs parted by blank lines
    summary: str
    source: str  # who wrote the summary, such as "sparknotes"; "" where unknown
    split: str  # "train", "validation", "test", or "" where the data do not say
    aggregate: bool = False  # a section of several chapters
    file: str = ""  # that named it
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)  # as the file has them

    @property
    def work(self) -> str:
        """The same for all documents of one work, in any split."""
        return plain_title(self.title)


@dataclass(frozen=True, slots=True)
class Missing:
    """A document whose text or summary is not where the data set says."""

    id: str
    title: str
    level: Level
    split: str
    file: str  # that is not there, or cannot be read
    reason: str


def plain_title(title: str) -> str:
    """A title for comparison: lower case, no leading article, no punctuation."""
    return _ARTICLE.sub("", " ".join(_WORD.findall(title.lower())))


def split_name(name: str) -> str:
    """The split that a word names, or "": "val", "dev" and "valid" are "validation"."""
    return _SPLIT_NAMES.get(name.strip().lower(), "")


def split_of_file(name: str) -> str:
    """The split that a file or folder is named after; "" without one, or with several."""
    named = {split_name(word) for word in re.findall(r"[a-z]+", name.lower())} - {""}
    return named.pop() if len(named) == 1 else ""
