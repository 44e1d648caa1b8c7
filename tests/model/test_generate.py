"""`generate()`: greedy, sampling and beams read the state and leave it as it was."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from infinisum.model.modeling import InfiniEncoderOutput, InfinisumForConditionalGeneration
from tests.model.helpers import F64
from tests.model.networks import text_of, tiny_model
from tests.model.test_context import LENGTHS, read

WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "sampling": {"do_sample": True, "temperature": 0.5, "top_p": 0.95},
    "beams": {"do_sample": False, "num_beams": 3},
    "beam sampling": {"do_sample": True, "num_beams": 2},
}
SIZES = {"exact": (2, 5), "memory alone": (0, 0)}


def book_of(
    model: InfinisumForConditionalGeneration, lengths: list[list[int]]
) -> InfiniEncoderOutput:
    with torch.no_grad():
        return model.visible(read(model, lengths))


def greedy_by_hand(
    model: InfinisumForConditionalGeneration, book: InfiniEncoderOutput, steps: int
) -> list[int]:
    tokens = [2]
    for _ in range(steps):
        with torch.no_grad():
            output = model(encoder_outputs=book, decoder_input_ids=torch.tensor([tokens]))
        tokens.append(int(output.logits[0, -1].argmax()))
        if tokens[-1] == 1:
            break
    return tokens


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_decoding_does_not_touch_the_state(way: dict[str, Any], sizes: tuple[int, int]) -> None:
    """Bytes of the stream's state, and of what was handed to generate, before and after."""
    model = tiny_model(dtype=torch.float32, window_segments=sizes[0], reservoir_length=sizes[1])
    with torch.no_grad():
        state = read(model, LENGTHS)
        book = model.visible(state)
    before = pytree.tree_map(torch.clone, state)
    handed = {name: field.clone() for name, field in book.items()}
    results = []
    for _ in range(2):
        torch.manual_seed(0)
        results.append(model.generate(encoder_outputs=book, max_new_tokens=5, **way).tolist())
    assert results[0] == results[1]
    assert len(results[0]) == 2
    for after, leaf in zip(pytree.tree_leaves(state), pytree.tree_leaves(before), strict=True):
        assert after.numpy().tobytes() == leaf.numpy().tobytes()
    assert set(book) == set(handed)
    for name, field in handed.items():
        assert torch.equal(book[name], field), name


@pytest.mark.parametrize("position", ["rope", "t5_bias"])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_greedy_takes_the_best_token_of_full_recomputation(
    position: str, sizes: tuple[int, int]
) -> None:
    model = tiny_model(position=position, window_segments=sizes[0], reservoir_length=sizes[1])
    for b in range(2):
        book = book_of(model, LENGTHS[b : b + 1])
        tokens = model.generate(encoder_outputs=book, max_new_tokens=8, do_sample=False)
        assert tokens[0].tolist() == greedy_by_hand(model, book, 8)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_a_batch_writes_what_each_text_writes_alone(beams: int, sizes: tuple[int, int]) -> None:
    """Texts of different length, one of them with nothing in memory yet."""
    lengths = [[6, 2, 0, 6, 5], [3, 0, 0, 0, 0], [6, 6, 6, 6, 1]]
    model = tiny_model(window_segments=sizes[0], reservoir_length=sizes[1])
    ids, mask = text_of(lengths)
    how = {"max_new_tokens": 7, "num_beams": beams, "do_sample": False}
    together = model.generate(ids, attention_mask=mask, **how)
    for b in range(len(lengths)):
        alone = model.generate(ids[b : b + 1], attention_mask=mask[b : b + 1], **how)[0].tolist()
        padding = together.shape[1] - len(alone)
        assert together[b].tolist() == alone + [0] * padding


def test_a_prompt_is_continued() -> None:
    """The task and length tokens are a prompt of the decoder."""
    model = tiny_model()
    book = book_of(model, LENGTHS)
    prompt = torch.tensor([[2, 7, 11], [2, 9, 11]])
    tokens = model.generate(
        encoder_outputs=book, decoder_input_ids=prompt, max_new_tokens=4, do_sample=False
    )
    assert tokens[:, :3].tolist() == prompt.tolist()
    with torch.no_grad():
        logits = model(encoder_outputs=book, decoder_input_ids=tokens[:, :-1]).logits
    for b in range(2):
        written = tokens[b, 3:].tolist()
        best = logits[b, 2:].argmax(-1).tolist()
        stop = written.index(1) + 1 if 1 in written else len(written)
        assert written[:stop] == best[:stop]


def test_enough_beams_find_the_best_of_all_texts() -> None:
    """As many beams as there are prefixes: beam search is brute force."""
    vocabulary, steps = 5, 3
    model = tiny_model(seed=4, vocab_size=vocabulary, eos_token_id=None)
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        ids = torch.tensor([[[3, 4, 2, 3, 4, 1]] * 4])
        book = model.encode(ids)
    best, best_score = None, -float("inf")
    for tail in itertools.product(range(vocabulary), repeat=steps):
        tokens = torch.tensor([[2, *tail]])
        with torch.no_grad():
            logits = model(encoder_outputs=book, decoder_input_ids=tokens[:, :-1]).logits
        score = float(score_of(logits, tokens))
        if score > best_score:
            best, best_score = tokens.tolist(), score
    found = model.generate(
        encoder_outputs=book,
        max_new_tokens=steps,
        num_beams=vocabulary ** (steps - 1),
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
    )
    assert found.sequences.tolist() == best
    assert float(found.sequences_scores[0]) * steps == pytest.approx(best_score, rel=1e-5)


def score_of(logits: Tensor, tokens: Tensor) -> Tensor:
    """Sum of the log-probabilities of `tokens` after the first."""
    return logits.to(F64).log_softmax(-1).gather(-1, tokens[:, 1:, None]).sum()


def test_reading_is_not_part_of_every_step() -> None:
    """Keys and values of the exact states are projected once a text and layer."""
    model = tiny_model()
    book = book_of(model, LENGTHS)
    calls = []
    model.decoder.layers[1].cross_attention.k.register_forward_hook(
        lambda *arguments: calls.append(1)
    )
    model.generate(
        encoder_outputs=book, max_new_tokens=6, min_new_tokens=6, num_beams=2, do_sample=False
    )
    assert len(calls) == 1
