"""From chapters that were read to a `Summary`: what is written, what is quoted, what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.selection import Part
from infinisum.config import DRAFT_SHARE, SummarizeOptions
from infinisum.summary.extract import select
from infinisum.summary.grounding import BookWords, ground
from infinisum.summary.summary import (
    ChapterSummary,
    Making,
    Passage,
    Summary,
    one_line,
    printable,
)
from infinisum.tokenizer import Task, word_bucket

if TYPE_CHECKING:
    from infinisum.engine import ChapterReading
    from infinisum.loading import LoadedModel
    from infinisum.model.modeling import InfiniEncoderOutput
    from infinisum.segments import ChapterSegments


class Composer:
    """Makes the summaries of one book while it is read.

    Method "hybrid" puts a generated text, where it reads well, above quoted sentences; together
    they have the words asked for. "extractive" quotes only, "abstractive" shows whatever was
    generated. Of a model that does not write well, hybrid asks for no text at all.

    Args:
        part: the book, or the part of it that is read.
        loaded: the model.
        options: level, lengths, method, strategy, decoding.
        wrote: called with the number of texts written so far and in all.
    """

    def __init__(
        self,
        part: Part,
        loaded: LoadedModel,
        options: SummarizeOptions,
        wrote: Callable[[int, int], None],
    ) -> None:
        self.part = part
        self.loaded = loaded
        self.options = options
        self.title = ""  # of the chapter that is being read
        self._wrote = wrote
        self._writes = options.method == "abstractive" or (
            options.method == "hybrid" and loaded.writes_well
        )
        self._for_chapters = options.level != "book" or options.strategy == "merge"
        self._words = BookWords()
        self._words.add(" \n".join([part.book.title, part.book.author]))
        self._sentences: list[Passage] = []  # of the whole book; text only, never the states
        self._chapters: list[ChapterSummary] = []
        self._book_text = ""
        self._book_passages: tuple[Passage, ...] = ()
        self._tokens = 0
        self._words_read = 0
        self._drafts_written = 0
        self._drafts_hidden = 0

    def announced(self, chapters: Iterable[ChapterSegments]) -> Iterator[ChapterSegments]:
        """The same chapters; `title` follows what is taken."""
        for chapter in chapters:
            self.title = one_line(chapter.title)
            yield chapter

    def add_chapters(self, readings: list[ChapterReading]) -> None:
        """Summarise chapters that were just read, and drop them (the list is emptied)."""
        chapters = [self.part.book.chapters[reading.index] for reading in readings]
        words = [self.options.chapter_words(chapter.words) for chapter in chapters]
        texts = [""] * len(readings)
        rows = [row for row, reading in enumerate(readings) if reading.tokens]
        if self._writes and self._for_chapters:
            contexts = [readings[row].context for row in rows]
            drafts = self._write(contexts, "chapter", [words[row] for row in rows])
            for row, draft in zip(rows, drafts, strict=True):
                texts[row] = draft
        for reading, chapter, text, wanted in zip(readings, chapters, texts, words, strict=True):
            number = self.part.numbers[reading.index]
            sentences = self._passages(reading, chapter, number)
            self._sentences += sentences
            self._tokens += reading.tokens
            title = one_line(chapter.title)
            passages = self._quote(sentences, wanted, text) if self._for_chapters else ()
            parts = tuple(one_line(title) for title in chapter.parts)
            self._chapters.append(
                ChapterSummary(number, title, parts, chapter.words, text, passages)
            )
        readings.clear()  # contexts are large: none is kept while the next chapters are read

    def add_book(self, context: Callable[[], InfiniEncoderOutput]) -> None:
        """Summarise the whole book, from the state or from the chapter summaries.

        Args:
            context: gives what the decoder sees of the whole book.
        """
        if self.options.level == "chapters":
            return
        merge = self.options.strategy == "merge"
        words = self.options.book_words(self.part.book.words)
        if self._writes:
            source = self._merged_context() if merge else context()
            self._book_text = self._write([source], "book", [words])[0]
        sentences = self._sentences
        if merge:
            sentences = [passage for chapter in self._chapters for passage in chapter.passages]
        self._book_passages = self._quote(sentences, words, self._book_text)

    def summary(self, state_bytes: int) -> Summary:
        """The finished summary.

        Args:
            state_bytes: what the engine kept of the book.
        """
        book, options = self.part.book, self.options
        chapters = tuple(self._chapters)
        if options.level == "book":
            chapters = tuple(replace(chapter, text="", passages=()) for chapter in chapters)
        quoted = [passage for chapter in chapters for passage in chapter.passages]
        written = [self._book_text, *(chapter.text for chapter in chapters)]
        return Summary(
            title=one_line(book.title) or "Untitled",
            author=one_line(book.author),
            language=one_line(book.language),
            source_format=book.format,
            source_words=book.words,
            source_chapters=len(book.chapters),
            source_tokens=self._tokens,
            part=self.part.note,
            text=self._book_text,
            sentences=(),
            passages=self._book_passages,
            chapters=chapters,
            people=(),
            places=(),
            grounding=ground(written, self._words, [*self._book_passages, *quoted]),
            rouge=(),
            left_out=tuple(
                LeftOut(one_line(item.what), one_line(item.reason), item.words)
                for item in book.left_out
            ),
            making=Making(
                model=self.loaded.name,
                model_version=self.loaded.version,
                seed=options.decoding.seed,
                level=options.level,
                method=options.method,
                strategy=options.strategy,
                drafts_written=self._drafts_written,
                drafts_hidden=self._drafts_hidden,
                state_bytes=state_bytes,
            ),
        )

    def _passages(self, reading: ChapterReading, chapter: Chapter, number: int) -> list[Passage]:
        """Every sentence of a chapter with its place and its salience."""
        total = max(1, self.part.book.words)
        passages = []
        for sentence, score in zip(reading.sentences, reading.scores, strict=True):
            page = chapter.paragraphs[sentence.paragraph].page
            text = printable(sentence.text)
            position = self._words_read / total
            passages.append(Passage(text, number, sentence.paragraph + 1, page, score, position))
            self._words_read += sentence.words
            if self._writes:
                self._words.add(text)
        return passages

    def _quote(self, sentences: Sequence[Passage], words: int, written: str) -> tuple[Passage, ...]:
        """The sentences to quote: all of the summary, or what the written text leaves of it."""
        if self.options.method == "abstractive":
            return ()
        texts = [sentence.text for sentence in sentences]
        scores = [sentence.salience for sentence in sentences]
        chosen = select(texts, scores, max(1, words - len(written.split())))
        return tuple(sentences[index] for index in chosen)

    def _write(
        self, contexts: Sequence[InfiniEncoderOutput], task: Task, words: Sequence[int]
    ) -> list[str]:
        """Generated texts, "" for those that are not to be shown."""
        from infinisum.summary.generate import write_summaries

        hybrid = self.options.method == "hybrid"
        buckets = [word_bucket(round(n * DRAFT_SHARE) if hybrid else n) for n in words]
        texts = [""] * len(contexts)
        for bucket in sorted(set(buckets)):  # texts of one length are written together
            rows = [row for row, other in enumerate(buckets) if other == bucket]
            drafts = write_summaries(
                self.loaded.model,
                self.loaded.tokenizer,
                [contexts[row] for row in rows],
                task,
                bucket,
                self.options.decoding,
            )
            for row, draft in zip(rows, drafts, strict=True):
                shown = draft.reads_well or not hybrid
                texts[row] = printable(draft.text) if shown else ""
                self._drafts_hidden += not shown
            self._drafts_written += len(rows)
            chapters = len(self.part.book.chapters) if self._for_chapters else 0
            self._wrote(self._drafts_written, chapters + (self.options.level != "chapters"))
        return texts

    def _merged_context(self) -> InfiniEncoderOutput:
        """What the decoder sees of a text made of the chapter summaries."""
        from infinisum.engine import Engine
        from infinisum.segments import book_segments

        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        chapters = tuple(
            Chapter(chapter.title, tuple(Paragraph(line) for line in text.split("\n")))
            for chapter in self._chapters
            if (text := chapter.running_text)
        )
        book = Book(self.part.book.title, self.part.book.author, chapters)
        engine = Engine(model, pad_id=tokenizer.pad_id)
        for _ in engine.read(book_segments(book, tokenizer, model.config.segment_length)):
            pass
        return engine.book_context()
