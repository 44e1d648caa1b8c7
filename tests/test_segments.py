"""Segments: sizes, order, and the place of every sentence."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.sentences import split_sentences
from infinisum.features import FEATURE_NAMES, sentence_features
from infinisum.segments import ChapterSegments, book_segments, cut_points, split_chapter
from infinisum.tokenizer import load_tokenizer

TOKENIZER = load_tokenizer(Path(__file__).parents[1] / "models" / "infinisum-base")

WORDS = st.sampled_from(["the", "keeper", "lit", "a", "lamp", "Ilse", "counted", "40", "boats"])
SENTENCE = st.lists(WORDS, min_size=1, max_size=14).map(lambda w: " ".join(w).capitalize() + ".")
PARAGRAPH = st.lists(SENTENCE, min_size=0, max_size=6).map(" ".join)
CHAPTER = st.lists(PARAGRAPH, max_size=8)


def chapter_of(*paragraphs: str) -> Chapter:
    return Chapter("A title", tuple(Paragraph(text) for text in paragraphs))


def all_ids(split: ChapterSegments) -> list[int]:
    return [int(i) for segment in split.segments for i in segment.token_ids]


@settings(max_examples=150)
@given(CHAPTER, st.integers(2, 60))
def test_properties_of_any_chapter(paragraphs: list[str], segment_length: int) -> None:
    split = split_chapter(chapter_of(*paragraphs), 3, TOKENIZER, segment_length)

    lengths = [len(segment.token_ids) for segment in split.segments]
    assert all(0 < length <= segment_length for length in lengths)
    assert sum(lengths) == split.tokens
    assert len(lengths) == -(-split.tokens // segment_length)  # as few as there can be
    assert {segment.chapter for segment in split.segments} <= {3}

    # All tokens in order: the chapter's text comes back.
    kept = [text for text in paragraphs if text]
    assert TOKENIZER.decode(all_ids(split)) == "\n\n".join(kept)

    # Spans cover each sentence exactly, and nothing but the breaks between paragraphs is outside.
    parts: dict[int, list[int]] = {}
    outside = []
    for segment in split.segments:
        assert segment.spans, "every segment holds part of a sentence"
        covered = 0
        for span in segment.spans:
            outside += segment.token_ids[covered : span.start].tolist()
            assert span.start < span.end <= len(segment.token_ids)
            parts.setdefault(span.sentence, []).extend(segment.token_ids[span.start : span.end])
            covered = span.end
        outside += segment.token_ids[covered:].tolist()
    assert list(parts) == list(range(len(split.sentences)))
    for number, sentence in enumerate(split.sentences):
        assert parts[number] == TOKENIZER.encode(sentence.text)
    assert outside == [TOKENIZER.paragraph_id] * max(0, len(kept) - 1)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30), st.integers(2, 20))
def test_cuts_are_at_the_last_sentence_end_that_leaves_room_for_the_rest(
    sentences: list[tuple[int, bool]], segment_length: int
) -> None:
    places, tokens = [], 0
    for number, (length, new_paragraph) in enumerate(sentences):
        tokens += new_paragraph and number > 0
        places.append((tokens, tokens + length))
        tokens += length
    bounds = cut_points(tokens, places, segment_length)
    assert bounds[0] == 0
    assert bounds[-1] == tokens
    number_of_segments = len(bounds) - 1
    assert number_of_segments == -(-tokens // segment_length)
    ends = {end for _, end in places}
    for done, (begin, cut) in enumerate(pairwise(bounds), start=1):
        assert 0 < cut - begin <= segment_length
        least = max(begin + 1, tokens - (number_of_segments - done) * segment_length)
        allowed = [end for end in ends if max(least, begin + 1) <= end <= begin + segment_length]
        if allowed:
            assert cut - max(allowed) in (0, 1)  # 1: the paragraph break went along
        elif cut - 1 not in ends:
            assert cut == min(begin + segment_length, tokens)


def test_a_cut_prefers_the_end_of_a_sentence() -> None:
    first = "The keeper lit the lamp."
    second = "Nobody came that night or the next."
    n, m = (len(TOKENIZER.encode(text)) for text in (first, second))
    split = split_chapter(chapter_of(f"{first} {second}"), 0, TOKENIZER, max(n, m))
    assert [TOKENIZER.decode(s.token_ids.tolist()) for s in split.segments] == [first, second]


def test_a_sentence_longer_than_a_segment_has_several_spans() -> None:
    text = "and the tide rose " * 40 + "still."
    split = split_chapter(chapter_of(text), 0, TOKENIZER, 50)
    assert len(split.sentences) == 1
    assert len(split.segments) == -(-split.tokens // 50) > 1
    assert all(segment.spans[0].sentence == 0 for segment in split.segments)


def test_sentences_know_paragraph_words_and_features() -> None:
    paragraphs = ("Ilse ran. Where was Tom?", "“Gone,” said Marn.")
    split = split_chapter(chapter_of(*paragraphs), 0, TOKENIZER, 100)
    texts = [sentence for text in paragraphs for sentence in split_sentences(text)]
    assert [sentence.text for sentence in split.sentences] == texts
    assert [sentence.paragraph for sentence in split.sentences] == [0, 0, 1]
    assert [sentence.words for sentence in split.sentences] == [2, 3, 3]
    assert [s.features for s in split.sentences] == sentence_features(texts, [0, 0, 1])
    assert len(split.sentences[0].features) == len(FEATURE_NAMES)


@pytest.mark.parametrize("paragraphs", [(), ("",), ("", "  \n ")])
def test_a_chapter_without_text_has_no_segments(paragraphs: tuple[str, ...]) -> None:
    split = split_chapter(chapter_of(*paragraphs), 0, TOKENIZER, 16)
    assert (split.segments, split.sentences, split.tokens) == ((), (), 0)


def test_a_book_goes_chapter_by_chapter() -> None:
    chapters = tuple(Chapter(name, (Paragraph(f"{name} begins."),)) for name in ("One", "Two"))
    splits = book_segments(Book("T", "A", chapters), TOKENIZER, 16)
    assert iter(splits) is splits  # lazily
    assert [(split.index, split.title) for split in splits] == [(0, "One"), (1, "Two")]


def test_token_ids_are_integers_the_network_can_read() -> None:
    split = split_chapter(chapter_of("A boat came in."), 0, TOKENIZER, 16)
    assert split.segments[0].token_ids.dtype == np.int32


def test_typography_makes_no_difference() -> None:
    curly = Chapter("T", (Paragraph("“It’s late—very late,” she said … and slept."),))
    plain = Chapter("T", (Paragraph('"It\'s late--very late," she said ... and slept.'),))
    a, b = (split_chapter(chapter, 0, TOKENIZER, 64) for chapter in (curly, plain))
    assert a.segments[0].token_ids.tolist() == b.segments[0].token_ids.tolist()
    assert a.sentences[0].text.startswith("“It’s late—")
