"""From a reading to a `Summary`: what is written, what is quoted, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.selection import Part
from infinisum.config import SummarizeOptions
from infinisum.lines import one_line, printable
from infinisum.readings.reading import Draft, ReadChapter, Reading
from infinisum.summary.bookmap import book_map
from infinisum.summary.drafts import Drafts
from infinisum.summary.extract import select
from infinisum.summary.grounding import ground
from infinisum.summary.summary import (
    BookMap,
    ChapterSummary,
    Making,
    Passage,
    Summary,
)

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.model.network import Context


class Composer:
    """Makes the summary of one book from its reading.

    Method "hybrid" puts a generated text, where it reads well, above quoted sentences; together
    they have the words asked for. "extractive" quotes only, "abstractive" shows whatever was
    generated. Of a model that does not write well, hybrid asks for no text at all.

    Args:
        part: the book, or the part of it that was read.
        reading: of exactly this part, with the drafts of its chapters.
        loaded: the model.
        options: level, lengths, method, strategy, decoding.
        drafts: how texts are asked for.
    """

    def __init__(
        self,
        part: Part,
        reading: Reading,
        loaded: LoadedModel,
        options: SummarizeOptions,
        drafts: Drafts,
    ) -> None:
        self.part = part
        self.reading = reading
        self.loaded = loaded
        self.options = options
        self._drafts = drafts
        self._sentences: list[Passage] = []  # of the whole book
        self._chapters: list[ChapterSummary] = []
        self._book_text = ""
        self._book_passages: tuple[Passage, ...] = ()
        self._words_read = 0
        self._drafts_written = 0
        self._drafts_hidden = 0

    def summary(self) -> Summary:
        """The finished summary."""
        texts = self._chapter_texts()
        for index, read in enumerate(self.reading.chapters):
            self._add_chapter(index, read, texts[index])
        if self.options.level != "chapters":
            self._add_book()
        book, options = self.part.book, self.options
        chapters = tuple(self._chapters)
        if options.level == "book":
            chapters = tuple(replace(chapter, text="", passages=()) for chapter in chapters)
        quoted = [passage for chapter in chapters for passage in chapter.passages]
        known = self._drafts.words_of(len(book.chapters) if self._drafts_written else 0)
        written = [self._book_text, *(chapter.text for chapter in chapters)]
        return Summary(
            title=one_line(book.title) or "Untitled",
            author=one_line(book.author),
            language=one_line(book.language),
            source_format=book.format,
            source_words=book.words,
            source_chapters=len(book.chapters),
            source_tokens=self.reading.tokens,
            part=self.part.note,
            text=self._book_text,
            sentences=(),
            passages=self._book_passages,
            chapters=chapters,
            people=(),
            places=(),
            map=self._map(),
            grounding=ground(written, known, [*self._book_passages, *quoted]),
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
                state_bytes=self.reading.state_bytes,
            ),
        )

    def _chapter_texts(self) -> list[str]:
        """The text that is shown of each chapter, "" where there is none."""
        texts = [""] * len(self.reading.chapters)
        has_text = [chapter.tokens > 0 for chapter in self.reading.chapters]
        for key in self._drafts.all_keys(has_text):
            for index, draft in zip(key.chapters, self.reading.drafts[key], strict=True):
                texts[index] = self._shown(draft)
        return texts

    def _shown(self, draft: Draft) -> str:
        """The text of a draft, or "" if it is not to be shown."""
        shown = draft.reads_well or self.options.method != "hybrid"
        self._drafts_written += 1
        self._drafts_hidden += not shown
        return printable(draft.text) if shown else ""

    def _add_chapter(self, index: int, read: ReadChapter, text: str) -> None:
        """Take in a chapter: its sentences, and what is shown of it."""
        chapter, number = self.part.book.chapters[index], self.part.numbers[index]
        sentences = self._passages(read, chapter, number)
        self._sentences += sentences
        passages: tuple[Passage, ...] = ()
        if self.options.level != "book" or self.options.strategy == "merge":
            passages = self._quote(sentences, self.options.chapter_words(chapter.words), text)
        parts = tuple(one_line(title) for title in chapter.parts)
        title = one_line(chapter.title)
        self._chapters.append(ChapterSummary(number, title, parts, chapter.words, text, passages))

    def _add_book(self) -> None:
        """Summarise the whole book, from the state or from the chapter summaries."""
        merge = self.options.strategy == "merge"
        if self._drafts.of_book:
            context = self._merged_context() if merge else self._book_context()
            self._book_text = self._shown(self._drafts.write_book(context))
        sentences = self._sentences
        if merge:
            sentences = [passage for chapter in self._chapters for passage in chapter.passages]
        words = self.options.book_words(self.part.book.words)
        self._book_passages = self._quote(sentences, words, self._book_text)

    def _map(self) -> BookMap:
        """Where in the book what is, and how the model reads."""
        from infinisum.model.cost import attention_bytes_per_token
        from infinisum.model.gates import gate_shares

        model = self.loaded.reader
        per_token = attention_bytes_per_token(model.config, model.dtype.itemsize)
        return book_map(self._sentences, *gate_shares(model), per_token)

    def _passages(self, read: ReadChapter, chapter: Chapter, number: int) -> list[Passage]:
        """Every sentence of a chapter with its place and its salience."""
        total = max(1, self.part.book.words)
        passages = []
        for sentence, paragraph, score in zip(
            read.sentences, read.paragraph_of, read.scores, strict=True
        ):
            page = chapter.paragraphs[paragraph].page
            text = printable(sentence)
            position = self._words_read / total
            passages.append(Passage(text, number, paragraph + 1, page, score, position))
            self._words_read += len(sentence.split())
        return passages

    def _quote(self, sentences: Sequence[Passage], words: int, written: str) -> tuple[Passage, ...]:
        """The sentences to quote: all of the summary, or what the written text leaves of it."""
        if self.options.method == "abstractive":
            return ()
        texts = [sentence.text for sentence in sentences]
        scores = [sentence.salience for sentence in sentences]
        chosen = select(texts, scores, max(1, words - len(written.split())))
        return tuple(sentences[index] for index in chosen)

    def _book_context(self) -> Context:
        """What the decoder sees of the whole book."""
        from infinisum.engine import Engine

        engine = Engine(
            self.loaded.model, pad_id=self.loaded.tokenizer.pad_id, state=self.reading.state
        )
        return engine.book_context()

    def _merged_context(self) -> Context:
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
        segments = book_segments(book, tokenizer, model.config.segment_length)
        for _ in engine.read(segments, contexts=False):
            pass
        return engine.book_context()
