"""Texts to train on → one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infinisum.blocks import make_block
from infinisum.training.datasets import IGNORED, Example
from infinisum.training.plan import Pick

LEAST_SEGMENTS = 2  # with one, a memory is written but never read, and has no gradient


@dataclass(frozen=True)
class Collator:
    """Lays texts of one step side by side, with the window and the reservoir of the step.

    The memory must be needed in training or it stays dead: with small windows most of the text is
    reachable through memory alone.

    Args:
        segment_length: N.
        pad_id: fills what is not text.
        reservoir_length: R of the shipped model; a step uses it or none.
    """

    segment_length: int
    pad_id: int
    reservoir_length: int

    def __call__(self, texts: Sequence[tuple[Example, Pick]]) -> dict[str, Any]:
        """Lay out a batch.

        Returns:
            Arguments of the network by their names; `labels`, `salience_labels` and
            `salience_vectors`; `objective` and `ids`, which only the trainer looks at.
        """
        examples = [example for example, _ in texts]
        step = texts[0][1].step
        block = make_block(
            [(example.segments, example.sentences) for example in examples],
            self.segment_length,
            self.pad_id,
            least_segments=LEAST_SEGMENTS,
        )
        batch: dict[str, Any] = {
            "input_ids": block.input_ids,
            "attention_mask": block.mask,
            "sentence_ids": block.sentence_ids,
            "sentence_features": block.features,
            "window_segments": step.window,
            "reservoir_length": self.reservoir_length if step.reservoir else 0,
            "objective": step.objective,
            "ids": [example.id for example in examples],
        }
        self._add_targets(batch, examples)
        self._add_salience(batch, examples)
        if step.taught and not batch["salience_labels"].isnan().all():
            batch["reservoir_scores"] = batch["salience_labels"].nan_to_num(0.0)
        return batch

    def _add_targets(self, batch: dict[str, Any], examples: Sequence[Example]) -> None:
        """Decoder input and labels; examples without a target get one ignored token."""
        length = max(len(example.decoder_ids) for example in examples)
        ids = torch.full((len(examples), max(length, 1)), self.pad_id, dtype=torch.long)
        labels = torch.full_like(ids, IGNORED)
        for b, example in enumerate(examples):
            n = len(example.decoder_ids)
            ids[b, :n] = torch.as_tensor(example.decoder_ids)
            labels[b, :n] = torch.as_tensor(example.labels)
        batch["decoder_input_ids"], batch["labels"] = ids, labels

    def _add_salience(self, batch: dict[str, Any], examples: Sequence[Example]) -> None:
        """Labels and vectors of sentences, NaN where there are none."""
        B, S, K, _ = batch["sentence_features"].shape
        scores = torch.full((B, S, K), torch.nan)
        width = max(
            (len(example.vectors[0]) for example in examples if len(example.vectors)), default=0
        )
        vectors = torch.full((B, S, K, width), torch.nan) if width else None
        for b, example in enumerate(examples):
            for s, segment in enumerate(example.segments):
                chosen = [span.sentence for span in segment.spans]
                if len(example.salience) and chosen:
                    scores[b, s, : len(chosen)] = torch.as_tensor(
                        [example.salience[i] for i in chosen]
                    )
                if vectors is not None and len(example.vectors) and chosen:
                    vectors[b, s, : len(chosen)] = torch.as_tensor(example.vectors[chosen]).float()
        batch["salience_labels"] = scores
        if vectors is not None:
            batch["salience_vectors"] = vectors
