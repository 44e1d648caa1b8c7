"""The reference against hand-computed numbers and against closed forms."""

from __future__ import annotations

import pytest
import torch

from tests.reference import memory as reference
from tests.reference.attention import bucket, rotate
from tests.reference.stream import Segment, Sentence, keep, view


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_worked_example() -> None:
    before = reference.HeadMemory(
        torch.tensor([[0.5, 0.3], [0.1, 0.4]], dtype=torch.float64),
        torch.tensor([1.0, 0.7], dtype=torch.float64),
        1,
    )
    K, V = (torch.tensor([row], dtype=torch.float64) for row in ([0.6, 0.8], [0.7, 0.9]))
    after = reference.write("linear", before, K, V, torch.ones(1))
    M = torch.tensor([[1.62, 1.74], [1.36, 2.02]], dtype=torch.float64)
    torch.testing.assert_close(after.M, M)
    torch.testing.assert_close(after.z, torch.tensor([2.6, 2.5], dtype=torch.float64))


def test_delta_net_loop_equals_its_matrix_form() -> None:
    M, K, V = random(5, 3), random(40, 5, seed=1), random(40, 3, seed=2)
    eta = torch.sigmoid(random(40, seed=3)) * (random(40, seed=4) > -0.5)
    looped = reference.write("delta_net", reference.HeadMemory(M, M[:, 0], 1), K, V, eta, 1e-12)
    solved = reference.delta_net_matrix_form(M, K, V, eta, 1e-12)
    torch.testing.assert_close(looped.M, solved, rtol=1e-12, atol=1e-12)


def test_delta_net_with_full_strength_answers_with_the_last_value() -> None:
    K, V = random(6, 5), random(6, 3, seed=1)
    state = reference.write("delta_net", reference.empty(5, 3), K, V, torch.ones(6))
    torch.testing.assert_close(reference.read("delta_net", state, K[-1]), V[-1])


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_paper"])
def test_one_token_is_read_back(rule: str) -> None:
    K, V = random(1, 5), random(1, 3, seed=1)
    state = reference.write(rule, reference.empty(5, 3), K, V, torch.ones(1))
    torch.testing.assert_close(reference.read(rule, state, random(5, seed=2)), V[0])


def test_write_strength_reaches_both_ends_and_keeps_its_gradient() -> None:
    x = torch.ones(1, dtype=torch.float64)
    for bias, expected in ((-9.0, 0.0), (0.0, 0.5), (9.0, 1.0)):
        b = torch.tensor(bias, dtype=torch.float64, requires_grad=True)
        eta = reference.write_strength(x, torch.zeros(1, dtype=torch.float64), b)
        assert float(eta.detach()) == pytest.approx(expected)
        eta.backward()
        assert b.grad is not None and float(b.grad) > 0


def test_rotation_depends_on_distance_alone() -> None:
    q, k = random(8), random(8, seed=1)
    near = rotate(q, 5, 100.0) @ rotate(k, 3, 100.0)
    torch.testing.assert_close(near, rotate(q, 9, 100.0) @ rotate(k, 7, 100.0))
    torch.testing.assert_close(rotate(q, 0, 100.0), q)


def test_buckets() -> None:
    # 32 buckets: 16 a side, 8 exact, then logarithmic up to distance 128
    assert [bucket(r, 32, 128, True) for r in (0, -1, -7, -8, -127, -5000)] == [0, 1, 7, 8, 15, 15]
    assert [bucket(r, 32, 128, True) for r in (1, 7, 8, 5000)] == [17, 23, 24, 31]
    assert [bucket(r, 32, 128, False) for r in (3, 0, -15, -16, -5000)] == [0, 0, 15, 16, 31]


def test_a_sentence_that_does_not_fit_ends_the_reservoir() -> None:
    a, b, c = Sentence(0, 0, 5, 3.0), Sentence(0, 5, 13, 2.0), Sentence(1, 0, 4, 1.0)
    assert keep([a, b, c], 10) == [a]
    assert keep([a, b, c], 13) == [a, b]
    assert keep([b, b._replace(segment=1)], 8) == [b]


def test_empty_segments_take_no_place_in_the_window() -> None:
    one = Segment(2, [])
    empty = Segment(0, [])
    seen = view([one, empty, one, empty, empty, one], window=2, reservoir=0)
    assert (seen.window, seen.written) == ([1, 2], [0])
