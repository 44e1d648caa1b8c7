"""Writing: batches equal single texts, seeds repeat, and drafts are judged by how they read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infinisum.config import DecodingOptions
from infinisum.engine import Engine
from infinisum.loading import LoadedModel, load_model
from infinisum.model.modeling import InfiniEncoderOutput
from infinisum.segments import book_segments
from infinisum.summary.generate import _draft, stack, write_summaries
from tests.tiny_model import small_book


@pytest.fixture(scope="module")
def loaded(writing_model: Path) -> LoadedModel:
    return load_model(writing_model, "cpu", "float32")


@pytest.fixture(scope="module")
def contexts(loaded: LoadedModel) -> list[InfiniEncoderOutput]:
    book = small_book(chapters=3, paragraphs=10)
    segments = book_segments(book, loaded.tokenizer, loaded.model.config.segment_length)
    return [reading.context for reading in Engine(loaded.model).read(segments)]


def write(
    loaded: LoadedModel, contexts: list[InfiniEncoderOutput], decoding: DecodingOptions
) -> list[str]:
    drafts = write_summaries(loaded.model, loaded.tokenizer, contexts, "chapter", 20, decoding)
    return [draft.text for draft in drafts]


@pytest.mark.parametrize("decoding", [DecodingOptions(), DecodingOptions(num_beams=3)])
def test_a_batch_writes_what_each_would_alone(
    loaded: LoadedModel, contexts: list[InfiniEncoderOutput], decoding: DecodingOptions
) -> None:
    together = write(loaded, contexts, decoding)
    alone = [write(loaded, [context], decoding)[0] for context in contexts]
    assert together == alone


def test_sampling_repeats_with_its_seed(
    loaded: LoadedModel, contexts: list[InfiniEncoderOutput]
) -> None:
    first = write(loaded, contexts, DecodingOptions(temperature=1.0, seed=4))
    assert write(loaded, contexts, DecodingOptions(temperature=1.0, seed=4)) == first
    assert write(loaded, contexts, DecodingOptions(temperature=1.0, seed=5)) != first


def test_contexts_are_not_changed(loaded: LoadedModel, contexts: list[InfiniEncoderOutput]) -> None:
    before = [{name: context[name].clone() for name in context} for context in contexts]
    write(loaded, contexts, DecodingOptions(num_beams=2))
    for saved, context in zip(before, contexts, strict=True):
        assert saved.keys() == context.keys()
        assert all(torch.equal(saved[name], context[name]) for name in saved)


def test_a_stack_pads_exact_states_only(contexts: list[InfiniEncoderOutput]) -> None:
    batch = stack(contexts)
    assert batch["last_hidden_state"].shape[0] == len(contexts)
    for row, context in enumerate(contexts):
        X = context["last_hidden_state"].shape[1]
        assert torch.equal(batch["last_hidden_state"][row, :X], context["last_hidden_state"][0])
        assert not batch["exact_mask"][row, X:].any()
        assert torch.equal(batch["M"][row], context["M"][0])


def test_nothing_to_write(loaded: LoadedModel) -> None:
    assert write_summaries(loaded.model, loaded.tokenizer, [], "book", 50, DecodingOptions()) == []


GOOD = (
    "Anna finds the key behind the clock and tells nobody. When the captain returns, she has to "
    "choose between the promise she made and the house she loves. She gives the key away."
)


def test_a_good_draft_keeps_its_whole_sentences() -> None:
    draft = _draft(GOOD + " Then the")
    assert (draft.text, draft.reads_well) == (GOOD, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "He went home.",  # too short to be a summary
        "and then the the of which she was to be in the house and the of it and so on to the",
        "He goes to the house and she goes to the house. " * 12,  # a loop
    ],
)
def test_a_bad_draft_does_not_read_well(text: str) -> None:
    assert not _draft(text).reads_well
