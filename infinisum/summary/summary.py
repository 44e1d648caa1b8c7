"""`Summary`: plain dataclasses, the one thing that writers of documents see.

Everything in it is the same for the same input, options, model and versions. Timings and facts of
the machine are no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from infinisum.books.book import LeftOut


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of the book itself, with their place."""

    text: str  # one sentence
    chapter: int  # number in the book, from 1
    paragraph: int  # number in the chapter, from 1
    page: int | None  # page of the paragraph, where the source has pages
    salience: float  # how much the model thinks it matters; higher is more
    position: float  # of its first word in the text that was read, 0 to 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """The place in the book that fits a written sentence best."""

    chapter: int  # number in the book, from 1
    paragraph: int  # number in the chapter, from 1
    page: int | None  # page of the paragraph, where the source has pages
    quote: str  # the sentence of that paragraph that fits best, word for word
    score: float  # how well it fits, 0 to 1; comparable between sentences and books
    supported: bool  # whether the score is high enough to say so


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """One sentence of the model's own text."""

    text: str
    evidence: Evidence | None  # None: not even one rare word of it stands in the book

    @property
    def supported(self) -> bool:
        """Whether the book supports it, as far as words can tell."""
        return self.evidence is not None and self.evidence.supported


@dataclass(frozen=True, slots=True)
class ChapterSummary:
    """The summary of one chapter."""

    number: int  # in the book, from 1
    title: str
    parts: tuple[str, ...]  # titles of the parts above it, outermost first
    words: int  # of the chapter
    text: str = ""  # written by the model; "" where nothing was written, or it is not shown
    passages: tuple[Passage, ...] = ()  # quoted, in the order of the book
    sentences: tuple[WrittenSentence, ...] = ()  # of `text`; () where no evidence was looked for

    @property
    def running_text(self) -> str:
        """What was written, then what is quoted, a sentence a line."""
        return _running_text(self.text, self.passages)


@dataclass(frozen=True, slots=True)
class Together:
    """Somebody who is named in the same paragraphs as somebody else."""

    name: str  # of a `Person` of the same summary
    paragraphs: int  # that name both


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the book, under all the names that the text gives."""

    name: str
    variants: tuple[str, ...]  # as the text writes them, the most frequent first
    mentions: int  # by any of these names; pronouns do not count
    chapter: int  # where the text that was read names them first: the chapter, from 1
    paragraph: int  # and its paragraph, from 1
    mentions_by_part: tuple[int, ...]  # in each of `PARTS` parts of equal length of what was read
    together: tuple[Together, ...]  # named in the same paragraphs, most often first


@dataclass(frozen=True, slots=True)
class Place:
    """A place that the book names."""

    name: str
    variants: tuple[str, ...]  # as in `Person`, like all that follows
    mentions: int
    chapter: int
    paragraph: int
    mentions_by_part: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far the book supports what the model wrote."""

    names: int  # different names in the written text
    numbers: int  # different numbers in the written text
    unsupported_names: tuple[str, ...]
    unsupported_numbers: tuple[str, ...]
    coverage_words: tuple[int, ...]  # quoted words from each tenth of the book
    sentences: int = 0  # written sentences that evidence was looked for
    unsupported_sentences: tuple[str, ...] = ()  # those that nothing in the book supports


@dataclass(frozen=True, slots=True)
class Rouge:
    """ROUGE of one level against a reference: F1, 0 to 100, no stemmer, sentence-less L."""

    level: str  # "book" or "chapters" (mean of the chapters that have a reference)
    texts: int  # pairs compared
    rouge1: float
    rouge2: float
    rouge_l: float
    mean: float  # geometric mean of the three


@dataclass(frozen=True, slots=True)
class BookMap:
    """Where in the book what is, and how the model reads: what charts are drawn from."""

    salience: tuple[float | None, ...]  # highest of each of equal parts of what was read
    chapters: tuple[tuple[int, float], ...]  # number, and where it begins, 0 to 1
    encoder_gates: tuple[tuple[float, ...], ...]  # [layer][head], share of memory, 0 to 1
    decoder_gates: tuple[tuple[float, ...], ...]
    attention_bytes_per_token: int  # keys and values, if the encoder's layers attended to it all


@dataclass(frozen=True, slots=True)
class Making:
    """What made the summary."""

    model: str
    model_version: str
    seed: int
    level: str
    method: str
    strategy: str
    drafts_written: int  # texts the model wrote for this summary
    drafts_hidden: int  # those that read badly and are not shown
    state_bytes: int  # memory of the book, whatever its length


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of a book."""

    title: str
    author: str
    language: str  # BCP 47 tag, "" unknown
    source_format: str
    source_words: int  # of the text that was read
    source_chapters: int  # that were read, in whole or in part
    source_tokens: int
    part: str  # one line where the book was read in part, else ""
    text: str  # summary of the book as the model wrote it; "" where nothing is shown
    sentences: tuple[WrittenSentence, ...]  # of `text`; () where no evidence was looked for
    passages: tuple[Passage, ...]  # of the whole book, in its order
    chapters: tuple[ChapterSummary, ...]  # all that were read; without texts at level "book"
    people: tuple[Person, ...]  # the most often named first
    places: tuple[Place, ...]
    map: BookMap
    grounding: Grounding
    rouge: tuple[Rouge, ...]  # empty without a reference
    left_out: tuple[LeftOut, ...]  # of the source
    making: Making

    @property
    def running_text(self) -> str:
        """The book's summary: what was written, then what is quoted, a sentence a line."""
        return _running_text(self.text, self.passages)


def _running_text(text: str, passages: tuple[Passage, ...]) -> str:
    return "\n".join(filter(None, [text, *(passage.text for passage in passages)]))
