from __future__ import annotations

from pathlib import Path

import pytest

from infinisum.config import LENGTHS, DecodingOptions, FinetuneOptions, SummarizeOptions
from infinisum.errors import UsageError


def test_longer_presets_ask_for_more_at_every_level() -> None:
    short, medium, long = LENGTHS["short"], LENGTHS["medium"], LENGTHS["long"]
    assert short.book < medium.book < long.book
    for words in (100, 3_000, 100_000):
        assert short.chapter(words) < medium.chapter(words) < long.chapter(words)


def test_chapters_are_proportional_within_bounds() -> None:
    options = SummarizeOptions()
    assert options.chapter_words(3_000) == 150
    assert options.chapter_words(300_000) == LENGTHS["medium"].chapter_most
    assert options.chapter_words(400) == LENGTHS["medium"].chapter_least


def test_a_short_text_gets_a_shorter_summary() -> None:
    options = SummarizeOptions(length="long")
    assert options.book_words(1_000) == 250
    assert options.book_words(1) == 1
    assert options.chapter_words(4) == 1


def test_words_set_the_book_and_scale_the_chapters() -> None:
    assert SummarizeOptions(words=300).book_words(100_000) == 300
    assert SummarizeOptions(words=300).chapter_words(3_000) == 75
    assert SummarizeOptions(words=300, level="chapters").chapter_words(3_000) == 300


@pytest.mark.parametrize(
    ("option", "value"),
    [("level", "page"), ("length", "tiny"), ("method", "magic"), ("strategy", "x"), ("words", 0)],
)
def test_a_wrong_option_is_named(option: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"--{option} .*{value}"):
        SummarizeOptions(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"num_beams": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"num_beams": 4, "temperature": 0.5},
    ],
)
def test_decoding_that_makes_no_sense(values: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        DecodingOptions(**values)  # type: ignore[arg-type]


def finetune(**values: object) -> FinetuneOptions:
    return FinetuneOptions(data=(Path("a.jsonl"),), output=Path("out"), **values)  # type: ignore[arg-type]


def test_objectives_have_weights() -> None:
    assert finetune(objective="summarize:2, salience").weights() == {"summarize": 2, "salience": 1}


@pytest.mark.parametrize(
    "values",
    [
        {"objective": ""},
        {"objective": "summarize:0"},
        {"objective": "summarize:lots"},
        {"objective": "summarize:nan"},
        {"max_steps": 0},
        {"learning_rate": 0.0},
        {"time_limit_minutes": -1.0},
    ],
)
def test_training_that_makes_no_sense(values: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        finetune(**values)


def test_training_needs_data() -> None:
    with pytest.raises(UsageError, match="--data"):
        FinetuneOptions(data=(), output=Path("out"))
