"""Find a number said once: the passkey test as an objective."""

from __future__ import annotations

import math
import random

import numpy as np
import numpy.typing as npt

from infinisum.features import FEATURE_NAMES
from infinisum.passkey import INTRODUCTION, LEAST_KEY, MOST_KEY, QUESTION, REPEATED, key_line
from infinisum.segments import Segment, Sentence
from infinisum.tokenizer import Tokenizer
from infinisum.training.datasets import VECTOR_SIZE, Example
from infinisum.training.objectives.base import Draw, RowInfo, with_target
from infinisum.training.objectives.numbers import other_number

CUT_SHARE = 0.5  # of the texts, with a number of the key line cut by the end of a segment
REPEATED_SHARE = 0.3  # of the texts, filled with the paper's sentences instead of prose
PLAIN_SHARE = 0.2  # of the texts of prose, with no numbers but its own
NUMBERS_EVERY = (40, 600)  # tokens of the others, between one line with another number and the next

Tokens = npt.NDArray[np.int32]


class Passkey:
    """Five digits hidden in the data's prose or in the paper's repeated sentences.

    Texts fill every segment they are given, and the key may be cut by the end of one. Most have
    other numbers in them, so that not just any number is an answer, nor worth remembering.
    """

    name = "passkey"
    needs_text = True

    def __init__(self, tokenizer: Tokenizer, segment_length: int) -> None:
        self.tokenizer, self.segment_length = tokenizer, segment_length
        self.introduction = self._encode(INTRODUCTION)
        self.repeated = self._encode(REPEATED)
        self.stop = tokenizer.encode(".")[-1]
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
        if rng.random() < CUT_SHARE:
            at = self._cutting(len(introduction), line, len(filler), rng)
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

    def _cutting(self, before: int, line: Tokens, room: int, rng: random.Random) -> int:
        """A place in the filler where the end of a segment cuts a number of the line.

        Args:
            before: tokens before the filler.
            line: the key line.
            room: tokens of filler.
            rng: draws.
        """
        digits = [n for n, i in enumerate(line.tolist()) if self.tokenizer.decode([i]).isdigit()]
        inside = [n for n in digits if n - 1 in digits]
        first = -(before + rng.choice(inside)) % self.segment_length if inside else 0
        places = range(first, room + 1, self.segment_length if inside else 1)
        return rng.choice(places) if places else room

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
        return text if rng.random() < PLAIN_SHARE else self._with_numbers(text, rng)

    def _with_numbers(self, text: Tokens, rng: random.Random) -> Tokens:
        """Lines with other numbers among the text, which keeps its length.

        Half of them stand where a sentence has ended, the others anywhere, as keys may.
        """
        least, most = NUMBERS_EVERY
        every = math.exp(rng.uniform(math.log(least), math.log(most)))
        ends = np.flatnonzero(text == self.stop) + 1
        parts, last = [], 0
        count = round(len(text) / every)
        for place in sorted(self._place(len(text), ends, rng) for _ in range(count)):
            parts += [text[last:place], self._encode(other_number(rng))]
            last = place
        return np.concatenate([*parts, text[last:]])[: len(text)]

    def _place(self, length: int, ends: npt.NDArray[np.intp], rng: random.Random) -> int:
        if len(ends) and rng.random() < 0.5:
            return int(rng.choice(ends))
        return rng.randint(0, length)

    def _answer(self, key: int) -> list[int]:
        return [*self.tokenizer.encode(str(key)), self.tokenizer.eos_id]

    def _encode(self, text: str) -> Tokens:
        return np.array(self.tokenizer.encode(text), dtype=np.int32)


def _cyclic(tokens: Tokens, start: int, length: int) -> Tokens:
    """Tokens from `start` on, from the beginning again after the end."""
    return np.resize(np.roll(tokens, -start), length)
