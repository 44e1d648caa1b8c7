"""The encoder with its memories against the reference, and what may reach what."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from infinisum.model.modeling import InfinisumForConditionalGeneration
from tests.model.helpers import close, random
from tests.model.networks import N, reference_of, text_of, tiny_model
from tests.reference import network as reference

RULES = ("linear", "delta", "delta_paper", "delta_net", "none", "xl", "knn")
LENGTHS = [[6, 2, 0, 6, 5], [3, 6, 6, 0, 0], [0, 4, 6, 0, 2]]  # ragged, empty ones anywhere


def encode(
    model: InfinisumForConditionalGeneration,
    ids: Tensor,
    mask: Tensor,
    sizes: tuple[int, ...] | None = None,
) -> Tensor:
    """States `[B, S, N, D]`, in blocks of `sizes` segments."""
    state = model.encoder.initial_state(len(ids), model.shared.weight)
    out, at = [], 0
    for size in sizes or (ids.shape[1],):
        cut = slice(at, at + size)
        hidden, _, state = model.encoder(model.shared(ids[:, cut]), mask[:, cut], state)
        out.append(hidden)
        at += size
    return torch.cat(out, 1)


def reference_states(
    model: InfinisumForConditionalGeneration, ids: Tensor, lengths: list[int]
) -> tuple[list[Tensor], list[list[reference.HeadMemory]]]:
    network = reference_of(model)
    segments = [network.embedding[row[:n]] for row, n in zip(ids, lengths, strict=True)]
    return reference.encode(network, segments)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"position": "t5_bias", "ffn": "relu", "attention_scale": 1.0},
        {"memory_norm": True, "ffn": "geglu", "place_embeddings": False},
    ],
    ids=["rope", "t5_bias", "memory_norm"],
)
@pytest.mark.parametrize("rule", RULES)
def test_states_memory_and_gradients_equal_the_reference(
    rule: str, switches: dict[str, object]
) -> None:
    model = tiny_model(memory_rule=rule, **switches)
    ids, mask = text_of(LENGTHS)
    state = model.encoder.initial_state(3, model.shared.weight)
    hidden, index, after = model.encoder(model.shared(ids), mask, state)
    loss, expected_loss = torch.zeros(()), torch.zeros(())
    for b, lengths in enumerate(LENGTHS):
        expected, memories = reference_states(model, ids[b], lengths)
        there = [s for s, n in enumerate(lengths) if n]
        assert index[b, there].tolist() == list(range(len(there)))
        for s, states in zip(there, expected, strict=True):
            close(hidden[b, s, : lengths[s]], states)
            weight = random(*states.shape, seed=s)
            loss = loss + (hidden[b, s, : lengths[s]] * weight).sum()
            expected_loss = expected_loss + (states * weight).sum()
        if rule in RULES[:4]:
            for layer, heads in enumerate(memories):
                memory = after.memories[layer]
                close(memory.M[b], torch.stack([head.M for head in heads]))
                close(memory.z[b], torch.stack([head.z for head in heads]))
                assert memory.count[b].tolist() == [head.count for head in heads]
    assert after.segments.tolist() == [4, 3, 3]
    parameters = [p for n, p in model.named_parameters() if n.startswith(("encoder", "shared"))]
    ours = torch.autograd.grad(loss, parameters, allow_unused=True)
    theirs = torch.autograd.grad(expected_loss, parameters, allow_unused=True)
    for gradient, expected_gradient in zip(ours, theirs, strict=True):
        if expected_gradient is not None:
            assert gradient is not None
            close(gradient, expected_gradient, 1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_every_block_size_gives_the_same_states(rule: str) -> None:
    """Segment-major is a block of one; layer-major is one block of everything."""
    model = tiny_model(memory_rule=rule)
    ids, mask = text_of(LENGTHS)
    with torch.no_grad():
        whole = encode(model, ids, mask)
        for sizes in ((1, 1, 1, 1, 1), (2, 3), (4, 1), (1, 2, 2)):
            blocks = encode(model, ids, mask, sizes)
            close(blocks[mask], whole[mask], 1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_padding_batch_and_empty_segments_change_nothing(rule: str) -> None:
    model = tiny_model(memory_rule=rule)
    ids, mask = text_of(LENGTHS)
    with torch.no_grad():
        hidden = encode(model, ids, mask)
        other_padding = encode(model, text_of(LENGTHS, filler=7)[0], mask)
        close(other_padding[mask], hidden[mask], 1e-13)
        for b, lengths in enumerate(LENGTHS):
            alone = encode(model, ids[b : b + 1], mask[b : b + 1])
            close(alone[0][mask[b]], hidden[b][mask[b]], 1e-12)
            there = [s for s, n in enumerate(lengths) if n]
            dense = encode(model, ids[b : b + 1, there], mask[b : b + 1, there])
            close(dense[0][mask[b, there]], hidden[b, there][mask[b, there]], 1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_longer_segments_of_padding_change_nothing(rule: str) -> None:
    """The same weights with room for more tokens a segment give the same states."""
    ids, mask = text_of(LENGTHS)
    states = []
    for room in (N, N + 5):
        model = tiny_model(memory_rule=rule, segment_length=room)
        wide = torch.nn.functional.pad(ids, (0, room - N))
        wide_mask = torch.nn.functional.pad(mask, (0, room - N))
        with torch.no_grad():
            states.append(encode(model, wide, wide_mask)[wide_mask])
    close(states[1], states[0], 1e-12)


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_paper", "delta_net", "knn"])
def test_the_first_segment_reaches_the_last_and_nothing_reaches_back(rule: str) -> None:
    """A head reshape that mixes tokens and heads would let nothing cross, or everything leak."""
    model = tiny_model(memory_rule=rule)
    lengths = [[6] * 5]
    ids, mask = text_of(lengths)
    changed = ids.clone()
    changed[0, 0, 0] = ids[0, 0, 0] % (model.config.vocab_size - 4) + 3  # another token
    assert changed[0, 0, 0] != ids[0, 0, 0]
    later = ids.clone()
    later[0, 4, 5] = ids[0, 4, 5] % (model.config.vocab_size - 4) + 3
    with torch.no_grad():
        hidden, from_first, from_last = (encode(model, x, mask)[0] for x in (ids, changed, later))
    difference = (from_first - hidden).abs().amax(-1)  # [S, N]
    felt = difference[4].max() if rule == "knn" else difference[4].min()
    assert float(felt) > 1e-9  # by every token of the last segment; knn: by one that looked there
    difference = (from_last - hidden).abs().amax(-1)
    assert float(difference[:4].max()) == 0.0
    assert float(difference[4].min()) > 1e-9


@pytest.mark.parametrize("rule", ["none", "xl"])
def test_without_memory_nothing_far_away_is_felt(rule: str) -> None:
    model = tiny_model(memory_rule=rule)
    ids, mask = text_of([[6] * 5])
    changed = ids.clone()
    changed[0, 0] = ids[0, 0] % 19 + 3
    with torch.no_grad():
        difference = (encode(model, ids, mask) - encode(model, changed, mask)).abs().amax((0, 2, 3))
    reach = 1 + (model.config.encoder_layers if rule == "xl" else 0)
    assert float(difference[:reach].min()) > 1e-9
    assert float(difference[reach:].max()) == 0.0


@pytest.mark.parametrize("rule", RULES[:4])
def test_bf16_stays_close_and_keeps_its_state_in_fp32(rule: str) -> None:
    exact = tiny_model(memory_rule=rule)
    low = tiny_model(memory_rule=rule, dtype=torch.bfloat16)
    with torch.no_grad():
        for parameter, rounded in zip(exact.parameters(), low.parameters(), strict=True):
            parameter.copy_(rounded)
        ids, mask = text_of(LENGTHS)
        hidden = encode(exact, ids, mask)
        state = low.encoder.initial_state(3, low.shared.weight)
        rough, _, after = low.encoder(low.shared(ids), mask, state)
    assert rough.dtype == torch.bfloat16
    assert {m.M.dtype for m in after.memories} == {torch.float32}
    error = (rough.double() - hidden)[mask].norm() / hidden[mask].norm()
    assert float(error) < 0.05


def test_a_closed_write_gate_bypasses_the_memory_and_can_still_open() -> None:
    model = tiny_model(memory_rule="delta_net")
    without = tiny_model(memory_rule="none")
    without.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        for layer in model.encoder.layers:
            layer.attention.write_strength.weight.zero_()
            layer.attention.write_strength.bias.fill_(-9.0)
    ids, mask = text_of(LENGTHS)
    state = model.encoder.initial_state(3, model.shared.weight)
    hidden, _, after = model.encoder(model.shared(ids), mask, state)
    assert all(int(memory.count.max()) == 0 for memory in after.memories)
    close(hidden[mask], encode(without, ids, mask)[mask], 1e-13)
    bias = model.encoder.layers[0].attention.write_strength.bias
    (gradient,) = torch.autograd.grad((hidden[mask] * random(*hidden[mask].shape)).sum(), bias)
    assert float(gradient.abs().min()) > 0


def test_gradient_reaches_the_initial_state_and_the_first_segment() -> None:
    model = tiny_model()
    ids, mask = text_of([[6] * 6])
    embedded = model.shared(ids).detach().requires_grad_()
    state = model.encoder.initial_state(1, model.shared.weight)
    hidden, _, _ = model.encoder(embedded, mask, state)
    (gradient,) = torch.autograd.grad(hidden[0, 5].square().sum(), embedded)
    assert float(gradient[0, 0].abs().amax(-1).min()) > 1e-12


@pytest.mark.parametrize("rule", RULES[:4])
def test_hundreds_of_segments_stay_finite(rule: str) -> None:
    model = tiny_model(memory_rule=rule, dtype=torch.float32)
    ids, mask = text_of([[6, 1] * 150])
    state = model.encoder.initial_state(1, model.shared.weight)
    with torch.no_grad():
        for _ in range(4):
            hidden, _, state = model.encoder(model.shared(ids), mask, state)
            assert bool(hidden.isfinite().all())
    assert state.segments.tolist() == [1200]
