"""Find a number said once: the passkey test as an objective."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from infinisum.features import FEATURE_NAMES
from infinisum.passkey import INTRODUCTION, LEAST_KEY, MOST_KEY, QUESTION, REPEATED, key_line
from infinisum.segments import Segment, Sentence
from infinisum.tokenizer import Tokenizer
from infinisum.training.datasets import VECTOR_SIZE, Example
from infinisum.training.objectives.base import Draw, RowInfo, with_target

REPEATED_SHARE = 0.3  # of the texts, filled with the paper's sentences instead of prose
OTHER_NUMBERS = 2  # sentences with another number, at most, in a text of prose
OTHER_LINES = (
    "There were {} of them.",
    "It was the year {}.",
    "He counted {} sheep on the hill.",
    "{} men had come.",
    "The number of the house is {}.",
    "She paid {} pounds for it.",
    "The letter was dated {}.",
    "Page {}.",
    "{}.",
    "His room was number {}.",
    "The code on the box was {}.",
)

Tokens = npt.NDArray[np.int32]


class Passkey:
    """Five digits hidden in the data's prose or in the paper's repeated sentences.

    Texts fill every segment they are given, and the key may be cut by the end of one. Sentences
    with other numbers stand in some, so that not just any number is an answer.
    """

    name = "passkey"
    needs_text = True

    def __init__(self, tokenizer: Tokenizer, segment_length: int) -> None:
        self.tokenizer, self.segment_length = tokenizer, segment_length
        self.introduction = self._encode(INTRODUCTION)
        self.repeated = self._encode(REPEATED)
        self.prompt = [tokenizer.bos_id, *tokenizer.encode(QUESTION)]

    def usable(self, row: RowInfo) -> bool:
        """Every example with a text: its summary is not needed."""
        return row.segments > 0

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """Once a pass."""
        return 1

    def target_tokens(self, row: RowInfo | None) -> int:
        """Question, digits and end."""
        return len(self.prompt) + len(self._answer(MOST_KEY))

    def make(self, example: Example | None, draw: Draw) -> Example:
        """A text of exactly `draw.segments` segments with a key in it, and the question.

        Where there is no room for both, the introduction is left out.
        """
        assert example is not None
        rng, N = draw.rng, self.segment_length
        key = rng.randint(LEAST_KEY, MOST_KEY)
        line, introduction = self._line(key, rng), self.introduction
        room = draw.segments * N - len(line)
        if room < len(introduction):
            introduction = introduction[:0]
        filler = self._filler(example, max(0, room - len(introduction)), rng)
        at = rng.randint(0, len(filler))
        text = np.concatenate([introduction, filler[:at], line, filler[at:]])
        nothing = Sentence("", 0, 0, [0.0] * len(FEATURE_NAMES))  # what no span refers to
        made = Example(
            id=f"{example.id} key {key}",
            title="",
            segments=tuple(Segment(0, text[i : i + N], ()) for i in range(0, len(text), N)),
            sentences=(nothing,),
            decoder_ids=example.decoder_ids,
            labels=example.labels,
            salience=np.zeros(0, np.float32),
            vectors=np.zeros((0, VECTOR_SIZE), np.float16),
        )
        return with_target(made, self.prompt, self._answer(key))

    def _line(self, key: int, rng: random.Random) -> Tokens:
        """The key line, on a line of its own or in the running text."""
        line = self._encode(key_line(key))
        if rng.random() < 0.7:
            newline = np.array([self.tokenizer.line_id], dtype=np.int32)
            line = np.concatenate([newline, line, newline])
        return line

    def _filler(self, example: Example, length: int, rng: random.Random) -> Tokens:
        """As many tokens of filler, from anywhere; a short text is said again."""
        if rng.random() < REPEATED_SHARE:
            start = rng.choice((0, rng.randrange(len(self.repeated))))
            return _cyclic(self.repeated, start, length)
        prose = np.concatenate([segment.token_ids for segment in example.segments])
        text = _cyclic(prose, rng.randrange(len(prose)), length)
        for _ in range(rng.randint(0, OTHER_NUMBERS)):
            number = rng.randrange(10 ** rng.randint(1, 6))
            line = self._encode(rng.choice(OTHER_LINES).format(number))
            at = rng.randint(0, length)
            text = np.concatenate([text[:at], line, text[at:]])[:length]
        return text

    def _answer(self, key: int) -> list[int]:
        return [*self.tokenizer.encode(str(key)), self.tokenizer.eos_id]

    def _encode(self, text: str) -> Tokens:
        return np.array(self.tokenizer.encode(text), dtype=np.int32)


def _cyclic(tokens: Tokens, start: int, length: int) -> Tokens:
    """Tokens from `start` on, from the beginning again after the end."""
    return np.resize(np.roll(tokens, -start), length)
