"""Chapters to segments of token ids, with the place of every sentence.

A chapter of `n` tokens becomes exactly `ceil(n / segment_length)` segments, so a chapter as long
as the model's window always fits it. Within that, segments end where sentences end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from infinisum.books.book import Book, Chapter
from infinisum.books.sentences import split_sentences
from infinisum.features import sentence_features
from infinisum.tokenizer import Tokenizer, plain_typography

TokenIds = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a chapter."""

    text: str
    paragraph: int  # index in the chapter
    words: int
    features: list[float]  # what it looks like, named by `infinisum.features.FEATURE_NAMES`


@dataclass(frozen=True, slots=True)
class SentenceSpan:
    """Tokens of a segment that belong to one sentence; a sentence that is cut has several spans."""

    sentence: int  # index in the chapter
    start: int  # first token, offset in the segment
    end: int  # one past the last token


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """What the encoder reads at once."""

    chapter: int  # index in the book
    token_ids: TokenIds  # at most `segment_length`, never padded
    spans: tuple[SentenceSpan, ...]  # in order; the tokens between paragraphs are in none


@dataclass(frozen=True, slots=True, eq=False)
class ChapterSegments:
    """A chapter ready to be read. Its title is not part of the tokens."""

    index: int  # in the book
    title: str
    sentences: tuple[Sentence, ...]
    segments: tuple[Segment, ...]  # none where the chapter has no text
    tokens: int  # in all segments


def split_chapter(
    chapter: Chapter, index: int, tokenizer: Tokenizer, segment_length: int
) -> ChapterSegments:
    """Sentences and segments of one chapter.

    Args:
        chapter: its text.
        index: its place in the book, from 0.
        tokenizer: of the model.
        segment_length: most tokens in a segment, at least 2.
    """
    texts: list[str] = []
    paragraph_of: list[int] = []
    for number, paragraph in enumerate(chapter.paragraphs):
        sentences = split_sentences(paragraph.text)
        texts += sentences
        paragraph_of += [number] * len(sentences)
    return segment_sentences(
        texts,
        paragraph_of,
        index=index,
        title=chapter.title,
        tokenizer=tokenizer,
        segment_length=segment_length,
    )


def segment_sentences(
    texts: Sequence[str],
    paragraph_of: Sequence[int],
    *,
    index: int,
    title: str,
    tokenizer: Tokenizer,
    segment_length: int,
) -> ChapterSegments:
    """As `split_chapter`, of sentences that were split already.

    Args:
        texts: the sentences of one chapter in order, none of them empty.
        paragraph_of: index of each sentence's paragraph.
        index, title, tokenizer, segment_length: as in `split_chapter`.
    """
    encoded = tokenizer.encode_batch([plain_typography(text) for text in texts])
    ids: list[int] = []
    places: list[tuple[int, int]] = []  # first and one past the last token of each sentence
    for number, sentence_ids in enumerate(encoded):
        if number and paragraph_of[number] != paragraph_of[number - 1]:
            ids.append(tokenizer.paragraph_id)
        places.append((len(ids), len(ids) + len(sentence_ids)))
        ids += sentence_ids
    bounds = cut_points(len(ids), places, segment_length)
    tokens = np.array(ids, dtype=np.int32)
    spans = _spans(places, bounds)
    return ChapterSegments(
        index=index,
        title=title,
        sentences=tuple(
            Sentence(text, paragraph, len(text.split()), features)
            for text, paragraph, features in zip(
                texts, paragraph_of, sentence_features(texts, paragraph_of), strict=True
            )
        ),
        segments=tuple(
            Segment(index, tokens[start:end], spans[number])
            for number, (start, end) in enumerate(pairwise(bounds))
        ),
        tokens=len(ids),
    )


def book_segments(
    book: Book, tokenizer: Tokenizer, segment_length: int
) -> Iterator[ChapterSegments]:
    """`split_chapter` of every chapter in order, one at a time."""
    for index, chapter in enumerate(book.chapters):
        yield split_chapter(chapter, index, tokenizer, segment_length)


def cut_points(tokens: int, places: Sequence[tuple[int, int]], segment_length: int) -> list[int]:
    """Where segments begin, and the end of the last one; `[0]` for an empty text.

    With `r` tokens and `m` segments left, the next one takes at most `segment_length` and at least
    what the other `m - 1` cannot hold: up to the last sentence end in that range (with the
    paragraph break after it, where it fits), else as much as it can, cutting a sentence.

    Args:
        tokens: length of the text in tokens.
        places: first and one past the last token of each sentence.
        segment_length: most tokens in a segment, at least 2.
    """
    ends = [end for _, end in places]
    starts_at = [start for start, _ in places] + [tokens]
    bounds = [0]
    left = -(-tokens // segment_length)
    while left:
        begin = bounds[-1]
        least = max(begin + 1, tokens - (left - 1) * segment_length)
        most = min(begin + segment_length, tokens)
        found = bisect_right(ends, most) - 1
        cut = ends[found] if found >= 0 and ends[found] > begin else 0
        if 0 < cut < most and starts_at[found + 1] > cut:
            cut += 1  # the paragraph break
        bounds.append(cut if cut >= least else most)
        left -= 1
    return bounds


def _spans(
    places: Sequence[tuple[int, int]], bounds: Sequence[int]
) -> list[tuple[SentenceSpan, ...]]:
    """Parts of sentences in each segment."""
    spans: list[list[SentenceSpan]] = [[] for _ in bounds[1:]]
    segment = 0
    for sentence, (first, end) in enumerate(places):
        while first < end:
            while bounds[segment + 1] <= first:
                segment += 1
            begin, stop = bounds[segment], min(end, bounds[segment + 1])
            spans[segment].append(SentenceSpan(sentence, first - begin, stop - begin))
            first = stop
    return [tuple(found) for found in spans]
