"""Losses, against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from infinisum.training.datasets import IGNORED
from infinisum.training.losses import Counts, salience_loss, summary_loss, vector_loss


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


def test_parts_of_a_step_add_up_to_the_whole() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 6, 11)
    labels = torch.randint(0, 11, (3, 6))
    labels[0, 3:] = IGNORED
    labels[2] = IGNORED
    scores, wanted = torch.randn(3, 2, 4), torch.rand(3, 2, 4)
    wanted[0, 1] = torch.nan
    wanted[1] = torch.nan
    vectors, teacher = torch.randn(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
    teacher[1, 0] = torch.nan

    def batch(rows: slice) -> dict[str, torch.Tensor]:
        return {
            "labels": labels[rows],
            "salience_labels": wanted[rows],
            "salience_vectors": teacher[rows],
        }

    whole = Counts.of(batch(slice(0, 3)))
    assert [int(count) for count in whole] == [7, 12, 2, 20]
    parts = [slice(0, 1), slice(1, 3)]
    tokens = sum(summary_loss(logits[p], labels[p], whole.tokens) for p in parts)
    assert tokens == pytest.approx(float(summary_loss(logits, labels)), abs=1e-6)
    order = sum(salience_loss(scores[p], wanted[p], whole.sentences, whole.ranked) for p in parts)
    assert order == pytest.approx(float(salience_loss(scores, wanted)), abs=1e-6)
    cosine = sum(vector_loss(vectors[p], teacher[p], whole.vectors) for p in parts)
    assert cosine == pytest.approx(float(vector_loss(vectors, teacher)), abs=1e-6)
