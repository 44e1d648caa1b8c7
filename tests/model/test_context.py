"""Window, reservoir and cross memory against the reference: what the decoder sees of a text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils import _pytree as pytree

from infinisum.model.context import initial_context, push, segment_slots
from infinisum.model.modeling import (
    InfiniEncoderOutput,
    InfinisumForConditionalGeneration,
    StreamState,
)
from tests.model.helpers import F64, close, random
from tests.model.networks import N, reference_of, sentences_of, text_of, tiny_config, tiny_model
from tests.reference import network as reference
from tests.reference.stream import Segment, Sentence

LENGTHS = [[6, 2, 0, 6, 5, 4, 6], [3, 6, 6, 0, 1, 0, 0]]


def read(
    model: InfinisumForConditionalGeneration,
    lengths: list[list[int]],
    sizes: tuple[int, ...] | None = None,
    seed: int = 0,
    **state: int,
) -> StreamState:
    """The state after the whole text, read in blocks of `sizes` segments."""
    ids, mask = text_of(lengths, seed)
    sentences, scores = sentences_of(lengths, seed)
    now, at = model.initial_state(len(ids), **state), 0
    for size in sizes or (ids.shape[1],):
        cut = slice(at, at + size)
        _, now = model.read_block(
            ids[:, cut],
            mask[:, cut],
            now,
            sentence_ids=sentences[:, cut],
            reservoir_scores=scores[:, cut],
        )
        at += size
    return now


def segments_of(lengths: list[int], sentences: Tensor, scores: Tensor) -> list[Segment]:
    """One example's segments as the reference takes them."""
    out, index = [], 0
    for s, length in enumerate(lengths):
        spans = []
        for k in sorted(set(sentences[s].tolist()) - {-1}):
            where = (sentences[s] == k).nonzero().flatten().tolist()
            spans.append(Sentence(index, where[0], where[-1] + 1, float(scores[s, k])))
        out.append(Segment(length, spans))
        index += int(length > 0)
    return out


def expected_view(
    model: InfinisumForConditionalGeneration,
    lengths: list[list[int]],
    b: int,
    window: int = 2,
    reservoir: int = 5,
    before: int = 0,
    seed: int = 0,
) -> reference.Visible:
    network = reference_of(model)
    ids, _ = text_of(lengths, seed)
    sentences, scores = sentences_of(lengths, seed)
    embedded = [network.embedding[row[:n]] for row, n in zip(ids[b], lengths[b], strict=True)]
    states, _ = reference.encode(network, embedded)
    segments = segments_of(lengths[b], sentences[b], scores[b])
    return reference.look(network, states, segments, window, reservoir, before)


def check(book: InfiniEncoderOutput, b: int, expected: reference.Visible) -> None:
    assert book.last_hidden_state is not None and book.exact_mask is not None
    assert book.distance is not None and book.M is not None
    assert book.z is not None and book.count is not None
    there = book.exact_mask[b]
    close(book.last_hidden_state[b][there], expected.states)
    assert book.distance[b][there].tolist() == expected.distance
    for layer, heads in enumerate(expected.memories):
        close(book.M[b, layer], torch.stack([head.M for head in heads]))
        close(book.z[b, layer], torch.stack([head.z for head in heads]))
        assert book.count[b, layer].tolist() == [head.count for head in heads]


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_paper", "delta_net", "none"])
def test_what_the_decoder_sees_equals_the_reference(rule: str) -> None:
    model = tiny_model(cross_memory_rule=rule)
    book = model.visible(read(model, LENGTHS))
    for b in range(2):
        check(book, b, expected_view(model, LENGTHS, b))


@pytest.mark.parametrize(("window", "reservoir"), [(0, 0), (0, 5), (1, 3), (3, 0), (2, 64), (9, 9)])
def test_every_size_of_window_and_reservoir(window: int, reservoir: int) -> None:
    model = tiny_model()
    with torch.no_grad():
        state = read(model, LENGTHS, window_segments=window, reservoir_length=reservoir)
        book = model.visible(state)
        for b in range(2):
            check(book, b, expected_view(model, LENGTHS, b, window, reservoir))


@pytest.mark.parametrize("before", [0, 3, 4, 5, 6])
def test_a_chapter_has_the_window_to_itself(before: int) -> None:
    """Flushed on a copy: the stream's own state does not change."""
    model = tiny_model()
    with torch.no_grad():
        state = read(model, LENGTHS)
        kept = pytree.tree_map(torch.clone, state)
        book = model.visible(state, before=torch.tensor([before, 2]))
        check(book, 0, expected_view(model, LENGTHS, 0, before=before))
        check(book, 1, expected_view(model, LENGTHS, 1, before=2))
    for after, leaf in zip(pytree.tree_leaves(state), pytree.tree_leaves(kept), strict=True):
        assert torch.equal(after, leaf)


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_paper", "delta_net", "none"])
@pytest.mark.parametrize("sizes", [(1,) * 7, (3, 4), (2, 2, 2, 1), (6, 1)], ids=str)
def test_block_size_changes_nothing(rule: str, sizes: tuple[int, ...]) -> None:
    model = tiny_model(memory_rule=rule, cross_memory_rule=rule)
    with torch.no_grad():
        whole, blocks = read(model, LENGTHS), read(model, LENGTHS, sizes)
    same_state(blocks, whole, 1e-11)


def same_state(state: StreamState, expected: StreamState, tolerance: float) -> None:
    """Equal in everything that is visible or carried on."""
    pairs = zip(
        state.encoder.memories + state.context.memories,
        expected.encoder.memories + expected.context.memories,
        strict=True,
    )
    for memory, wanted in pairs:
        close(memory.M, wanted.M, tolerance)
        close(memory.z, wanted.z, tolerance)
        assert torch.equal(memory.count, wanted.count)
    assert torch.equal(state.encoder.segments, expected.encoder.segments)
    ours, theirs = state.context.reservoir, expected.context.reservoir
    assert torch.equal(ours.mask, theirs.mask)
    assert torch.equal(ours.threshold, theirs.threshold)
    assert torch.equal(ours.place[ours.mask], theirs.place[theirs.mask])
    close(ours.states[ours.mask], theirs.states[theirs.mask], tolerance)
    window, wanted_window = state.context.window, expected.context.window
    assert torch.equal(window.mask, wanted_window.mask)
    close(window.states[window.mask], wanted_window.states[wanted_window.mask], tolerance)


@pytest.mark.parametrize("rule", ["linear", "delta_net", "xl", "knn"])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(rule: str, tmp_path: object) -> None:
    model = tiny_model(memory_rule=rule, dtype=torch.bfloat16)
    ids, mask = text_of(LENGTHS)
    sentences, scores = sentences_of(LENGTHS)

    def go_on(state: StreamState, cut: slice) -> StreamState:
        return model.read_block(
            ids[:, cut],
            mask[:, cut],
            state,
            sentence_ids=sentences[:, cut],
            reservoir_scores=scores[:, cut],
        )[1]

    with torch.no_grad():
        half = go_on(model.initial_state(2), slice(0, 4))
        leaves, shape = pytree.tree_flatten(half)
        path = f"{tmp_path}/state.safetensors"
        save_file({str(i): leaf.contiguous() for i, leaf in enumerate(leaves)}, path)
        loaded = load_file(path)
        resumed = pytree.tree_unflatten([loaded[str(i)] for i in range(len(leaves))], shape)
        one, other = go_on(half, slice(4, 7)), go_on(resumed, slice(4, 7))
    for a, b in zip(pytree.tree_leaves(one), pytree.tree_leaves(other), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def test_reading_does_not_change_the_state_it_was_given() -> None:
    model = tiny_model()
    with torch.no_grad():
        state = read(model, LENGTHS)
        kept = pytree.tree_map(torch.clone, state)
        ids, mask = text_of(LENGTHS, seed=1)
        model.read_block(ids, mask, state)
    for after, leaf in zip(pytree.tree_leaves(state), pytree.tree_leaves(kept), strict=True):
        assert torch.equal(after, leaf)


def test_batch_and_padding_change_nothing() -> None:
    model = tiny_model()
    ids, mask = text_of(LENGTHS, filler=9)
    sentences, scores = sentences_of(LENGTHS)
    with torch.no_grad():
        together = model.visible(read(model, LENGTHS))
        for b in range(2):
            state = model.initial_state(1)
            _, state = model.read_block(
                ids[b : b + 1],
                mask[b : b + 1],
                state,
                sentence_ids=sentences[b : b + 1],
                reservoir_scores=scores[b : b + 1],
            )
            alone = model.visible(state)
            close(
                alone.last_hidden_state[0][alone.exact_mask[0]],
                together.last_hidden_state[b][together.exact_mask[b]],
                1e-12,
            )
            close(alone.M[0], together.M[b], 1e-12)


def test_salience_does_not_depend_on_padding_or_on_other_rows() -> None:
    model = tiny_model()
    ids, mask = text_of(LENGTHS)
    sentences, _ = sentences_of(LENGTHS)
    features = random(*ids.shape[:2], 4, model.config.sentence_features)
    sentences = sentences.clamp(max=3)
    with torch.no_grad():
        outputs = []
        for filler in (0, 9):
            padded, _ = text_of(LENGTHS, filler=filler)
            marked = torch.where(mask, sentences, -1 if filler else 0)  # padding in sentence 0
            block, _ = model.read_block(
                padded, mask, model.initial_state(2), sentence_ids=marked, features=features
            )
            outputs.append(block)
        alone, _ = model.read_block(
            ids[:1], mask[:1], model.initial_state(1), sentences[:1], features[:1]
        )
    close(outputs[1].salience, outputs[0].salience, 1e-12)
    close(outputs[1].vectors, outputs[0].vectors, 1e-12)
    close(alone.salience[0], outputs[0].salience[0], 1e-12)


def test_the_salience_head_sees_words_states_and_looks() -> None:
    model = tiny_model()
    head = model.salience
    with torch.no_grad():
        head.feature_mean.copy_(torch.tensor([1.0, -0.5, 0.0]))
        head.feature_scale.copy_(torch.tensor([2.0, 0.5, 0.01]))  # the last is clipped at 4
    lengths = [[6, 4]]
    ids, mask = text_of(lengths)
    sentences = torch.tensor([[[0, 0, 1, 1, 1, -1], [0, 1, 1, 1, -1, -1]]])
    features = random(1, 2, 3, model.config.sentence_features)
    block, _ = model.read_block(ids, mask, model.initial_state(1), sentences, features)
    assert block.salience is not None and block.vectors is not None
    spans = {(0, 0): (0, 2), (0, 1): (2, 5), (1, 0): (0, 1), (1, 1): (1, 4)}
    for (s, k), (start, end) in spans.items():
        words = head.vector.weight @ head.words.weight[ids[0, s, start:end]].mean(0)
        vector = words / words.norm()
        looks = (features[0, s, k] - head.feature_mean) / head.feature_scale
        state = block.hidden[0, s, start:end].mean(0)
        seen = torch.cat([state, vector, looks.clamp(-4, 4)])
        inner = head.hidden.weight @ seen + head.hidden.bias
        score = head.score.weight[0] @ (inner * torch.sigmoid(inner)) + head.score.bias[0]
        close(block.vectors[0, s, k], vector)
        close(block.salience[0, s, k], score)


def test_what_was_turned_away_keeps_its_rank() -> None:
    """Room that is left goes to no sentence that ranks behind one that did not fit."""
    context = initial_context(tiny_config(decoder_layers=1), 1, torch.zeros(1, dtype=F64), 0, 5)
    kept = []
    # length and score: fits; does not fit; ties with the one turned away; is worse; is better
    for index, (length, score) in enumerate([(3, 3.0), (4, 2.0), (2, 2.0), (1, 1.0), (2, 2.5)]):
        mask = (torch.arange(N) < length)[None, None]
        ids = torch.where(mask, 0, -1)
        block = segment_slots(
            torch.zeros(1, 1, N, 10, dtype=F64),
            mask,
            torch.tensor([[index]]),
            ids,
            torch.full((1, 1, 1), score),
        )
        context = push([Nothing()], context, block)
        reservoir = context.reservoir
        kept.append(sorted({int(p) // N for p in reservoir.place[reservoir.mask]}))
    assert kept == [[0], [0], [0], [0], [0, 4]]


@settings(max_examples=60)
@given(data=st.data())
def test_any_reservoir(data: st.DataObject) -> None:
    """Whole sentences, the best that fit, book order, whatever the blocks were."""
    W, R = data.draw(st.integers(0, 2), "W"), data.draw(st.integers(1, 14), "R")
    lengths = data.draw(st.lists(st.integers(0, N), min_size=1, max_size=8), "lengths")
    config = tiny_config(decoder_layers=1)
    S = len(lengths)
    states = torch.zeros(1, S, N, config.d_model, dtype=torch.float64)
    ids = torch.full((1, S, N), -1)
    scores = torch.zeros(1, S, N)
    index = torch.zeros(1, S, dtype=torch.long)
    segments, number = [], 0
    for s, length in enumerate(lengths):
        spans, at, k = [], 0, 0
        index[0, s] = number
        while at < length:
            end = min(length, at + data.draw(st.integers(1, 4), "sentence"))
            scores[0, s, k] = data.draw(st.integers(-2, 2), "score")
            if data.draw(st.booleans(), "counts"):  # else these tokens are in no sentence
                ids[0, s, at:end] = k
                spans.append(Sentence(number, at, end, float(scores[0, s, k])))
            at, k = end, k + 1
        states[0, s, :, 0] = torch.arange(N) + 100 * number  # each token says where it stood
        segments.append(Segment(length, spans))
        number += int(length > 0)
    mask = torch.arange(N)[None, None] < torch.tensor([lengths])[..., None]

    context = initial_context(config, 1, states, W, R)
    at = 0
    while at < S:
        size = data.draw(st.integers(1, S - at), "block")
        cut = slice(at, at + size)
        block = segment_slots(
            states[:, cut], mask[:, cut], index[:, cut], ids[:, cut], scores[:, cut]
        )
        context = push([Nothing()], context, block)
        at += size
    expected = reference.view(segments, W, R)
    kept = context.reservoir
    places = [100 * s.segment + t for s in expected.reservoir for t in range(s.start, s.end)]
    assert kept.states[0, kept.mask[0], 0].tolist() == places
    window = context.window
    assert window.index[0][window.mask[0].any(-1)].tolist() == expected.window


class Nothing:
    """A decoder layer without memory."""

    def write(self, state: object, states: Tensor, mask: Tensor, index: Tensor) -> object:
        return state
