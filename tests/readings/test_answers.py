"""A reading answers like its book, or says why its text has to be read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import infinisum
from infinisum import pipeline
from infinisum.config import DecodingOptions, SummarizeOptions
from infinisum.document import to_json
from infinisum.errors import InputError
from infinisum.loading import LoadedModel
from infinisum.pipeline import read, summarize, why_read_again
from infinisum.readings.reading import Reading
from tests.tiny_model import small_book

CHAPTERS = 9  # more than one group
SHORT = 40  # words; what random weights write is as long as it may be


@pytest.fixture(scope="module")
def quoting(tiny_model: Path) -> LoadedModel:
    return infinisum.load_model(tiny_model, "cpu", "float32")


@pytest.fixture(scope="module")
def writing(writing_model: Path) -> LoadedModel:
    return infinisum.load_model(writing_model, "cpu", "float32")


@pytest.fixture(scope="module")
def quoted(quoting: LoadedModel) -> Reading:
    return read(small_book(CHAPTERS), quoting)


@pytest.fixture(scope="module")
def written(writing: LoadedModel) -> Reading:
    return read(small_book(CHAPTERS), writing, SummarizeOptions(words=SHORT))


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("the text is read again")

    monkeypatch.setattr(pipeline, "read_on", refuse)


FROM_SCORES = [
    SummarizeOptions(),
    SummarizeOptions(level="book", length="short"),
    SummarizeOptions(level="chapters", words=30),
    SummarizeOptions(strategy="merge", length="long", until="7"),
    SummarizeOptions(method="abstractive", level="book", words=SHORT),
]
AGAIN = [
    SummarizeOptions(chapters="2,5"),
    SummarizeOptions(until="40%"),
    SummarizeOptions(method="abstractive", words=SHORT, until="4"),
]


@pytest.mark.parametrize("options", FROM_SCORES, ids=repr)
def test_a_quoting_model_answers_without_reading_again(
    quoting: LoadedModel,
    quoted: Reading,
    options: SummarizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = to_json(summarize(small_book(CHAPTERS), quoting, options))
    no_reading(monkeypatch)
    assert why_read_again(quoted, quoting, options) == ""
    assert to_json(summarize(quoted, quoting, options)) == expected


@pytest.mark.parametrize("options", AGAIN, ids=repr)
def test_what_it_does_not_hold_is_read_again_from_its_own_text(
    quoting: LoadedModel, quoted: Reading, options: SummarizeOptions
) -> None:
    assert why_read_again(quoted, quoting, options)
    expected = summarize(small_book(CHAPTERS), quoting, options)
    assert to_json(summarize(quoted, quoting, options)) == to_json(expected)


@pytest.mark.parametrize(
    "options",
    [
        SummarizeOptions(words=SHORT),
        SummarizeOptions(words=SHORT, strategy="merge", level="book"),
        SummarizeOptions(method="extractive", length="long"),
        SummarizeOptions(words=SHORT, level="chapters", until="8"),
    ],
    ids=repr,
)
def test_a_writing_model_wrote_its_chapters_when_it_read(
    writing: LoadedModel,
    written: Reading,
    options: SummarizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = to_json(summarize(small_book(CHAPTERS), writing, options))
    no_reading(monkeypatch)
    assert to_json(summarize(written, writing, options)) == expected


@pytest.mark.parametrize(
    "options",
    [
        SummarizeOptions(words=SHORT, decoding=DecodingOptions(temperature=1.0, seed=5)),
        SummarizeOptions(words=SHORT, level="chapters", until="5"),
    ],
    ids=repr,
)
def test_other_drafts_are_written_anew(
    writing: LoadedModel, written: Reading, options: SummarizeOptions
) -> None:
    assert why_read_again(written, writing, options)
    expected = summarize(small_book(CHAPTERS), writing, options)
    assert to_json(summarize(written, writing, options)) == to_json(expected)


def test_another_precision_is_said_and_read_again(quoting: LoadedModel, quoted: Reading) -> None:
    other = replace(quoted, mark=replace(quoted.mark, device="cuda", dtype="bfloat16"))
    assert "cuda in bfloat16" in why_read_again(other, quoting, SummarizeOptions())
    assert summarize(other, quoting) == summarize(quoted, quoting)


def test_another_models_reading_is_refused(writing: LoadedModel, quoted: Reading) -> None:
    with pytest.raises(InputError, match="made by another model, tiny"):
        summarize(quoted, writing)
