"""A text as sentences and tokens with their places, and where its names were last seen."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infinisum.books.sentences import split_sentences
from infinisum.segments import ChapterSegments, segment_sentences
from infinisum.tokenizer import Tokenizer, plain_typography

_PARAGRAPH_END = re.compile(r"\n\s*\n")
_NAME = re.compile(r"^[A-Z][a-z]+(?:'[A-Z]?[a-z]+)?$")
_LOWER = re.compile(r"\b[a-z]+\b")
_PUNCTUATION = ".,;:!?\"'()[]-"

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Tokens to be continued with."""

    start: int  # place of the first in the text, in tokens
    ids: Ids  # [T]
    gaps: Ids  # [T], for a token of a name: tokens since its last mention; else 0
    text_bytes: int  # of the text they stand for


class TokenBook:
    """One text.

    Args:
        text: paragraphs parted by blank lines.
        tokenizer: of the model.
    """

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.sentences: list[str] = []
        self.paragraph_of: list[int] = []
        for number, paragraph in enumerate(filter(str.strip, _PARAGRAPH_END.split(text))):
            own = split_sentences(paragraph)
            self.sentences += own
            self.paragraph_of += [number] * len(own)
        plain = [plain_typography(sentence) for sentence in self.sentences]
        self._ids = tokenizer.encode_batch(plain)
        self._words = [sentence.split() for sentence in plain]
        self.starts: list[int] = []  # of each sentence, in tokens
        at = 0
        for number, ids in enumerate(self._ids):
            at += self._breaks(number)
            self.starts.append(at)
            at += len(ids)
        self.tokens = at
        lower = {word for sentence in plain for word in _LOWER.findall(sentence)}
        self._seen: dict[str, list[int]] = defaultdict(list)  # sentences a name occurs in
        self._names = [self._names_of(words, lower) for words in self._words]
        for number, names in enumerate(self._names):
            for name in dict.fromkeys(names.values()):
                self._seen[name].append(number)

    def sentence_at(self, token: int) -> int:
        """The first sentence that starts at a token or after it."""
        return bisect_left(self.starts, token)

    def stretch(self, first: int, end: int, segment_length: int) -> ChapterSegments:
        """The sentences from `first` to `end`, ready to be read."""
        return segment_sentences(
            self.sentences[first:end],
            self.paragraph_of[first:end],
            index=0,
            title="",
            tokenizer=self.tokenizer,
            segment_length=segment_length,
        )

    def target(self, sentence: int, length: int) -> Target:
        """The `length` tokens from a sentence on."""
        ids: list[int] = []
        gaps: list[int] = []
        for number in range(sentence, len(self.sentences)):
            if len(ids) >= length:
                break
            if number > sentence and self._breaks(number):
                ids.append(self.tokenizer.paragraph_id)
                gaps.append(0)
            ids += self._ids[number]
            gaps += self._gaps(number)
        text = self.tokenizer.decode(ids[:length])
        return Target(
            self.starts[sentence],
            np.array(ids[:length], np.int64),
            np.array(gaps[:length], np.int64),
            len(text.encode()),
        )

    def _breaks(self, number: int) -> int:
        """Tokens between a sentence and the one before it."""
        return int(number > 0 and self.paragraph_of[number] != self.paragraph_of[number - 1])

    def _gaps(self, number: int) -> list[int]:
        """For every token of a sentence, tokens since the last mention of the name it is part of.

        Counted from the start of the sentence to the start of the one with the last mention.
        """
        ids = self._ids[number]
        pieces = self.tokenizer.encode_batch(self._words[number])
        if [token for piece in pieces for token in piece] != ids:  # words that cannot be told apart
            return [0] * len(ids)
        gaps: list[int] = []
        for place, piece in enumerate(pieces):
            name = self._names[number].get(place)
            gap = 0
            if name is not None:
                before = bisect_right(self._seen[name], number - 1) - 1
                if before >= 0:
                    gap = self.starts[number] - self.starts[self._seen[name][before]]
            gaps += [gap] * len(piece)
        return gaps

    @staticmethod
    def _names_of(words: list[str], lower: set[str]) -> dict[int, str]:
        """Names of a sentence by the place of their word; its first word may be no name."""
        found = {}
        for place, word in enumerate(words[1:], start=1):
            bare = word.strip(_PUNCTUATION).removesuffix("'s")
            opens = words[place - 1][-1:] in '.!?:"' or word[:1] in "\"'("
            if not opens and _NAME.match(bare) and bare.lower() not in lower:
                found[place] = bare
        return found
