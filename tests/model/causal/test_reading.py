"""Reading segment by segment: against the equations in plain loops, in blocks, in batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from infinisum.engine import restore_state, state_bytes, state_tensors
from infinisum.model.causal.modeling import InfinisumForCausalLM
from infinisum.model.causal.state import CausalState
from infinisum.model.memory import EPSILON
from tests.model.causal.donors import converted, donor, random_ids, randomize
from tests.model.helpers import close
from tests.reference.causal import CausalLayerWeights, CausalNetwork, read_text
from tests.reference.network import FeedForwardWeights

RULES = ("linear", "delta", "delta_paper", "delta_net")
N = 6
LENGTHS = [[6, 2, 0, 6], [3, 6, 6, 0], [0, 0, 4, 5]]  # ragged, empty ones anywhere


def network(rule: str, family: str = "qwen3") -> InfinisumForCausalLM:
    """Every parameter random; theta 16 makes frequencies that fp32 holds exactly."""
    theirs = donor(family)
    theirs.config.rope_parameters = {"rope_type": "default", "rope_theta": 16.0}
    model = converted(theirs, segment_length=N, memory_rule=rule)
    randomize(model, 4)
    return model.double()


def reference_of(model: InfinisumForCausalLM) -> CausalNetwork:
    config, p = model.config, dict(model.named_parameters())
    layers = [
        CausalLayerWeights(
            p[f"{at}.attention_norm.weight"],
            **{x: p[f"{at}.attention.{x}.weight"] for x in "qkvo"},
            bias={
                x: p[f"{at}.attention.{x}.bias"] for x in "qkvo" if f"{at}.attention.{x}.bias" in p
            },
            q_norm=p.get(f"{at}.attention.q_norm.weight"),
            k_norm=p.get(f"{at}.attention.k_norm.weight"),
            beta=p[f"{at}.attention.mix.gate"],
            eta_w=p.get(f"{at}.attention.write_strength.weight"),
            eta_b=p.get(f"{at}.attention.write_strength.bias"),
            ffn_norm=p[f"{at}.ffn_norm.weight"],
            ffn=FeedForwardWeights(
                "swiglu",
                *(p[f"{at}.ffn.{x}.weight"] for x in ("wi", "wi_linear", "wo")),
            ),
        )
        for at in (f"layers.{i}" for i in range(config.num_layers))
    ]
    return CausalNetwork(
        p["embedding.weight"],
        layers,
        p["norm.weight"],
        p.get("lm_head.weight", p["embedding.weight"]),
        config.memory_rule,
        config.d_kv,
        config.num_heads,
        config.num_kv_heads,
        16.0,
        config.norm_epsilon,
        EPSILON**2 if config.memory_rule == "delta_net" else EPSILON,
    )


def ragged() -> tuple[Tensor, Tensor]:
    mask = torch.arange(N)[None, None] < torch.tensor(LENGTHS)[..., None]
    return random_ids(3, 4, N).masked_fill(~mask, 0), mask


def read(
    model: InfinisumForCausalLM, ids: Tensor, mask: Tensor, sizes: tuple[int, ...]
) -> tuple[Tensor, CausalState]:
    state, out, at = model.initial_state(len(ids)), [], 0
    for size in sizes:
        block, state = model.read_block(ids[:, at : at + size], mask[:, at : at + size], state)
        out.append(block.hidden)
        at += size
    return torch.cat(out, 1), state


@pytest.mark.parametrize(
    ("rule", "family"),
    [*((rule, "qwen3") for rule in RULES), ("delta_net", "llama"), ("linear", "qwen2")],
)
def test_logits_and_memories_equal_plain_loops(rule: str, family: str) -> None:
    model = network(rule, family)
    ids, mask = ragged()
    with torch.no_grad():
        hidden, state = read(model, ids, mask, (4,))
        logits = model.lm_head(hidden)
        for b, lengths in enumerate(LENGTHS):
            segments = [ids[b, s, :n] for s, n in enumerate(lengths) if n]
            expected, memories = read_text(reference_of(model), segments)
            close(logits[b][mask[b]], expected)
            for ours, theirs in ((state.after, memories[-1]), (state.before, memories[-2])):
                for layer, heads in zip(ours, theirs, strict=True):
                    close(layer.M[b], torch.stack([head.M for head in heads]))
                    close(layer.z[b], torch.stack([head.z for head in heads]))
                    assert layer.count[b].tolist() == [head.count for head in heads]
            assert state.tail[b][state.tail_mask[b]].tolist() == segments[-1].tolist()
    assert state.segments.tolist() == [3, 3, 2]


@pytest.mark.parametrize("rule", ["delta", "delta_net"])
def test_gradients_reach_through_memory_and_equal_plain_loops(rule: str) -> None:
    model = network(rule)
    ids = random_ids(1, 2 * N)
    output = model(input_ids=ids, labels=ids)
    loss = torch.nn.functional.cross_entropy(output.logits[0, :-1], ids[0, 1:])
    assert float(output.loss.detach()) == pytest.approx(float(loss.detach()), rel=1e-6)
    expected, _ = read_text(reference_of(model), list(ids[0].split(N)))
    expected_loss = torch.nn.functional.cross_entropy(expected[:-1], ids[0, 1:])
    parameters = list(model.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(loss, parameters),
        torch.autograd.grad(expected_loss, parameters),
        strict=True,
    ):
        close(ours, theirs, 1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_blocks_padding_and_batch_change_nothing(rule: str) -> None:
    model = network(rule)
    ids, mask = ragged()
    with torch.no_grad():
        whole, state = read(model, ids, mask, (4,))
        other = ids.masked_fill(~mask, 7)
        for sizes, filled in (((1, 1, 1, 1), ids), ((2, 2), other), ((3, 1), ids)):
            blocks, after = read(model, filled, mask, sizes)
            close(blocks[mask], whole[mask], 1e-12)
            for ours, theirs in zip(
                after.before + after.after, state.before + state.after, strict=True
            ):
                close(ours.M, theirs.M, 1e-12)
            there = state.tail_mask
            assert torch.equal(after.tail[there], state.tail[there])
        for b in range(3):
            alone, _ = read(model, ids[b : b + 1], mask[b : b + 1], (4,))
            close(alone[0][mask[b]], whole[b][mask[b]], 1e-12)


@pytest.mark.parametrize("rule", ["delta", "delta_net"])
def test_reading_goes_on_from_a_saved_state(rule: str) -> None:
    """Padded and unpadded; the state has the same size after every segment."""
    model = network(rule)
    ids, mask = ragged()
    for b in range(3):
        its, its_mask = ids[b : b + 1], mask[b : b + 1]
        with torch.no_grad():
            _, at_once = read(model, its, its_mask, (2, 2))
            _, half = read(model, its[:, :2], its_mask[:, :2], (2,))
            saved = {name: tensor.clone() for name, tensor in state_tensors(half).items()}
            restored = restore_state(model, saved)
            _, resumed = model.read_block(its[:, 2:], its_mask[:, 2:], restored)
        assert state_bytes(half) == state_bytes(resumed) == state_bytes(model.initial_state(1))
        for name, tensor in state_tensors(resumed).items():
            assert torch.equal(tensor, state_tensors(at_once)[name]), name


def test_writing_from_a_state_goes_on_in_the_open_segment() -> None:
    """Text, prompt and what is written are one segment that sees the earlier ones in memory."""
    model = network("delta_net").float()
    ids, prompt, mask = random_ids(1, 3, N), random_ids(1, 3, seed=8), torch.ones(1, 3, N) > 0
    mask[0, 2, 4:] = False
    _, state = read(model, ids, mask, (3,))
    context = model.visible(state)
    how = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    written = model.generate(encoder_outputs=context, decoder_input_ids=prompt, **how)
    assert written[:, :3].tolist() == prompt.tolist()
    segment = torch.cat([ids[:, 2, :4], written], 1)
    _, early = read(model, ids[:, :2], mask[:, :2], (2,))
    model.config.segment_length = segment.shape[1]  # room to read it at once
    tail = torch.zeros_like(segment)
    roomy = early._replace(tail=tail, tail_mask=tail > 0)
    with torch.no_grad():
        block, _ = model.read_block(segment[:, None], torch.ones_like(segment)[:, None] > 0, roomy)
        greedy = model.lm_head(block.hidden[0, 0]).argmax(-1)
    assert written[0, 3:].tolist() == greedy[4 + 3 - 1 : -1].tolist()
    # Behind a text the same is written, where the text is the same.
    text = torch.cat([ids[0, :2].flatten(), ids[0, 2, :4]])[None]
    model.config.segment_length = N
    plain = model.generate(text, **how)
    assert plain[:, : text.shape[1]].tolist() == text.tolist()
    nothing = prompt[:, :0]
    again = model.generate(encoder_outputs=context, decoder_input_ids=nothing, **how)
    assert plain[0, text.shape[1] :].tolist() == again[0].tolist()


def test_a_batch_of_contexts_writes_what_each_writes_alone() -> None:
    model = network("delta_net").float()
    ids, mask = ragged()
    prompt = random_ids(1, 3, seed=8)
    how = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    contexts = []
    for b in range(3):
        _, state = read(model, ids[b : b + 1], mask[b : b + 1], (4,))
        before = torch.tensor([5]) if b == 1 else None  # sees its last segment from memory alone
        contexts.append(model.visible(state, before))
    batch = type(contexts[0]).stacked(contexts)
    together = model.generate(encoder_outputs=batch, decoder_input_ids=prompt.expand(3, -1), **how)
    for b, context in enumerate(contexts):
        alone = model.generate(encoder_outputs=context, decoder_input_ids=prompt, **how)
        assert together[b].tolist() == alone[0].tolist()


def test_a_segment_left_behind_is_seen_from_memory_alone() -> None:
    model = network("delta")
    ids, mask = ragged()
    _, state = read(model, ids[:1], mask[:1], (4,))
    seen, left = model.visible(state, torch.tensor([2])), model.visible(state, torch.tensor([3]))
    assert seen.tail_mask is not None and left.tail_mask is not None
    assert seen.tail_mask.any() and not left.tail_mask.any()
    assert seen.M is not None and torch.equal(seen.M[:, 0], state.before[0].M)
    assert left.M is not None and torch.equal(left.M[:, 0], state.after[0].M)


def test_wherever_padding_is_logits_are_the_same() -> None:
    model = network("delta_net")
    ids = random_ids(1, 2 * N + 3)
    with torch.no_grad():
        plain = model(input_ids=ids).logits
        for padding in ((4, 0), (0, 5), (2, 2)):
            padded = torch.nn.functional.pad(ids, padding)
            mask = torch.nn.functional.pad(torch.ones_like(ids), padding)
            close(model(input_ids=padded, attention_mask=mask).logits[mask.bool()], plain[0])
