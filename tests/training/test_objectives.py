"""Batches and losses, against values worked out by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from infinisum.segments import Segment, Sentence, SentenceSpan
from infinisum.training.datasets import Example
from infinisum.training.objectives import (
    IGNORED,
    WINDOWS,
    Collator,
    salience_loss,
    summary_loss,
    vector_loss,
)

N = 4


def example(segments: int, *, summary: bool = True, labels: bool = True) -> Example:
    """Two sentences of two tokens in each segment; token ids count up from 10."""
    sentences = tuple(Sentence(f"s{i}", i, 1, [float(i), -float(i)]) for i in range(2 * segments))
    return Example(
        id="x",
        title="X",
        segments=tuple(
            Segment(
                0,
                np.arange(10 + N * s, 10 + N * (s + 1), dtype=np.int32),
                (SentenceSpan(2 * s, 0, 2), SentenceSpan(2 * s + 1, 2, 4)),
            )
            for s in range(segments)
        ),
        sentences=sentences,
        decoder_ids=np.array([2, 5, 7, 8, 1] if summary else [], dtype=np.int32),
        labels=np.array([IGNORED, IGNORED, 7, 8, 1] if summary else [], dtype=np.int32),
        salience=np.linspace(0, 1, 2 * segments, dtype=np.float32) if labels else np.array([]),
        vectors=np.ones((2 * segments, 3), np.float16) if labels else np.zeros((0, 3), np.float16),
    )


def collator(max_segments: int = 8) -> Collator:
    return Collator(segment_length=N, pad_id=0, reservoir_length=6, max_segments=max_segments)


def test_a_batch_has_all_of_both_texts() -> None:
    batch = collator()([example(3), example(1, labels=False)])
    assert batch["input_ids"][0].flatten().tolist() == list(range(10, 22))
    assert batch["attention_mask"][1].sum() == N
    assert batch["sentence_ids"][1, 1:].eq(-1).all()
    assert batch["sentence_features"][0, 2, 1].tolist() == [5.0, -5.0]
    assert batch["labels"][0].tolist() == [IGNORED, IGNORED, 7, 8, 1]
    assert batch["salience_labels"][0, 2, 1] == 1
    assert batch["salience_labels"][1].isnan().all()
    assert batch["salience_vectors"][1].isnan().all()
    assert not batch["salience_vectors"][0, :, :2].isnan().any()


def test_long_texts_are_cropped_to_a_run_of_segments() -> None:
    random.seed(0)
    starts = set()
    for _ in range(60):
        batch = collator(max_segments=2)([example(5)])
        ids = batch["input_ids"][0].flatten()
        assert ids.tolist() == list(range(int(ids[0]), int(ids[0]) + 2 * N))
        first = (int(ids[0]) - 10) // N
        starts.add(first)
        # labels went with their sentences: sentence i has label i / 9
        assert batch["salience_labels"][0, 0, 0].item() == pytest.approx(2 * first / 9)
    assert starts == {0, 1, 2, 3}


def test_window_and_reservoir_are_drawn_anew() -> None:
    random.seed(1)
    batches = [collator()([example(2)]) for _ in range(80)]
    assert {batch["window_segments"] for batch in batches} == set(WINDOWS)
    assert {batch["reservoir_length"] for batch in batches} == {0, 6}
    assert {"reservoir_scores" in batch for batch in batches} == {True, False}


def test_summary_loss_is_of_the_next_token() -> None:
    logits = torch.full((1, 5, 10), -20.0)
    for place, token in enumerate([5, 7, 8, 1]):
        logits[0, place, token] = 20.0
    labels = torch.tensor([[IGNORED, IGNORED, 7, 8, 1]])
    assert summary_loss(logits, labels) < 1e-6
    assert summary_loss(logits.roll(1, dims=1), labels) > 10
    assert summary_loss(logits, torch.full_like(labels, IGNORED)) == 0


def test_salience_loss_prefers_values_and_order() -> None:
    labels = torch.tensor([[[0.0, 0.5, 1.0, torch.nan]]])
    exact = salience_loss(torch.tensor([[[0.0, 0.5, 1.0, 9.0]]]), labels)
    shifted = salience_loss(torch.tensor([[[0.2, 0.7, 1.2, 9.0]]]), labels)
    reversed_order = salience_loss(torch.tensor([[[1.0, 0.5, 0.0, 9.0]]]), labels)
    assert exact < 0.02 < shifted < reversed_order
    assert salience_loss(labels.nan_to_num(), torch.full_like(labels, torch.nan)) == 0


def test_vector_loss_is_one_minus_cosine() -> None:
    teacher = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [torch.nan, torch.nan]]]])
    same = torch.tensor([[[[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]]]])
    assert vector_loss(same, teacher) == pytest.approx(0, abs=1e-6)
    assert vector_loss(same.flip(-1), teacher) == pytest.approx(1, abs=1e-6)


def test_losses_of_a_batch_without_labels_still_have_a_gradient() -> None:
    scores = torch.zeros(1, 1, 2, requires_grad=True)
    salience_loss(scores, torch.full((1, 1, 2), torch.nan)).backward()
    assert scores.grad is not None and not scores.grad.isnan().any()
