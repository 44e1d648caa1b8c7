from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import infinisum
from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.config import CHAPTERS_AT_ONCE, DecodingOptions, SummarizeOptions
from infinisum.document import to_json
from infinisum.errors import InputError
from infinisum.loading import LoadedModel
from infinisum.pipeline import summarize
from infinisum.summary import generate
from infinisum.summary.generate import Draft
from infinisum.summary.grounding import BookWords
from infinisum.summary.summary import Passage, Summary
from tests.tiny_model import small_book


@pytest.fixture(scope="module")
def quoting(tiny_model: Path) -> LoadedModel:
    return infinisum.load_model(tiny_model, "cpu", "float32")


@pytest.fixture(scope="module")
def writing(writing_model: Path) -> LoadedModel:
    return infinisum.load_model(writing_model, "cpu", "float32")


class Watcher:
    def __init__(self) -> None:
        self.tokens = 0
        self.states: set[int] = set()
        self.written: list[tuple[int, int]] = []

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        self.tokens += tokens
        self.states.add(state_bytes)

    def wrote(self, done: int, total: int) -> None:
        self.written.append((done, total))


def quoted(summary: Summary) -> list[Passage]:
    return [*summary.passages, *(p for chapter in summary.chapters for p in chapter.passages)]


def writer(calls: list[tuple[str, int, int]], draft: Draft) -> Any:
    """A `write_summaries` that notes (task, texts, words) and writes the same every time."""

    def write(
        model: object,
        tokenizer: object,
        contexts: Sequence[object],
        task: str,
        words: int,
        decoding: DecodingOptions,
        known: BookWords | None,
    ) -> list[Draft]:
        calls.append((task, len(contexts), words))
        return [draft] * len(contexts)

    return write


def test_quotations_stand_in_the_book_where_they_say(quoting: LoadedModel) -> None:
    book = small_book()
    summary = summarize(book, quoting)
    assert summary.text == ""
    assert summary.passages
    assert all(chapter.passages for chapter in summary.chapters)
    for passage in quoted(summary):
        paragraph = book.chapters[passage.chapter - 1].paragraphs[passage.paragraph - 1]
        assert passage.text in paragraph.text
        assert passage.page == paragraph.page
    places = [(p.chapter, p.paragraph) for p in summary.passages]
    assert places == sorted(places)
    assert sum(summary.grounding.coverage_words) == sum(
        len(p.text.split()) for p in quoted(summary)
    )


def test_what_is_said_of_the_source(quoting: LoadedModel) -> None:
    book, watcher = small_book(), Watcher()
    summary = summarize(book, quoting, progress=watcher)
    assert (summary.title, summary.author) == (book.title, book.author)
    assert (summary.source_words, summary.source_chapters) == (book.words, 4)
    assert [chapter.number for chapter in summary.chapters] == [1, 2, 3, 4]
    assert summary.chapters[3].parts == ("Part Two",)
    assert summary.source_tokens == watcher.tokens > book.words
    assert watcher.states == {summary.making.state_bytes}


def test_the_same_input_gives_the_same_bytes(quoting: LoadedModel) -> None:
    first, second = (to_json(summarize(small_book(), quoting)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("words", [40, 120])
def test_quotations_have_about_the_words_asked_for(quoting: LoadedModel, words: int) -> None:
    summary = summarize(small_book(8), quoting, SummarizeOptions(words=words))
    got = sum(len(passage.text.split()) for passage in summary.passages)
    assert 0.6 * words <= got <= 1.3 * words


def test_levels(quoting: LoadedModel) -> None:
    book_only = summarize(small_book(), quoting, SummarizeOptions(level="book"))
    assert book_only.passages
    titles = [chapter.title for chapter in book_only.chapters]
    assert titles == ["The Quay", "The Tower", "The Kitchen", "The Market"]
    assert not any(chapter.running_text for chapter in book_only.chapters)
    chapters_only = summarize(small_book(), quoting, SummarizeOptions(level="chapters"))
    assert not chapters_only.running_text
    assert all(chapter.running_text for chapter in chapters_only.chapters)


def test_chapters_keep_their_numbers(quoting: LoadedModel) -> None:
    summary = summarize(small_book(), quoting, SummarizeOptions(chapters="2,4"))
    assert [chapter.number for chapter in summary.chapters] == [2, 4]
    assert {passage.chapter for passage in summary.passages} <= {2, 4}
    assert "chapters 2,4" in summary.part


def test_a_draft_that_reads_well_stands_above_fewer_quotations(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    text = "Anna Brook meets Harry Potter near the mill. " + "They wait for the rain to end. " * 4
    draft = Draft(text.strip(), reads_well=True)
    monkeypatch.setattr(generate, "write_summaries", writer(calls, draft))
    options = SummarizeOptions(words=60)
    summary = summarize(small_book(8), writing, options)
    alone = summarize(small_book(8), writing, replace(options, method="extractive"))
    assert summary.text == summary.chapters[0].text == draft.text
    assert 0 < len(summary.passages) < len(alone.passages)
    assert summary.grounding.unsupported_names == ("Harry Potter",)
    assert (summary.making.drafts_written, summary.making.drafts_hidden) == (9, 0)
    assert alone.making.drafts_written == 0


def test_a_draft_that_reads_badly_is_hidden_except_with_abstractive(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Draft("the the the", reads_well=False)
    monkeypatch.setattr(generate, "write_summaries", writer([], draft))
    hybrid = summarize(small_book(), writing)
    assert hybrid.text == ""
    assert hybrid.passages
    assert hybrid.making.drafts_hidden == hybrid.making.drafts_written == 5
    abstractive = summarize(small_book(), writing, SummarizeOptions(method="abstractive"))
    assert abstractive.text == abstractive.chapters[2].text == draft.text
    assert not quoted(abstractive)


def test_a_model_that_does_not_write_well_is_not_asked_to(
    quoting: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    draft = Draft("Something.", reads_well=True)
    monkeypatch.setattr(generate, "write_summaries", writer(calls, draft))
    assert summarize(small_book(), quoting).making.drafts_written == 0
    assert not calls
    summarize(small_book(), quoting, SummarizeOptions(method="abstractive"))
    assert calls


def test_chapters_are_written_a_few_at_a_time_and_their_contexts_dropped(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    contexts_seen: list[weakref.ref[Any]] = []
    alive: list[int] = []

    class Collector(Watcher):
        def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
            gc.collect()
            alive.append(sum(ref() is not None for ref in contexts_seen))

    def write(model: object, tokenizer: object, contexts: Any, *_: object) -> list[Draft]:
        sizes.append(len(contexts))
        contexts_seen.extend(weakref.ref(context["last_hidden_state"]) for context in contexts)
        return [Draft("Text.", reads_well=True) for _ in contexts]

    monkeypatch.setattr(generate, "write_summaries", write)
    watcher = Collector()
    summarize(small_book(2 * CHAPTERS_AT_ONCE + 3, 2), writing, progress=watcher)
    total = 2 * CHAPTERS_AT_ONCE + 4  # the chapters and the book
    assert sum(sizes) == total
    assert max(sizes) <= CHAPTERS_AT_ONCE
    assert max(alive) <= 1  # the engine's last one; never a group that was written
    assert watcher.written[-1] == (total, total)


def test_merge_quotes_from_the_chapter_summaries(quoting: LoadedModel) -> None:
    summary = summarize(small_book(8), quoting, SummarizeOptions(strategy="merge", words=60))
    of_chapters = {p for chapter in summary.chapters for p in chapter.passages}
    assert set(summary.passages) <= of_chapters


def test_merge_writes_the_book_from_the_chapter_summaries(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    draft = Draft("Lucy waits for a letter.", reads_well=True)
    monkeypatch.setattr(generate, "write_summaries", writer(calls, draft))
    options = SummarizeOptions(level="book", strategy="merge", method="abstractive")
    summary = summarize(small_book(), writing, options)
    assert sum(count for task, count, _ in calls if task == "chapter") == 4
    assert calls[-1][:2] == ("book", 1)
    assert summary.text == draft.text
    assert not any(chapter.running_text for chapter in summary.chapters)


def test_the_real_decoder_writes(writing: LoadedModel) -> None:
    options = SummarizeOptions(method="abstractive", chapters="1", decoding=DecodingOptions(2))
    summary = summarize(small_book(), writing, options)
    assert summary.making.drafts_written == 2
    assert summary == summarize(small_book(), writing, options)


def one_chapter(*paragraphs: str, title: str = "One") -> Book:
    return Book("T", "", (Chapter(title, tuple(map(Paragraph, paragraphs))),), source="t.txt")


def test_a_book_of_one_sentence(quoting: LoadedModel) -> None:
    summary = summarize(one_chapter("The sea was calm."), quoting)
    assert [passage.text for passage in summary.passages] == ["The sea was calm."]


def test_a_book_without_text(quoting: LoadedModel) -> None:
    with pytest.raises(InputError, match=r"t\.txt"):
        summarize(one_chapter(), quoting)


def test_a_chapter_without_text_gets_no_summary(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    draft = Draft("Text.", reads_well=True)
    monkeypatch.setattr(generate, "write_summaries", writer(calls, draft))
    book = small_book(2)
    empty = Chapter("Part Two", ())
    summary = summarize(replace(book, chapters=(empty, *book.chapters)), writing)
    assert [bool(chapter.text) for chapter in summary.chapters] == [False, True, True]
    assert sum(count for task, count, _ in calls if task == "chapter") == 2


def test_escape_codes_of_a_book_do_not_reach_the_summary(quoting: LoadedModel) -> None:
    book = one_chapter("The \x1b[31msea\x07 was calm.", title="\x1b]0;owned\x07One")
    summary = summarize(replace(book, title="\x1b[2JT", author="A\u202e"), quoting)
    text = to_json(summary)
    assert "\\u001b" not in text
    assert "\\u0007" not in text
    assert "\u202e" not in text


def test_written_sentences_carry_the_place_that_supports_them(
    writing: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Draft("Lucy hides the key near the kitchen. The zebra juggles.", reads_well=True)
    monkeypatch.setattr(generate, "write_summaries", writer([], draft))
    book = small_book()
    summary = summarize(book, writing)
    levels = [summary.sentences, *(chapter.sentences for chapter in summary.chapters)]
    assert [len(sentences) for sentences in levels] == [2] * 5
    first, second = summary.sentences
    assert first.supported
    assert first.evidence is not None
    place = book.chapters[first.evidence.chapter - 1].paragraphs[first.evidence.paragraph - 1]
    assert first.evidence.quote in place.text
    assert "Lucy" in first.evidence.quote
    assert second.evidence is None
    for chapter in summary.chapters:
        for sentence in chapter.sentences:
            assert sentence.evidence is None or sentence.evidence.chapter == chapter.number
    assert summary.grounding.sentences == 10
    assert "The zebra juggles." in summary.grounding.unsupported_sentences
    plain = summarize(book, writing, SummarizeOptions(evidence=False))
    assert plain.text == summary.text
    assert not plain.sentences
