"""Objectives that need nothing but texts: what is taken out is what the decoder should write."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinisum.segments import Sentence, SentenceSpan
from infinisum.tokenizer import load_tokenizer, plain_typography
from infinisum.training.datasets import IGNORED, Example, Row, make_example
from infinisum.training.objectives import Draw, RowInfo, objectives_named
from infinisum.training.objectives.editing import Edit, edited, head_of
from infinisum.training.objectives.unsupervised import (
    GAP_SHARE,
    Continuation,
    Gaps,
    Infill,
    Language,
)
from tests.tiny_model import paragraph
from tests.training.texts import example

TOKENIZER = load_tokenizer(Path(__file__).parents[2] / "models" / "infinisum-base")
TEXT = "\n\n".join(paragraph(number) for number in range(24))
EXAMPLE = make_example(Row("r", "T", "chapter", TEXT, "Anna counts. Lucy waits."), TOKENIZER, 96)
PLAIN = replace(EXAMPLE, decoder_ids=EXAMPLE.decoder_ids[:0], labels=EXAMPLE.labels[:0])
MANY = range(25)


def draw(seed: int, segments: int = 8) -> Draw:
    return Draw(random.Random(seed), segments)


def read(made: Example) -> list[int]:
    return [i for segment in made.segments for i in segment.token_ids.tolist()]


def target(made: Example) -> list[int]:
    assert made.labels.shape == made.decoder_ids.shape
    kept = made.labels != IGNORED
    assert kept.tolist() == sorted(kept.tolist())  # the prompt comes first
    return made.decoder_ids[kept].tolist()


def prompt(made: Example) -> list[int]:
    return made.decoder_ids[made.labels == IGNORED].tolist()


def spans_are_whole(made: Example) -> None:
    for segment in made.segments:
        ends = [0]
        for span in segment.spans:
            assert ends[-1] <= span.start < span.end <= len(segment.token_ids)
            ends.append(span.end)


def test_edits_move_the_sentences_behind_them() -> None:
    made = edited(example(2), [Edit(0, 0, 2, 99), Edit(1, 1, 3, 98)])
    assert [s.token_ids.tolist() for s in made.segments] == [[99, 12, 13], [14, 98, 17]]
    assert made.segments[0].spans == (SentenceSpan(0, 0, 1), SentenceSpan(1, 1, 3))
    assert made.segments[1].spans == (SentenceSpan(2, 0, 2), SentenceSpan(3, 2, 3))
    assert len(made.salience) == len(made.vectors) == 0
    assert head_of(example(1).segments[0], 3).spans == (
        SentenceSpan(0, 0, 2),
        SentenceSpan(1, 2, 3),
    )


@pytest.mark.parametrize("seed", MANY)
def test_gaps_and_what_was_in_them_make_the_text(seed: int) -> None:
    made = Gaps(TOKENIZER, 200).make(PLAIN, draw(seed, 99))
    spans_are_whole(made)
    written = target(made)
    assert len(made.decoder_ids) <= 200 and written.pop() == TOKENIZER.eos_id
    text = TOKENIZER.decode(written)
    taken = [sentence for sentence in PLAIN.sentences if _in(sentence, text)]
    gaps = read(made).count(TOKENIZER.mask_id)
    assert 1 <= gaps <= len(taken)
    assert gaps <= max(1, round(GAP_SHARE * len(PLAIN.sentences)))
    assert prompt(made) == TOKENIZER.prompt("infill", len(text.split()))
    before = {tuple(segment.token_ids.tolist()) for segment in PLAIN.segments}
    whole = sum(len(s.token_ids) for s in PLAIN.segments)
    assert len(made.segments) == len(PLAIN.segments)
    assert len(read(made)) - gaps + len(written) == whole  # nothing lost, nothing twice
    assert any(tuple(s.token_ids.tolist()) not in before for s in made.segments)


def _in(sentence: Sentence, text: str) -> bool:
    return plain_typography(sentence.text) in text


def test_gaps_prefer_what_labels_call_salient() -> None:
    labels = np.zeros(len(PLAIN.sentences), np.float32)
    labels[::9] = 1
    labelled = replace(PLAIN, salience=labels)
    salient = other = 0
    for seed in MANY:
        made = Gaps(TOKENIZER).make(labelled, draw(seed, 99))
        text = TOKENIZER.decode(target(made))
        for number, sentence in enumerate(PLAIN.sentences):
            salient += bool(labels[number]) and _in(sentence, text)
            other += not labels[number] and _in(sentence, text)
    assert salient / labels.sum() > 4 * other / (len(labels) - labels.sum())


@pytest.mark.parametrize("seed", MANY)
def test_a_continuation_is_the_next_segment(seed: int) -> None:
    made = Continuation(TOKENIZER, 60).make(PLAIN, draw(seed, 3))
    whole = read(PLAIN)
    first, written = read(made), target(made)
    assert len(made.segments) <= 3 and len(made.decoder_ids) <= 60
    start = next(i for i in range(len(whole)) if whole[i : i + len(first)] == first)
    after = start + len(first)
    assert written == whole[after : after + len(written)]
    short = replace(PLAIN, segments=PLAIN.segments[:1])
    halves = Continuation(TOKENIZER).make(short, draw(seed))
    assert read(halves) + target(halves) == read(short)
    spans_are_whole(halves)


@pytest.mark.parametrize("seed", MANY)
def test_infilled_spans_make_the_text(seed: int) -> None:
    made = Infill(TOKENIZER, 300).make(PLAIN, draw(seed, 4))
    spans_are_whole(made)
    written = target(made)
    assert len(made.decoder_ids) <= 300 and written.pop() == TOKENIZER.eos_id
    pieces: dict[int, list[int]] = {}
    for token in written:
        if token in TOKENIZER.sentinel_ids:
            pieces[token] = []
        else:
            pieces[next(reversed(pieces))].append(token)
    restored = [i for token in read(made) for i in pieces.get(token, [token])]
    whole = read(PLAIN)
    assert any(whole[i : i + len(restored)] == restored for i in range(len(whole)))
    assert list(pieces) == [t for t in read(made) if t in pieces]
    share = sum(map(len, pieces.values())) / len(restored)
    assert 0.03 < share < 0.35


def test_language_modelling_reads_nothing() -> None:
    whole, summaries, texts = read(PLAIN), 0, 0
    for seed in MANY:
        made = Language(TOKENIZER, 50).make(EXAMPLE, draw(seed))
        assert made.segments == ()
        if np.array_equal(made.decoder_ids, EXAMPLE.decoder_ids):
            summaries += 1
        else:
            texts += 1
            written = target(made)
            assert len(made.decoder_ids) == 50
            assert any(whole[i : i + len(written)] == written for i in range(len(whole)))
    assert summaries > 5 and texts > 5
    assert target(Language(TOKENIZER).make(PLAIN, draw(0)))  # a row with a text alone


def test_the_same_draw_makes_the_same_text() -> None:
    for kind in (Gaps, Continuation, Infill, Language):
        one, other = (kind(TOKENIZER).make(EXAMPLE, draw(5)) for _ in range(2))
        assert read(one) == read(other)
        assert one.decoder_ids.tolist() == other.decoder_ids.tolist()


def test_pretrain_stands_for_all_of_them() -> None:
    shares = objectives_named({"pretrain": 2.0, "gaps": 1.0, "summarize": 3.0}, TOKENIZER, 96)
    assert {o.name: round(w, 6) for o, w in shares.items()} == {
        "summarize": 3.0,
        "gaps": 1.6,
        "continue": 0.6,
        "infill": 0.4,
        "language": 0.4,
    }
    book = RowInfo(segments=100, target_tokens=0, labelled=False)
    assert all(o.usable(book) for o in shares if o.name != "summarize")
    assert Gaps(TOKENIZER).texts(book, 32) == 4
