"""The buffer of the decoder's own keys and values against concatenation."""

from __future__ import annotations

import torch
from transformers.cache_utils import DynamicLayer

from infinisum.model.cache import FIRST_ROOM, RoomyLayer
from tests.model.helpers import random


def test_it_holds_what_concatenation_holds() -> None:
    ours, theirs = RoomyLayer(), DynamicLayer()
    with torch.no_grad():
        for step in range(FIRST_ROOM + 5):  # beyond the first room
            length = 3 if step == 0 else 1
            k, v = (random(2, 4, length, 8, seed=2 * step + i) for i in (0, 1))
            for ours_now, theirs_now in zip(ours.update(k, v), theirs.update(k, v), strict=True):
                assert torch.equal(ours_now, theirs_now)
            if step == 20:  # beam search
                order = torch.tensor([1, 1])
                ours.reorder_cache(order)
                theirs.reorder_cache(order)
    assert ours.get_seq_length() == theirs.get_seq_length() == FIRST_ROOM + 7


def test_a_step_copies_nothing_that_was_there() -> None:
    layer = RoomyLayer()
    with torch.no_grad():
        first, _ = layer.update(random(1, 1, 2, 4), random(1, 1, 2, 4))
        second, _ = layer.update(random(1, 1, 1, 4), random(1, 1, 1, 4))
    assert second.data_ptr() == first.data_ptr()


def test_gradients_still_flow() -> None:
    layer = RoomyLayer()
    k = random(1, 1, 2, 4).requires_grad_()
    layer.update(k, k)
    keys, _ = layer.update(k, k)
    (gradient,) = torch.autograd.grad(keys.sum(), k)
    assert gradient.tolist() == torch.full_like(k, 2).tolist()
