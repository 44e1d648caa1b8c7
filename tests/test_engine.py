"""The engine: the same book gives the same states, however it is cut, and memory stays constant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infinisum.engine import ChapterReading, Engine
from infinisum.loading import LoadedModel, load_model
from infinisum.segments import ChapterSegments, book_segments
from tests.tiny_model import small_book


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    model = load_model(tiny_model, "cpu", "float32")
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # place embeddings start at 0, where mistakes of theirs would not show
        for name, parameter in model.model.named_parameters():
            if "place" in name or "distance" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def chapters(loaded: LoadedModel) -> list[ChapterSegments]:
    book = small_book(chapters=4, paragraphs=14)
    return list(book_segments(book, loaded.tokenizer, loaded.model.config.segment_length))


def read(
    loaded: LoadedModel, chapters: list[ChapterSegments], block: int = 4
) -> tuple[list[ChapterReading], Engine]:
    engine = Engine(loaded.model, block_segments=block)
    return list(engine.read(chapters)), engine


def assert_same_context(a: ChapterReading, b: ChapterReading) -> None:
    for name in ("last_hidden_state", "exact_mask", "distance", "M", "z", "count"):
        torch.testing.assert_close(a.context[name], b.context[name], rtol=1e-4, atol=1e-5)


def test_every_sentence_gets_a_score(loaded: LoadedModel, chapters: list[ChapterSegments]) -> None:
    readings, _ = read(loaded, chapters)
    assert [reading.index for reading in readings] == [0, 1, 2, 3]
    for reading, chapter in zip(readings, chapters, strict=True):
        assert len(reading.scores) == len(chapter.sentences) == len(reading.sentences)
        assert len(set(reading.scores)) > 1
        assert reading.tokens == chapter.tokens


@pytest.mark.parametrize("block", [1, 2, 7])
def test_block_size_changes_nothing(
    loaded: LoadedModel, chapters: list[ChapterSegments], block: int
) -> None:
    assert max(len(chapter.segments) for chapter in chapters) > 2
    expected, _ = read(loaded, chapters)
    got, _ = read(loaded, chapters, block)
    for a, b in zip(expected, got, strict=True):
        assert a.scores == pytest.approx(b.scores, abs=1e-5)
        assert_same_context(a, b)


def test_a_chapter_has_the_window_to_itself(
    loaded: LoadedModel, chapters: list[ChapterSegments]
) -> None:
    readings, _ = read(loaded, chapters)
    config = loaded.model.config
    last = readings[-1]
    exact = int(last.context["exact_mask"].sum())
    own = min(last.tokens, config.window_segments * config.segment_length)
    assert own <= exact <= own + config.reservoir_length
    assert int(last.context["count"].min()) > 0  # earlier chapters are in cross memory


def test_state_does_not_grow_and_reading_goes_on(
    loaded: LoadedModel, chapters: list[ChapterSegments]
) -> None:
    together, _ = read(loaded, chapters)
    engine = Engine(loaded.model)
    sizes = {engine.state_bytes()}
    first = list(engine.read(chapters[:2]))
    engine.book_context()  # looking at the state changes nothing
    sizes.add(engine.state_bytes())
    second = list(engine.read(chapters[2:]))
    sizes.add(engine.state_bytes())
    assert len(sizes) == 1
    for a, b in zip(together, first + second, strict=True):
        assert_same_context(a, b)


def test_what_comes_later_does_not_reach_back(
    loaded: LoadedModel, chapters: list[ChapterSegments]
) -> None:
    whole, _ = read(loaded, chapters)
    part, _ = read(loaded, chapters[:2])
    for a, b in zip(whole, part, strict=False):
        assert a.scores == b.scores
        assert_same_context(a, b)


def test_an_early_change_reaches_the_last_chapter(
    loaded: LoadedModel, chapters: list[ChapterSegments]
) -> None:
    changed = small_book(chapters=4, paragraphs=14)
    segments = list(book_segments(changed, loaded.tokenizer, loaded.model.config.segment_length))
    segments[0].segments[0].token_ids[3] += 1
    a, _ = read(loaded, chapters)
    b, _ = read(loaded, segments)
    assert (a[-1].context["M"] - b[-1].context["M"]).abs().max() > 0


def test_blocks_are_reported(loaded: LoadedModel, chapters: list[ChapterSegments]) -> None:
    seen: list[int] = []
    engine = Engine(loaded.model, on_block=seen.append)
    list(engine.read(chapters))
    assert sum(seen) == sum(chapter.tokens for chapter in chapters)
