"""`Reading`: what is left of a book after it was read, and what summaries are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from infinisum.books.book import Book
from infinisum.config import DecodingOptions
from infinisum.errors import InputError

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.model.network import State


@dataclass(frozen=True, slots=True)
class Mark:
    """Which model read a book, and how: what decides every number in a reading."""

    name: str  # of the model's folder
    version: str  # of its weights
    fingerprint: str  # of its files
    device: str  # "cpu", "cuda", "mps": rounding differs between kinds of device
    dtype: str

    @classmethod
    def of(cls, loaded: LoadedModel) -> Mark:
        """The mark of readings that a model makes."""
        device = loaded.device.partition(":")[0]
        return cls(loaded.name, loaded.version, loaded.fingerprint, device, loaded.dtype)

    def computes_like(self, other: Mark) -> bool:
        """Whether both give the same numbers for the same text."""
        mine = (self.fingerprint, self.device, self.dtype)
        return mine == (other.fingerprint, other.device, other.dtype)

    def check(self, own: Mark, name: str) -> None:
        """Refuse a reading of another model.

        Args:
            own: of the model that is to use it.
            name: how messages call the reading.

        Raises:
            InputError: another model made it.
        """
        if self.fingerprint != own.fingerprint:
            who = f"{self.name} {self.version}".strip()
            raise InputError(
                f"{name}: this reading was made by another model, {who}.",
                "Name that model with --model, or read the book again.",
            )


@dataclass(frozen=True, slots=True)
class ReadChapter:
    """What reading leaves of a chapter, besides its text."""

    sentences: tuple[str, ...]  # in order, white space made single spaces
    paragraph_of: tuple[int, ...]  # index of each sentence's paragraph in the chapter
    scores: tuple[float, ...]  # salience of each sentence
    tokens: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A generated summary, before anyone decided to show it."""

    text: str
    reads_well: bool  # long enough, in whole sentences, without loops; says nothing of its truth


@dataclass(frozen=True, slots=True)
class DraftKey:
    """What decides the drafts of chapters that were written together.

    Texts written in one batch depend on each other in the last bits, so the batch is part of it.
    """

    chapters: tuple[int, ...]  # indices in the book
    words: int  # the length asked for, one of `WORD_BUCKETS`
    decoding: DecodingOptions


@dataclass(frozen=True, slots=True)
class Settled:
    """Where reading can go on although more chapters are to come.

    Chapters are written about in groups. When a book ends within a group and goes on later, that
    group has to be read again from its beginning.
    """

    chapters: int  # read by then
    state: State | None  # None: nothing was read by then


@dataclass(frozen=True, slots=True)
class Reading:
    """What is left of a book after it was read; constant in its length but for text and scores.

    Attributes:
        book: the text that was read, with its chapter table.
        mark: who read it.
        chapters: what reading left of each chapter; fewer than the book has while it is read.
        drafts: summaries of chapters, written when their turn came.
        state: the network's memory at the end; None where it was not kept.
        state_bytes: size of the state.
        settled: where reading goes on when the book does; None: at its end.
    """

    book: Book
    mark: Mark
    chapters: tuple[ReadChapter, ...] = ()
    drafts: Mapping[DraftKey, tuple[Draft, ...]] = field(default_factory=dict)
    state: State | None = None
    state_bytes: int = 0
    settled: Settled | None = None

    @property
    def tokens(self) -> int:
        """Tokens in all chapters that were read."""
        return sum(chapter.tokens for chapter in self.chapters)

    def first(self, chapters: int) -> Reading:
        """What was left when no more than the first `chapters` were read.

        The state of that moment is only known where `settled` is about it.
        """
        if chapters == len(self.chapters):
            return self
        known = self.settled is not None and self.settled.chapters == chapters
        return replace(
            self,
            chapters=self.chapters[:chapters],
            drafts={key: d for key, d in self.drafts.items() if max(key.chapters) < chapters},
            state=self.settled.state if known and self.settled is not None else None,
            settled=None,
        )
