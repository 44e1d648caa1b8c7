"""The decoder against the reference: logits, gradients, gates, and what decoding leaves alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from infinisum.model.compat import CACHE
from infinisum.model.modeling import InfiniEncoderOutput, InfinisumForConditionalGeneration
from tests.model.helpers import close, random
from tests.model.networks import VOCABULARY, reference_of, text_of, tiny_model
from tests.model.test_context import LENGTHS, expected_view, read
from tests.reference import network as reference

TARGET = torch.tensor([[2, 5, 9, 4, 17], [2, 8, 3, 3, 21]])


def logits_of(
    model: InfinisumForConditionalGeneration, book: InfiniEncoderOutput, target: Tensor
) -> Tensor:
    return model(encoder_outputs=book, decoder_input_ids=target).logits


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"position": "t5_bias", "ffn": "geglu", "attention_scale": 1.0},
        {"memory_norm": True, "ffn": "relu", "place_embeddings": False},
        {"tie_word_embeddings": False, "scale_decoder_outputs": True},
        {"window_segments": 0, "reservoir_length": 0},
        {"window_segments": 0},
        {"window_segments": 9},
    ],
    ids=lambda switches: ",".join(switches) or "plain",
)
@pytest.mark.parametrize("rule", ["linear", "delta", "delta_net", "none"])
def test_logits_and_gradients_equal_the_reference(rule: str, switches: dict[str, object]) -> None:
    model = tiny_model(memory_rule=rule, cross_memory_rule=rule, **switches)
    config, network = model.config, reference_of(model)
    logits = logits_of(model, model.visible(read(model, LENGTHS)), TARGET)
    weight = random(*logits.shape)
    expected = []
    for b in range(2):
        book = expected_view(model, LENGTHS, b, config.window_segments, config.reservoir_length)
        expected.append(reference.decode(network, TARGET[b].tolist(), book))
    close(logits, torch.stack(expected), 1e-9)
    if rule == "delta_net":
        named = [(n, p) for n, p in model.named_parameters() if not n.startswith("salience")]
        parameters = [p for _, p in named]
        ours = torch.autograd.grad((logits * weight).sum(), parameters, allow_unused=True)
        loss = (torch.stack(expected) * weight).sum()
        theirs = torch.autograd.grad(loss, parameters, allow_unused=True)
        for (name, parameter), gradient, wanted in zip(named, ours, theirs, strict=True):
            if wanted is not None:
                assert gradient is not None, name
                close(gradient, wanted, 1e-8)
            else:
                assert gradient is None or float(gradient.abs().max()) == 0.0, name
                assert parameter.requires_grad


def test_nothing_in_the_decoder_looks_ahead() -> None:
    model = tiny_model()
    with torch.no_grad():
        book = model.visible(read(model, LENGTHS))
        logits = logits_of(model, book, TARGET)
        changed = TARGET.clone()
        changed[0, 3] = 11
        difference = (logits_of(model, book, changed) - logits).abs().amax(-1)
    assert float(difference[0, :3].max()) == 0.0
    assert float(difference[0, 3:].min()) > 1e-9
    assert float(difference[1].max()) == 0.0


@pytest.mark.parametrize("position", ["rope", "t5_bias"])
def test_padding_of_the_target_changes_nothing(position: str) -> None:
    """Prompts of different length are padded on the left, targets on the right."""
    model = tiny_model(position=position)
    with torch.no_grad():
        book = model.visible(read(model, LENGTHS))
        logits = logits_of(model, book, TARGET)
        padding, ones = torch.zeros(2, 3, dtype=torch.long), torch.ones_like(TARGET)
        for left in (True, False):
            parts = (padding, TARGET) if left else (TARGET, padding)
            masks = (padding, ones) if left else (ones, padding)
            padded = model(
                encoder_outputs=book,
                decoder_input_ids=torch.cat(parts, 1),
                decoder_attention_mask=torch.cat(masks, 1),
            ).logits
            close(padded[:, 3:] if left else padded[:, :-3], logits, 1e-12)


@pytest.mark.parametrize("position", ["rope", "t5_bias"])
@pytest.mark.parametrize("steps", [(1, 1, 1, 1, 1), (3, 1, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("sizes", [(2, 5), (0, 0)], ids=["exact", "memory alone"])
def test_cached_decoding_equals_teacher_forcing(
    position: str, steps: tuple[int, ...], sizes: tuple[int, int]
) -> None:
    model = tiny_model(position=position, window_segments=sizes[0], reservoir_length=sizes[1])
    with torch.no_grad():
        book = model.visible(read(model, LENGTHS))
        expected = logits_of(model, book, TARGET)
        cache, parts, at = None, [], 0
        for size in steps:
            output = model(
                encoder_outputs=book,
                decoder_input_ids=TARGET[:, at : at + size],
                cache=cache,
                use_cache=True,
            )
            cache = output[CACHE]
            parts.append(output.logits)
            at += size
    close(torch.cat(parts, 1), expected, 1e-12)


def test_an_early_segment_is_felt_through_the_memory_alone() -> None:
    lengths = [[6] * 6]
    for rule, felt in (("delta_net", True), ("none", False)):
        model = tiny_model(memory_rule="none", cross_memory_rule=rule, reservoir_length=0)
        logits = []
        for seed in (0, 1):
            ids, mask = text_of(lengths)
            if seed:
                ids[:, 0] = text_of(lengths, seed=5)[0][:, 0]
            with torch.no_grad():
                output = model(input_ids=ids, attention_mask=mask, decoder_input_ids=TARGET[:1])
            logits.append(output.logits)
        difference = float((logits[1] - logits[0]).abs().max())
        assert difference > 1e-6 if felt else difference == 0.0


def test_a_text_inside_the_window_does_not_touch_the_memory() -> None:
    """No token counts twice: until a segment leaves the window the gate is bypassed."""
    model = tiny_model()
    without = tiny_model(cross_memory_rule="none")
    without.load_state_dict(model.state_dict(), strict=False)
    lengths = [[6, 5]]
    with torch.no_grad():
        book = model.visible(read(model, lengths))
        assert book.count is not None and int(book.count.max()) == 0
        expected = logits_of(without, without.visible(read(without, lengths)), TARGET[:1])
        close(logits_of(model, book, TARGET[:1]), expected, 1e-13)


def test_a_closed_write_gate_leaves_the_softmax_ungated_and_can_open_again() -> None:
    model = tiny_model(memory_rule="none")
    without = tiny_model(memory_rule="none", cross_memory_rule="none")
    without.load_state_dict(model.state_dict(), strict=False)
    gates = [layer.cross_attention.write_strength for layer in model.decoder.layers]
    with torch.no_grad():
        for gate in gates:
            gate.weight.zero_()
            gate.bias[0] = -9.0  # this head writes nothing
            gate.bias[1] = 0.5
    logits = logits_of(model, model.visible(read(model, LENGTHS)), TARGET)
    book = model.visible(read(model, LENGTHS))
    assert book.count is not None
    assert int(book.count[:, :, 0].max()) == 0 and int(book.count[0, :, 1].min()) > 0
    (gradient,) = torch.autograd.grad(logits.square().sum(), gates[0].bias)
    assert float(gradient.abs().min()) > 0
    with torch.no_grad():
        for gate in gates:
            gate.bias[:] = -9.0
        closed = logits_of(model, model.visible(read(model, LENGTHS)), TARGET)
        expected = logits_of(without, without.visible(read(without, LENGTHS)), TARGET)
    close(closed, expected, 1e-13)


def test_text_in_one_piece_is_cut_into_segments() -> None:
    """`[B, T]`, `[B, S, N]` and shorter last segments are the same text."""
    model = tiny_model()
    flat = torch.randint(3, VOCABULARY, (1, 15), generator=torch.Generator().manual_seed(3))
    ids = torch.zeros(1, 3, 6, dtype=torch.long)
    mask = torch.zeros(1, 3, 6, dtype=torch.bool)
    for s, part in enumerate(flat[0].split(6)):
        ids[0, s, : len(part)], mask[0, s, : len(part)] = part, True
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask, decoder_input_ids=TARGET[:1]).logits
        close(model(input_ids=flat, decoder_input_ids=TARGET[:1]).logits, expected, 1e-13)


def test_loss_is_the_mean_over_labels_and_the_shift_is_right() -> None:
    model = tiny_model()
    labels = torch.tensor([[7, 8, 1, -100], [9, 1, -100, -100]])
    with torch.no_grad():
        book = model.visible(read(model, LENGTHS))
        output = model(encoder_outputs=book, labels=labels)
        inputs = torch.tensor([[2, 7, 8, 1], [2, 9, 1, 0]])
        log_p = logits_of(model, book, inputs).log_softmax(-1)
    wanted = [log_p[b, t, labels[b, t]] for b, t in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))]
    assert float(output.loss) == pytest.approx(-float(torch.stack(wanted).mean()), rel=1e-5)


def test_bf16_logits_stay_close() -> None:
    exact, low = tiny_model(), tiny_model(dtype=torch.bfloat16)
    with torch.no_grad():
        for parameter, rounded in zip(exact.parameters(), low.parameters(), strict=True):
            parameter.copy_(rounded)
        expected = logits_of(exact, exact.visible(read(exact, LENGTHS)), TARGET)
        state = read(low, LENGTHS)
        logits = logits_of(low, low.visible(state), TARGET)
    assert logits.dtype == torch.bfloat16
    assert {memory.M.dtype for memory in state.context.memories} == {torch.float32}
    assert float((logits.double() - expected).norm() / expected.norm()) < 0.05
