"""Texts of the passkey test, as tokens: introduction, filler, key line, filler."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from infinisum.errors import UsageError
from infinisum.passkey import (
    INTRODUCTION,
    LEAST_KEY,
    MOST_KEY,
    Filler,
    Position,
    filler_sentences,
    key_line,
)
from infinisum.tokenizer import Tokenizer

SPREAD: Final = 512  # tokens around start, middle or end within which a trial's key may stand

TokenIds = npt.NDArray[np.int64]


class Trial(NamedTuple):
    """One key and where it stands."""

    key: int
    place: int  # filler tokens before the key line


class PasskeyText:
    """Tokens of the parts a trial is made of: introduction, filler, key line.

    Args:
        tokenizer: of the model.
        filler: which filler.
        tokens: least number of filler tokens to prepare.
        seed: of generated prose.
        book: paragraphs woven into generated prose.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        filler: Filler,
        tokens: int,
        seed: int,
        book: Sequence[Sequence[str]] = (),
    ) -> None:
        self.tokenizer = tokenizer
        self.lead = [*tokenizer.encode(INTRODUCTION), tokenizer.line_id]
        ids: list[int] = []
        places = [0]  # a key line may stand between any two sentences
        for paragraph in filler_sentences(filler, seed, book):
            if len(ids) >= tokens:
                break
            for sentence in tokenizer.encode_batch(paragraph):
                ids += sentence
                places.append(len(ids))
            if filler == "prose":
                ids.append(tokenizer.paragraph_id)
        self.filler = np.array(ids[:tokens], dtype=np.int64)
        self.places = np.array([place for place in places if place <= tokens])
        self.key_tokens = len(self.key(LEAST_KEY))

    def key(self, key: int) -> list[int]:
        """The key line on a line of its own; as long for every key of five digits."""
        line = self.tokenizer.line_id
        return [line, *self.tokenizer.encode(key_line(key)), line]

    def tokens(self, trial: Trial | None, start: int, end: int) -> TokenIds:
        """Tokens `start` to `end` of a trial's text; of text without a key for None."""
        if trial is None:
            return np.concatenate([self.lead, self.filler[: max(0, end - len(self.lead))]])[
                start:end
            ].astype(np.int64)
        rest = max(trial.place, end - len(self.lead) - self.key_tokens)
        before, after = self.filler[: trial.place], self.filler[trial.place : rest]
        text = np.concatenate([self.lead, before, self.key(trial.key), after])
        return text[start:end].astype(np.int64)

    def trials(self, length: int, position: Position, count: int, seed: int) -> list[Trial]:
        """Keys and their places; the texts have `length` tokens.

        Raises:
            UsageError: the length leaves no room for key and introduction.
        """
        body = length - len(self.lead) - self.key_tokens
        spread = min(SPREAD, body)
        least = {"start": 0, "middle": (body - spread) // 2, "end": body - spread}[position]
        inside = (self.places >= least) & (self.places <= least + spread)
        if body < 0 or not inside.any():
            raise UsageError(
                f"--lengths {length}: too short for a text with a key.", "Write 1024 or more."
            )
        rng = random.Random(f"{seed} {length} {position}")
        places = [int(place) for place in self.places[inside]]
        return [Trial(rng.randint(LEAST_KEY, MOST_KEY), rng.choice(places)) for _ in range(count)]
