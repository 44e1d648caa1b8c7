"""Drafts: which texts of which length the model is asked for, and the asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from infinisum.config import CHAPTERS_AT_ONCE, DRAFT_SHARE, SummarizeOptions
from infinisum.readings.reading import Draft, DraftKey
from infinisum.summary.grounding import BookWords
from infinisum.tokenizer import Task, word_bucket

if TYPE_CHECKING:
    from infinisum.books.book import Book
    from infinisum.engine import ChapterReading
    from infinisum.loading import LoadedModel
    from infinisum.model.network import Context

CAPITAL_NOUNS: Final = frozenset({"de", "lb"})  # languages where a capital does not make a name


class Drafts:
    """What the model is asked to write for one summary.

    Method "hybrid" asks for a part of the words only, and asks nothing of a model that does not
    write well.

    Args:
        loaded: the model.
        options: level, lengths, method, strategy, decoding.
        book: of it those chapters that are read.
        wrote: called with the number of texts written so far and in all.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        options: SummarizeOptions,
        book: Book,
        wrote: Callable[[int, int], None],
    ) -> None:
        self.loaded = loaded
        self.options = options
        self.chapters = book.chapters
        self._wrote = wrote
        self._done = 0
        self._words = BookWords()
        self._words.add(f"{book.title}\n{book.author}")
        self._words_of = 0  # chapters
        self._language = book.language.partition("-")[0].lower()
        writes = options.method == "abstractive" or (
            options.method == "hybrid" and loaded.writes_well
        )
        self.of_chapters = writes and (options.level != "book" or options.strategy == "merge")
        self.of_book = writes and options.level != "chapters"

    def keys(self, group: Sequence[int], has_text: Sequence[bool]) -> list[DraftKey]:
        """The drafts of chapters that are written together; texts of one length are one batch.

        Args:
            group: indices of the chapters.
            has_text: whether there is anything in each to write about.
        """
        buckets: dict[int, list[int]] = {}
        for index, text in zip(group, has_text, strict=True):
            if text and self.of_chapters:
                words = self.options.chapter_words(self.chapters[index].words)
                buckets.setdefault(self._bucket(words), []).append(index)
        return [
            DraftKey(tuple(buckets[words]), words, self.options.decoding)
            for words in sorted(buckets)
        ]

    def all_keys(self, has_text: Sequence[bool]) -> list[DraftKey]:
        """The drafts of all chapters."""
        groups = [
            range(start, min(start + CHAPTERS_AT_ONCE, len(has_text)))
            for start in range(0, len(has_text), CHAPTERS_AT_ONCE)
        ]
        return [key for group in groups for key in self.keys(group, [has_text[n] for n in group])]

    def write_chapters(self, readings: list[ChapterReading]) -> dict[DraftKey, tuple[Draft, ...]]:
        """Write about a group of chapters that were just read."""
        contexts = {reading.index: reading.context for reading in readings}
        keys = self.keys(list(contexts), [reading.tokens > 0 for reading in readings])
        drafts = {}
        for key in keys:
            seen = [context for index in key.chapters if (context := contexts[index]) is not None]
            words = self.words_of(max(key.chapters) + 1)
            drafts[key] = tuple(self._write(seen, "chapter", key.words, words))
        return drafts

    def write_book(self, context: Context) -> Draft:
        """Write about the whole book."""
        words = self.options.book_words(sum(chapter.words for chapter in self.chapters))
        known = self.words_of(len(self.chapters))
        return self._write([context], "book", self._bucket(words), known)[0]

    def words_of(self, count: int) -> BookWords:
        """The words of the first chapters, of title and author: what can be known of the book.

        They are gathered on the way, so nothing is taken back where fewer are asked for later.
        """
        for chapter in self.chapters[self._words_of : count]:
            self._words.add("\n".join([chapter.title, *chapter.parts]))
            for paragraph in chapter.paragraphs:
                self._words.add(paragraph.text)
        self._words_of = max(self._words_of, count)
        return self._words

    def _bucket(self, words: int) -> int:
        hybrid = self.options.method == "hybrid"
        return word_bucket(round(words * DRAFT_SHARE) if hybrid else words)

    def _write(
        self, contexts: Sequence[Context], task: Task, words: int, known: BookWords
    ) -> list[Draft]:
        from infinisum.summary.generate import write_summaries

        loaded, decoding = self.loaded, self.options.decoding
        free = decoding.any_names or self._language in CAPITAL_NOUNS
        drafts = write_summaries(
            loaded.model,
            loaded.tokenizer,
            contexts,
            task,
            words,
            decoding,
            None if free else known,
        )
        self._done = self._done + len(drafts) if task == "chapter" else self._total()
        self._wrote(self._done, self._total())
        return drafts

    def _total(self) -> int:
        return self.of_chapters * len(self.chapters) + self.of_book
