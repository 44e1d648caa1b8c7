"""From what the network says to losses.

Each loss is a sum over what it counts, divided by how many of it the whole step has: then
micro-batches and processes with unequal numbers of targets add up to what one large batch gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from infinisum.training.datasets import IGNORED

VECTOR_WEIGHT = 1.0  # of the distance to the sentence encoder's vectors, beside the scores' loss
RANK_WEIGHT = 1.0  # of the order of sentences, beside their labels' values


class Counts(NamedTuple):
    """How many targets of each loss there are."""

    tokens: Tensor  # that the decoder should write
    sentences: Tensor  # with a salience label
    ranked: Tensor  # texts with two such sentences or more, which have an order
    vectors: Tensor  # sentences with the sentence encoder's vector

    @classmethod
    def of(cls, batch: Mapping[str, Any]) -> Counts:
        """The counts of one batch."""
        known = ~batch["salience_labels"].isnan()
        vectors = batch.get("salience_vectors")
        none = known.new_zeros((), dtype=torch.long)
        return cls(
            (batch["labels"][:, 1:] != IGNORED).sum(),
            known.sum(),
            (known.flatten(1).sum(1) > 1).sum(),
            none if vectors is None else (~vectors[..., 0].isnan()).sum(),
        )


def summary_loss(logits: Tensor, labels: Tensor, tokens: Tensor | None = None) -> Tensor:
    """Cross-entropy per target token; 0 where a batch has no target.

    Args:
        logits: `[B, T, vocab_size]`, of the next token at each position.
        labels: `[B, T]`, the token at each position, `IGNORED` where it does not count.
        tokens: how many targets the whole step has; None: those of this batch.
    """
    targets = labels[:, 1:].flatten()
    own = (targets != IGNORED).sum()
    if not own:
        return logits.sum() * 0
    total = F.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum"
    )
    return total / (own if tokens is None else tokens)


def written_loss(
    network: Any, inputs: dict[str, Any], labels: Tensor, tokens: Tensor | None = None
) -> tuple[Tensor, Any]:
    """`summary_loss` of what a network says to a batch, and all that it says.

    A decoder alone counts its loss itself: it never holds the logits of a whole text.

    Args:
        network: either network, wrapped or not.
        inputs: its arguments.
        labels, tokens: as in `summary_loss`.
    """
    if "sentence_ids" in inputs:
        outputs = network(**inputs)
        return summary_loss(outputs.logits, labels, tokens), outputs
    outputs = network(**inputs, labels=labels, num_items_in_batch=tokens)
    return outputs.loss, outputs


def salience_loss(
    scores: Tensor, labels: Tensor, sentences: Tensor | None = None, ranked: Tensor | None = None
) -> Tensor:
    """Squared error of the labels, and a listwise loss of their order within each text.

    Args:
        scores: `[B, S, K]`.
        labels: `[B, S, K]` in 0 … 1, NaN where there is none.
        sentences: how many labels the whole step has; None: those of this batch.
        ranked: how many texts of the whole step have two labels or more; None: of this batch.
    """
    known = ~labels.isnan()
    if not known.any():
        return scores.sum() * 0
    scores = scores.float()
    error = F.mse_loss(scores[known], labels[known], reduction="sum")
    error = error / (known.sum() if sentences is None else sentences)
    ranks = []
    for row, row_labels, row_known in zip(scores, labels, known, strict=True):
        if row_known.sum() > 1:
            predicted, wanted = row[row_known], row_labels[row_known]
            predicted = (predicted - predicted.mean()) / (predicted.std() + 0.05)
            wanted = (wanted - wanted.mean()) / (wanted.std() + 1e-3)
            ranks.append(F.mse_loss(predicted, wanted))  # 2 (1 - Pearson's correlation)
    if not ranks:
        return error
    return error + RANK_WEIGHT * torch.stack(ranks).sum() / (
        len(ranks) if ranked is None else ranked
    )


def vector_loss(vectors: Tensor, teacher: Tensor, count: Tensor | None = None) -> Tensor:
    """Mean of 1 - cosine between our sentence vectors and the teacher's.

    Args:
        vectors: `[B, S, K, E]`.
        teacher: `[B, S, K, E]`, NaN where there is none.
        count: how many vectors the whole step has; None: those of this batch.
    """
    known = ~teacher[..., 0].isnan()
    if not known.any():
        return vectors.sum() * 0
    total = (1 - F.cosine_similarity(vectors[known].float(), teacher[known], dim=-1)).sum()
    return total / (known.sum() if count is None else count)
