"""What differs where a decoder alone is trained: its objectives, and how a batch is laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infinisum.config import DEFAULT_OBJECTIVE, FinetuneOptions
from infinisum.errors import UsageError
from infinisum.tokenizer import Tokenizer
from infinisum.training.batches import Collator
from infinisum.training.datasets import IGNORED, Example
from infinisum.training.objectives import (
    OBJECTIVES,
    Draw,
    Objective,
    objectives_named,
)
from infinisum.training.objectives.base import crop, without_target
from infinisum.training.objectives.unsupervised import TextObjective
from infinisum.training.plan import Pick

LANGUAGE = "language"
LEARNT = ("summarize", "passkey", LANGUAGE)
# What the network is not asked: it reads no sentences, and is handed no segments.
READING = ("sentence_ids", "sentence_features", "window_segments", "reservoir_length")


class ReadOn(TextObjective):
    """Language modelling of the text itself: every token from all before it, through memory."""

    name = LANGUAGE

    def make(self, example: Example | None, draw: Draw) -> Example:
        """The text, or a run of its segments."""
        assert example is not None
        return without_target(crop(example, draw))


def decoder_objectives(
    options: FinetuneOptions,
    tokenizer: Tokenizer,
    segment_length: int,
    say: Callable[[str], None],
) -> dict[Objective, float]:
    """The objectives of a run, as `objectives_named` gives them for a model with an encoder.

    `pretrain` is language modelling of the text.

    Raises:
        UsageError: an objective is unknown, or needs an encoder.
    """
    weights = options.weights()
    if options.objective == DEFAULT_OBJECTIVE and weights.pop("salience", 0.0):
        say("A decoder alone marks no key sentences: the objective salience is left out.")
    language = weights.pop("pretrain", 0.0) + weights.pop(LANGUAGE, 0.0)
    refused = [name for name in weights if name in OBJECTIVES and name not in LEARNT]
    if refused:
        raise UsageError(
            f"--objective {','.join(refused)}: needs an encoder, and this is a decoder alone.",
            f"It learns {', '.join(LEARNT)}; pretrain is {LANGUAGE}.",
        )
    found = objectives_named(weights, tokenizer, segment_length) if weights else {}
    return {**found, **({ReadOn(tokenizer, most_target=0): language} if language else {})}


@dataclass(frozen=True)
class DecoderCollator(Collator):
    """Lays texts of one step side by side; what is not written behind them is read on."""

    def __call__(self, texts: Sequence[tuple[Example, Pick]]) -> dict[str, Any]:
        """Lay out a batch; labels of a text itself have all padding behind its tokens."""
        batch = super().__call__(texts)
        for name in (*READING, "reservoir_scores", "salience_vectors"):
            batch.pop(name, None)
        batch["salience_labels"] = torch.full_like(batch["salience_labels"], torch.nan)
        if batch["objective"] == LANGUAGE:
            del batch["decoder_input_ids"]
            rows = [
                ids[mask]
                for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
            ]
            batch["labels"] = torch.nn.utils.rnn.pad_sequence(
                rows, batch_first=True, padding_value=IGNORED
            )
        return batch
