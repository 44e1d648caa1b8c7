"""From examples to batches, and from what the network says to losses.

Objectives: `summarize` (cross-entropy of the reference summary), `salience` (each sentence's
label, and the sentence encoder's vector of it where the data have one).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from infinisum.blocks import make_block
from infinisum.training.datasets import Example

IGNORED = -100  # label of tokens without a loss
WINDOWS = (0, 1, 2, 4)  # window sizes in segments that a step draws from
VECTOR_WEIGHT = 1.0  # of the distance to the sentence encoder's vectors, beside the scores' loss
RANK_WEIGHT = 1.0  # of the order of sentences, beside their labels' values


@dataclass(frozen=True)
class Collator:
    """Examples → one batch, with window and reservoir drawn anew for every step.

    The memory must be needed in training or it stays dead: with small windows most of the text is
    reachable through memory alone.

    Args:
        segment_length: N.
        pad_id: fills what is not text.
        reservoir_length: R of the shipped model; a step uses it or none.
        max_segments: longer texts are cropped to a random run of this many segments.
    """

    segment_length: int
    pad_id: int
    reservoir_length: int
    max_segments: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Lay out a batch; keys are arguments of the network, `salience_*` are labels."""
        crops = [self._crop(example) for example in examples]
        block = make_block(
            [(example.segments[a:b], example.sentences) for example, (a, b) in crops],
            self.segment_length,
            self.pad_id,
        )
        batch: dict[str, Any] = {
            "input_ids": block.input_ids,
            "attention_mask": block.mask,
            "sentence_ids": block.sentence_ids,
            "sentence_features": block.features,
            "window_segments": random.choice(WINDOWS),
            "reservoir_length": random.choice((0, self.reservoir_length)),
        }
        self._add_targets(batch, examples)
        self._add_salience(batch, crops)
        return batch

    def _crop(self, example: Example) -> tuple[Example, tuple[int, int]]:
        """A random run of segments; from the start as often as from anywhere else."""
        n = len(example.segments)
        spare = max(0, n - self.max_segments)
        start = random.choice((0, random.randint(0, spare)))
        return example, (start, min(n, start + self.max_segments))

    def _add_targets(self, batch: dict[str, Any], examples: Sequence[Example]) -> None:
        """Decoder input and labels; examples without a summary get one ignored token."""
        length = max(len(example.decoder_ids) for example in examples)
        ids = torch.full((len(examples), max(length, 1)), self.pad_id, dtype=torch.long)
        labels = torch.full_like(ids, IGNORED)
        for b, example in enumerate(examples):
            n = len(example.decoder_ids)
            ids[b, :n] = torch.as_tensor(example.decoder_ids)
            labels[b, :n] = torch.as_tensor(example.labels)
        batch["decoder_input_ids"], batch["labels"] = ids, labels

    def _add_salience(
        self, batch: dict[str, Any], crops: Sequence[tuple[Example, tuple[int, int]]]
    ) -> None:
        """Labels and vectors of sentences, NaN where there are none."""
        B, S, K, _ = batch["sentence_features"].shape
        scores = torch.full((B, S, K), torch.nan)
        width = max(
            (len(example.vectors[0]) for example, _ in crops if len(example.vectors)), default=0
        )
        vectors = torch.full((B, S, K, width), torch.nan) if width else None
        for b, (example, (first, last)) in enumerate(crops):
            for s, segment in enumerate(example.segments[first:last]):
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
        # The reservoir is filled by labels half of the time, else by the head's own choices.
        if not scores.isnan().all() and random.random() < 0.5:
            batch["reservoir_scores"] = scores.nan_to_num(0.0)


def summary_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy per target token; 0 where a batch has no target.

    Args:
        logits: `[B, T, vocab_size]`, of the next token at each position.
        labels: `[B, T]`, the token at each position, `IGNORED` where it does not count.
    """
    targets = labels[:, 1:].flatten()
    if not (targets != IGNORED).any():
        return logits.sum() * 0
    return F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), targets, ignore_index=IGNORED)


def salience_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Squared error of the labels, and a listwise loss of their order within each text.

    Args:
        scores: `[B, S, K]`.
        labels: `[B, S, K]` in 0 … 1, NaN where there is none.
    """
    known = ~labels.isnan()
    if not known.any():
        return scores.sum() * 0
    scores = scores.float()
    error = F.mse_loss(scores[known], labels[known])
    ranks = []
    for row, row_labels, row_known in zip(scores, labels, known, strict=True):
        if row_known.sum() > 1:
            predicted, wanted = row[row_known], row_labels[row_known]
            predicted = (predicted - predicted.mean()) / (predicted.std() + 0.05)
            wanted = (wanted - wanted.mean()) / (wanted.std() + 1e-3)
            ranks.append(F.mse_loss(predicted, wanted))  # 2 (1 - Pearson's correlation)
    return error + RANK_WEIGHT * torch.stack(ranks).mean() if ranks else error


def vector_loss(vectors: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cosine between our sentence vectors and the teacher's.

    Args:
        vectors: `[B, S, K, E]`.
        teacher: `[B, S, K, E]`, NaN where there is none.
    """
    known = ~teacher[..., 0].isnan()
    if not known.any():
        return vectors.sum() * 0
    return (1 - F.cosine_similarity(vectors[known].float(), teacher[known], dim=-1)).mean()
