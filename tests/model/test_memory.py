"""The compressive memory against the equations, token by token in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from infinisum.model.memory import (
    EPSILON,
    MemoryState,
    advance,
    chunk_writes,
    hard_write_gate,
    read,
    sigma,
    unit_feature,
    unit_inverse,
    write_by_chunks,
    write_by_segments,
)
from tests.model.helpers import F64, close, random
from tests.reference import memory as reference
from tests.reference.memory import HeadMemory

RULES = reference.RULES
B, S, H, N, DK, DV = 2, 4, 3, 7, 5, 6
LENGTHS = [[7, 3, 0, 5], [2, 7, 1, 0]]  # ragged, with empty segments


def eps(rule: str) -> float:
    return EPSILON**2 if rule == "delta_net" else EPSILON


def mask_of(lengths: list[list[int]]) -> Tensor:
    return torch.arange(N)[None, None, :] < torch.tensor(lengths)[:, :, None]


def start_state(seed: int = 9) -> MemoryState:
    """A memory that already holds something (z positive, as sums of sigma are)."""
    empty = MemoryState.empty(B, H, DK, DV, like=torch.zeros(1, dtype=F64))
    return empty._replace(
        M=random(B, H, DK, DV, seed=seed),
        z=random(B, H, DK, seed=seed + 1).exp(),
        count=torch.full((B, H), 4),
    )


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    K, V = random(B, S, H, N, DK, seed=1), random(B, S, H, N, DV, seed=2)
    Q = random(B, S, H, N, DK, seed=3)
    eta = 1.4 * torch.rand(B, S, H, N, generator=torch.Generator().manual_seed(4), dtype=F64)
    return Q, K, V, (eta - 0.2).clamp(0, 1)


def reference_run(
    rule: str, state: MemoryState, Q: Tensor, K: Tensor, V: Tensor, eta: Tensor
) -> tuple[Tensor, MemoryState]:
    """Every head of every example on its own, segment by segment."""
    answers = torch.zeros(B, S, H, N, DV, dtype=F64)
    M, z, count = [], [], []
    for b in range(B):
        for h in range(H):
            head = HeadMemory(state.M[b, h], state.z[b, h], int(state.count[b, h]))
            for s in range(S):
                n = LENGTHS[b][s]
                for t in range(n):
                    answer = reference.read(rule, head, Q[b, s, h, t], eps(rule))
                    where = (torch.tensor(i) for i in (b, s, h, t))
                    answers = answers.index_put(tuple(where), answer)
                head = reference.write(
                    rule, head, K[b, s, h, :n], V[b, s, h, :n], eta[b, s, h, :n], eps(rule)
                )
            M.append(head.M)
            z.append(head.z)
            count.append(torch.tensor(head.count))
    return answers, state._replace(
        M=torch.stack(M).view(B, H, DK, DV),
        z=torch.stack(z).view(B, H, DK),
        count=torch.stack(count).view(B, H),
    )


def test_worked_example() -> None:
    """The example of MODEL.md section 2, corrected."""
    like = torch.zeros(1, dtype=F64)
    state = MemoryState.empty(1, 1, 2, 2, like=like)._replace(
        M=torch.tensor([[[[0.5, 0.3], [0.1, 0.4]]]], dtype=F64),
        z=torch.tensor([[[1.0, 0.7]]], dtype=F64),
    )
    K = torch.tensor([0.6, 0.8], dtype=F64).view(1, 1, 1, 1, 2)
    V = torch.tensor([0.7, 0.9], dtype=F64).view(1, 1, 1, 1, 2)
    _, after = advance("linear", state, K, V, torch.ones(1, 1, 1, dtype=torch.bool))
    close(sigma(K).flatten(), torch.tensor([1.6, 1.8], dtype=F64))
    close(after.M[0, 0], torch.tensor([[1.62, 1.74], [1.36, 2.02]], dtype=F64))
    close(after.z[0, 0], torch.tensor([2.6, 2.5], dtype=F64))
    assert after.count.tolist() == [[1]]


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "carried"])
@pytest.mark.parametrize("rule", RULES)
def test_rule_equals_the_equations(rule: str, fresh: bool) -> None:
    """Answers, final state and every gradient, to the initial state too."""
    Q, K, V, eta = inputs()
    state = start_state()
    if fresh:
        state = MemoryState.empty(B, H, DK, DV, like=Q)
    elif rule == "delta_net":
        state = state._replace(z=torch.zeros(B, H, DK, dtype=F64))
    leaves = [Q, K, V, eta, state.M, state.z]
    results = []
    for ours in (True, False):
        Q, K, V, eta, M0, z0 = (x.clone().requires_grad_() for x in leaves)
        before = state._replace(M=M0, z=z0)
        if ours:
            block, after = advance(rule, before, K, V, mask_of(LENGTHS), eta, chunk=3)
            answers = read(rule, block, Q) * mask_of(LENGTHS)[:, :, None, :, None]
        else:
            answers, after = reference_run(rule, before, Q, K, V, eta)
        loss = (answers * random(*answers.shape, seed=5)).sum()
        loss = loss + (after.M * random(*after.M.shape, seed=6)).sum()
        if rule != "delta_net":
            loss = loss + (after.z * random(*after.z.shape, seed=7)).sum()
        wanted = [Q, K, V, *([eta] if rule == "delta_net" else [])]
        if not fresh:  # an empty memory is bypassed: what it would pass back is of no meaning
            wanted += [M0] if rule == "delta_net" else [M0, z0]
        results.append((answers, after, torch.autograd.grad(loss, wanted)))
    (answers, after, gradients), (expected, expected_after, expected_gradients) = results
    close(answers, expected)
    close(after.M, expected_after.M)
    close(after.z, expected_after.z)
    assert torch.equal(after.count, expected_after.count)
    for gradient, wanted_gradient in zip(gradients, expected_gradients, strict=True):
        close(gradient, wanted_gradient)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 7, 64])
def test_delta_net_does_not_depend_on_its_chunk(chunk: int) -> None:
    _, K, V, eta = inputs()
    block, after = advance("delta_net", start_state(), K, V, mask_of(LENGTHS), eta, chunk=chunk)
    whole, expected = advance("delta_net", start_state(), K, V, mask_of(LENGTHS), eta, chunk=N)
    close(after.M, expected.M, 1e-12)
    close(block.M, whole.M, 1e-12)


@pytest.mark.parametrize("chunks", [1, 2, 3, 5, 8])
def test_accelerators_and_processors_write_the_same(chunks: int) -> None:
    """Products of blocks there, forward substitution and short steps here, where the tests run."""
    segments, C = 3, 16
    k = unit_feature(random(segments * chunks, 2, C, DK, seed=1))
    v = random(segments * chunks, 2, C, DV, seed=2)
    eta = torch.rand(*k.shape[:-1], 1, generator=torch.Generator().manual_seed(2), dtype=F64)
    A = (k @ (eta * k).transpose(-1, -2)).tril(-1)
    inverse = unit_inverse(A)
    close(inverse @ (torch.eye(C, dtype=F64) + A), torch.eye(C, dtype=F64).expand_as(A))
    W = chunk_writes(k, eta * k)
    close(W, (eta * k).transpose(-1, -2) @ inverse, 1e-12)
    M = random(2, DK, DV, seed=3)
    gradients = []
    for write in (write_by_chunks, write_by_segments):
        leaves = [x.clone().requires_grad_() for x in (M, k, v, W)]
        before, after = write(*leaves, chunks)
        assert before.shape == (segments, 2, DK, DV)
        loss = (before * random(*before.shape, seed=4)).sum() + (after * M).sum()
        gradients.append([before, after, *torch.autograd.grad(loss, leaves)])
    for ours, theirs in zip(*gradients, strict=True):
        close(ours, theirs, 1e-12)


@pytest.mark.parametrize("keys", ["random", "all the same"])
def test_delta_net_in_fp32_equals_the_token_loop_over_a_full_segment(keys: str) -> None:
    """1,024 tokens of full strength; the hardest system is that of one key again and again."""
    tokens = 1024
    K = random(1, 1, 1, 1 if keys == "all the same" else tokens, 16, seed=1)
    K = K.expand(1, 1, 1, tokens, 16)
    V, eta = random(1, 1, 1, tokens, 16, seed=2), torch.ones(1, 1, 1, tokens, dtype=F64)
    state = MemoryState.empty(1, 1, 16, 16, like=torch.zeros(1))
    mask = torch.ones(1, 1, tokens, dtype=torch.bool)
    _, after = advance("delta_net", state, K.float(), V.float(), mask, eta.float())
    head = reference.write(
        "delta_net", reference.empty(16, 16), K[0, 0, 0], V[0, 0, 0], eta[0, 0, 0], EPSILON**2
    )
    close(after.M[0, 0], head.M, 2e-5)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2), (1, 3), (3, 1)], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_blocks_of_any_size_give_the_same_memory(rule: str, sizes: tuple[int, ...]) -> None:
    _, K, V, eta = inputs()
    mask = mask_of(LENGTHS)
    whole, expected = advance(rule, start_state(), K, V, mask, eta)
    state, parts, at = start_state(), [], 0
    for size in sizes:
        cut = slice(at, at + size)
        block, state = advance(rule, state, K[:, cut], V[:, cut], mask[:, cut], eta[:, cut])
        parts.append(block)
        at += size
    close(torch.cat([p.M for p in parts], 1), whole.M, 1e-13)
    close(torch.cat([p.z for p in parts], 1), whole.z, 1e-13)
    assert torch.equal(torch.cat([p.count for p in parts], 1), whole.count)
    close(state.M, expected.M, 1e-13)
    assert torch.equal(state.count, expected.count)


@pytest.mark.parametrize("rule", RULES)
def test_padding_and_other_rows_write_nothing(rule: str) -> None:
    """sigma(0) = 1: padding of zeros would be written if it were masked before the feature map."""
    _, K, V, eta = inputs()
    mask = mask_of(LENGTHS)
    _, expected = advance(rule, start_state(), K, V, mask, eta)
    for filler in (0.0, 50.0):
        there = mask[:, :, None, :, None]
        K2, V2 = (torch.where(there, x, filler) for x in (K, V))
        K2[1], V2[1] = K2[1] + 3, V2[1] - 2  # another row of the batch
        _, after = advance(rule, start_state(), K2, V2, mask, eta)
        assert torch.equal(after.M[0], expected.M[0])
        assert torch.equal(after.z[0], expected.z[0])
    _, untouched = advance(rule, start_state(), K, V, torch.zeros_like(mask), eta)
    assert torch.equal(untouched.M, start_state().M)
    assert torch.equal(untouched.z, start_state().z)
    assert torch.equal(untouched.count, start_state().count)


@pytest.mark.parametrize("rule", RULES)
def test_low_precision_input_keeps_a_state_of_fp32(rule: str) -> None:
    """Inputs rounded to bf16 are all that is lost: the state itself is as exact as fp32."""
    Q, K, V, eta = (x.to(torch.bfloat16) for x in inputs())
    low = MemoryState.empty(B, H, DK, DV, like=K)
    assert low.M.dtype == low.z.dtype == torch.float32
    block, after = advance(rule, low, K, V, mask_of(LENGTHS), eta)
    answers = read(rule, block, Q)
    assert after.M.dtype == after.z.dtype == answers.dtype == torch.float32
    exact = MemoryState.empty(B, H, DK, DV, like=K.to(F64))
    block, expected = advance(rule, exact, K.to(F64), V.to(F64), mask_of(LENGTHS), eta.to(F64))
    close(after.M, expected.M, 1e-5)
    close(answers, read(rule, block, Q.to(F64)), 1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_autocast_does_not_reach_the_memory(rule: str) -> None:
    Q, K, V, eta = (x.float() for x in inputs())
    state = MemoryState.empty(B, H, DK, DV, like=K)
    block, expected = advance(rule, state, K, V, mask_of(LENGTHS), eta)
    wanted = read(rule, block, Q)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        block, after = advance(rule, state, K, V, mask_of(LENGTHS), eta)
        answers = read(rule, block, Q)
    assert torch.equal(after.M, expected.M)
    assert torch.equal(answers, wanted)


def test_sigma_does_not_round_to_zero() -> None:
    """elu(x) + 1 is 0 in bf16 from x <= -6.25."""
    x = torch.tensor([-20.0, -6.25, -1.0, 0.0, 2.0])
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        close(sigma(x.to(dtype)), reference.sigma(x.to(F64)), 1e-2)
        assert bool((sigma(x.to(dtype)) > 0).all())
        torch.testing.assert_close(
            sigma(x.to(dtype))[0].to(F64), torch.exp(x[0].to(F64)), rtol=1e-2, atol=0
        )
    big = torch.tensor([800.0, -800.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(sigma(big).sum(), big)
    assert gradient.tolist() == [1.0, 0.0]


def test_unit_feature_of_zero_has_a_finite_gradient() -> None:
    x = torch.zeros(1, DK, requires_grad=True)
    feature = unit_feature(x)
    (gradient,) = torch.autograd.grad(feature.sum(), x)
    assert bool(feature.isfinite().all()) and bool(gradient.isfinite().all())


def test_hard_gate_closes_opens_and_can_still_learn() -> None:
    logits = torch.linspace(-8, 8, 33, dtype=F64).requires_grad_()
    eta = hard_write_gate(logits)
    expected = torch.stack(
        [
            reference.write_strength(torch.ones(1, dtype=F64), x[None], torch.zeros((), dtype=F64))
            for x in logits.detach()
        ]
    )
    close(eta, expected)
    assert float(eta[0].detach()) == 0.0 and float(eta[-1].detach()) == 1.0
    eta.sum().backward()
    slope = 1.2 * torch.sigmoid(logits) * (1 - torch.sigmoid(logits))
    assert logits.grad is not None
    close(logits.grad, slope.detach())
    assert hard_write_gate(logits.to(torch.float32))[0] == 0.0


def test_a_closed_gate_writes_nothing() -> None:
    _, K, V, _ = inputs()
    logits = torch.full((B, S, H, N), -9.0, dtype=F64, requires_grad=True)
    state = MemoryState.empty(B, H, DK, DV, like=K)
    _, after = advance("delta_net", state, K, V, mask_of(LENGTHS), hard_write_gate(logits))
    assert after.count.tolist() == [[0] * H] * B
    assert float(after.M.detach().abs().max()) == 0.0
    (gradient,) = torch.autograd.grad((after.M * random(*after.M.shape)).sum(), logits)
    assert float(gradient[0, 0].abs().max()) > 0


def test_the_paper_rule_overshoots_and_the_corrected_one_does_not() -> None:
    """A short epigraph, then a full segment: the update matrix of Eq. 9 has eigenvalues above 2."""
    norms = {}
    long = 256
    for rule in ("linear", "delta", "delta_paper"):
        state = MemoryState.empty(1, 1, 8, 8, like=torch.zeros(1))
        for s, n in enumerate((2, long)):
            K, V = (random(1, 1, 1, long, 8, seed=2 * s + i).float() for i in (0, 1))
            mask = (torch.arange(long) < n)[None, None]
            _, state = advance(rule, state, K, V, mask)
        norms[rule] = float(state.M.norm())
    assert norms["delta_paper"] > 5 * norms["linear"]
    assert norms["delta"] < 1.5 * norms["linear"]


@pytest.mark.parametrize("rule", RULES)
def test_a_whole_library_stays_finite(rule: str) -> None:
    """4,000 segments in one state: fp16 overflows after 27 of 2,048 tokens, bf16 drifts."""
    state = MemoryState.empty(1, 2, DK, DV, like=torch.zeros(1))
    exact = MemoryState.empty(1, 2, DK, DV, like=torch.zeros(1, dtype=F64))
    K, V = random(1, 40, 2, 16, DK, seed=1), random(1, 40, 2, 16, DV, seed=2)
    eta = hard_write_gate(random(1, 40, 2, 16, seed=3))
    mask = torch.ones(1, 40, 16, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(100):
            _, state = advance(rule, state, K.float(), V.float(), mask, eta.float())
            _, exact = advance(rule, exact, K, V, mask, eta)
    assert bool(state.M.isfinite().all())
    assert int(state.count.min()) > 0
    close(state.M, exact.M, 1e-3)
    close(state.z, exact.z, 1e-4)


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(0, N), min_size=1, max_size=5),
    rule=st.sampled_from(RULES),
    cut=st.integers(0, 5),
)
def test_any_cut_of_any_text(lengths: list[int], rule: str, cut: int) -> None:
    """One example, ragged and empty segments anywhere, cut into two blocks anywhere."""
    segments = len(lengths)
    K, V = random(1, segments, 1, N, DK, seed=1), random(1, segments, 1, N, DV, seed=2)
    eta = hard_write_gate(random(1, segments, 1, N, seed=3))
    mask = (torch.arange(N)[None, :] < torch.tensor(lengths)[:, None])[None]
    state = MemoryState.empty(1, 1, DK, DV, like=K)
    cut = min(cut, segments)
    for part in (slice(0, cut), slice(cut, segments)):
        if part.start < part.stop:
            _, state = advance(rule, state, K[:, part], V[:, part], mask[:, part], eta[:, part])
    head = reference.empty(DK, DV)
    for s, n in enumerate(lengths):
        head = reference.write(
            rule, head, K[0, s, 0, :n], V[0, s, 0, :n], eta[0, s, 0, :n], eps(rule)
        )
    close(state.M[0, 0], head.M)
    close(state.z[0, 0], head.z)
    assert int(state.count) == head.count
