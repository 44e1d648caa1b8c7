"""A book read and summarised by a decoder alone: the path is the same, but nothing is quoted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import infinisum
from infinisum.bench.estimate import estimate
from infinisum.config import SummarizeOptions
from infinisum.document import to_html, to_json
from infinisum.engine import state_bytes
from infinisum.errors import UsageError
from infinisum.loading import LoadedModel
from infinisum.model.cost import flops_per_segment, parameters
from infinisum.model.cost import state_bytes as expected_bytes
from infinisum.pipeline import read, summarize, why_read_again
from infinisum.readings.file import load_reading, save_reading
from tests.tiny_model import make_tiny_decoder, small_book

SHORT = 40  # words; what random weights write is as long as it may be


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_decoder(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="module")
def decoder(folder: Path) -> LoadedModel:
    return infinisum.load_model(folder, "cpu", "float32")


def test_every_chapter_and_the_book_are_written_about(decoder: LoadedModel) -> None:
    book = small_book(5)
    summary = summarize(book, decoder, SummarizeOptions(words=SHORT))
    assert summary.making.method == "abstractive"
    assert summary.making.drafts_written == 6
    assert summary.text and all(chapter.text for chapter in summary.chapters)
    assert len({summary.text, *(chapter.text for chapter in summary.chapters)}) == 6
    assert not summary.passages
    assert summary.source_tokens > 5 * 64
    assert [len(layer) for layer in summary.map.decoder_gates] == [4, 4]
    assert "<svg" in to_html(summary)


def test_what_was_read_long_ago_changes_what_is_written(decoder: LoadedModel) -> None:
    """Only through memory: the open segment is the same."""
    book, options = small_book(5), SummarizeOptions(level="book", words=SHORT)
    other = replace(book, chapters=(small_book(9).chapters[8], *book.chapters[1:]))
    assert summarize(book, decoder, options).text != summarize(other, decoder, options).text


def test_the_state_does_not_grow_with_the_book(decoder: LoadedModel) -> None:
    sizes = {read(small_book(n), decoder).state_bytes for n in (1, 4, 12)}
    assert sizes == {expected_bytes(decoder.model.config)}
    assert sizes == {state_bytes(decoder.model.initial_state(1))}


def test_a_reading_answers_like_its_book(decoder: LoadedModel, tmp_path: Path) -> None:
    book, options = small_book(4), SummarizeOptions(words=SHORT)
    path = tmp_path / "book.infinisum"
    save_reading(read(book, decoder, options), path)
    reading = load_reading(path, decoder)
    assert not why_read_again(reading, decoder, options)
    assert to_json(summarize(reading, decoder, options)) == to_json(
        summarize(book, decoder, options)
    )


def test_reading_on_equals_reading_at_once(decoder: LoadedModel) -> None:
    book, options = small_book(6), SummarizeOptions(words=SHORT)
    first = replace(book, chapters=book.chapters[:2])
    more = replace(book, chapters=book.chapters[2:])
    onto = read(first, decoder, options)
    whole = read(book, decoder, options)
    assert read(more, decoder, options, onto=onto).drafts == whole.drafts


def test_quotations_alone_are_refused(decoder: LoadedModel) -> None:
    with pytest.raises(UsageError, match="marks no key sentences"):
        summarize(small_book(1), decoder, SummarizeOptions(method="extractive"))


def test_what_needs_an_encoder_is_refused(decoder: LoadedModel) -> None:
    with pytest.raises(UsageError, match="a decoder alone"):
        _ = decoder.encoder_decoder


def test_costs_are_those_of_the_network(decoder: LoadedModel, folder: Path) -> None:
    assert parameters(decoder.model.config) == sum(
        tensor.numel()
        for tensor in decoder.model.parameters()  # type: ignore[attr-defined]
    )
    assert flops_per_segment(decoder.model.config) > 2 * 64 * 2 * (4 * 64 * 64)
    expected = estimate(small_book(3), folder, "cpu", "float32", SummarizeOptions())
    assert expected.state_bytes == expected_bytes(decoder.model.config)
    assert expected.segments > 3


def test_transformers_loads_the_folder(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    import infinisum.model.causal.modeling  # noqa: F401 (registers the class)

    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    assert type(model).__name__ == "InfinisumForCausalLM"
    assert json.loads((folder / "config.json").read_text())["model_type"] == "infinisum_causal"
