"""The passkey objective, and what writing to memory costs."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.passkey import INTRODUCTION, QUESTION, REPEATED, key_line
from infinisum.tokenizer import load_tokenizer
from infinisum.training.datasets import IGNORED, Example, Row, make_example
from infinisum.training.objectives import Draw, RowInfo
from infinisum.training.objectives.numbers import other_number
from infinisum.training.objectives.passkey import Passkey
from infinisum.training.trainer import finetune, start_model
from infinisum.training.write_cost import COST_FROM, COST_FULL, MARGIN, WriteCost
from tests.tiny_model import paragraph
from tests.training.texts import options, training_log

ROOT = Path(__file__).parents[2]
TOKENIZER = load_tokenizer(ROOT / "models" / "infinisum-base")
N = 64
TEXT = "\n\n".join(paragraph(number) for number in range(40))
EXAMPLE = make_example(Row("r", "T", "chapter", TEXT, ""), TOKENIZER, N)
MANY = range(40)


def make(seed: int, segments: int = 6) -> Example:
    draw = Draw(random.Random(seed), segments)
    return Passkey(TOKENIZER, N).make(EXAMPLE, draw)


def read(example: Example) -> str:
    return TOKENIZER.decode([i for s in example.segments for i in s.token_ids.tolist()])


def test_the_decoder_is_asked_for_the_key_that_the_text_says() -> None:
    for seed in MANY:
        made = make(seed)
        kept = made.labels != IGNORED
        asked = TOKENIZER.decode(made.decoder_ids[~kept].tolist())
        answer = TOKENIZER.decode(made.decoder_ids[kept].tolist())
        assert asked == QUESTION
        assert made.decoder_ids[-1] == TOKENIZER.eos_id
        assert re.fullmatch(r"[1-9][0-9]{4}", answer)
        assert read(made).count(key_line(int(answer))) == 1
        assert read(made).startswith(INTRODUCTION)


def test_a_text_fills_its_segments() -> None:
    for segments in (2, 3, 20):
        made = make(segments, segments)
        assert [len(segment.token_ids) for segment in made.segments] == [N] * segments


def test_a_text_of_one_segment_has_the_key_and_no_introduction() -> None:
    made = Passkey(TOKENIZER, 48).make(EXAMPLE, Draw(random.Random(1), 1))
    assert len(made.segments) == 1
    assert "The pass key is" in read(made)
    assert INTRODUCTION[:20] not in read(made)


def test_fillers_places_and_other_numbers_vary() -> None:
    texts = [read(make(seed)) for seed in range(60)]
    repeated = [text for text in texts if REPEATED in text]
    assert 5 < len(repeated) < 35
    places = [text.index("The pass key") / len(text) for text in texts]
    assert min(places) < 0.3 and max(places) > 0.8
    numbers = [len(re.findall("[0-9]+", text)) - 2 for text in texts]  # the key is said twice
    for text, number in zip(texts, numbers, strict=True):
        assert number == 0 or text not in repeated
    own = min(number for text, number in zip(texts, numbers, strict=True) if text not in repeated)
    assert max(numbers) > own + 8  # the prose itself has some
    assert read(make(3)) == read(make(3))


def test_other_numbers_keep_the_length_and_are_no_keys() -> None:
    objective = Passkey(TOKENIZER, N)
    text = np.concatenate([segment.token_ids for segment in EXAMPLE.segments])
    for seed in MANY:
        mixed = objective._with_numbers(text, random.Random(seed))
        assert len(mixed) == len(text) and (mixed != text).any()
        assert "pass key" not in TOKENIZER.decode(mixed.tolist())
    lines = [other_number(random.Random(seed)) for seed in range(2_000)]
    assert not any("{" in line or "pass key" in line for line in lines)
    assert 0.25 < sum(bool(re.search(r"\b[1-9][0-9]{4}\b", line)) for line in lines) / 2_000 < 0.75
    assert len({re.sub("[0-9.,:]+", "#", line) for line in lines}) > 60


def test_the_end_of_a_segment_cuts_many_keys() -> None:
    cut = 0
    for seed in range(200):
        made = make(seed)
        parts = [TOKENIZER.decode(segment.token_ids.tolist()) for segment in made.segments]
        key = made.id.rpartition(" ")[2]
        cut += sum(part.count(key) for part in parts) < 2
    assert 90 < cut < 150  # without care it is one in six


def test_texts_without_a_summary_are_enough() -> None:
    objective = Passkey(TOKENIZER, N)
    assert objective.usable(RowInfo(segments=1, target_tokens=0, labelled=False))
    assert not objective.usable(RowInfo(segments=0, target_tokens=9, labelled=True))
    assert objective.target_tokens(None) == len(make(0).decoder_ids)


def test_the_cost_grows_and_closes_gates_that_are_closed_already(tiny_model: Path) -> None:
    model = load_model(tiny_model, "cpu", "float32").model
    for name, parameter in model.named_parameters():
        if name.endswith("write_strength.bias"):
            parameter.data.fill_(-4.0)
        elif name.endswith("write_strength.weight"):
            parameter.data.fill_(0.0)  # η is exactly 0
    cost = WriteCost(model, 2.0, 8)
    ids = torch.arange(20, 20 + 3 * 128).view(1, 3, 128)
    for _ in range(2):  # `start` forgets the pass before
        cost.start()
        model(input_ids=ids, decoder_input_ids=ids[:, 0, :4], window_segments=0)
    assert cost.loss(COST_FROM).item() == 0
    loss = cost.loss(COST_FULL)
    loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        if name.endswith("write_strength.bias"):
            assert parameter.grad is not None and (parameter.grad > 0).all(), name


class Gates(nn.Module):
    """A network that is nothing but one layer's write gates."""

    def __init__(self) -> None:
        super().__init__()
        self.write_strength = nn.Identity()


def excess(logits: torch.Tensor, free: int) -> torch.Tensor:
    """The whole cost of gates `[T]` of one head of one text."""
    cost = WriteCost(gates := Gates(), 1.0, free)
    gates.write_strength(logits.view(1, 1, -1, 1))
    return cost.loss(1.0)


def test_the_cost_is_what_is_written_beyond_what_is_free() -> None:
    logits = torch.full((20,), -40.0)
    logits[:4] = 30.0
    assert excess(logits, 4).item() == pytest.approx(0, abs=1e-6)  # however wide they are open
    logits[4:6] = 3.0
    beyond = 2 * math.log1p(math.exp(3.0 + MARGIN))
    assert excess(logits, 4).item() == pytest.approx(math.log1p(beyond / 4), rel=1e-4)
    grown = WriteCost(gates := Gates(), 2.0, 4)
    gates.write_strength(logits.view(1, 1, -1, 1))
    whole = grown.loss(COST_FULL).item()
    assert whole == pytest.approx(2 * math.log1p(beyond / 4), rel=1e-4)
    assert grown.loss((COST_FROM + COST_FULL) / 2).item() == pytest.approx(whole / 2)
    learned = WriteCost(gates := Gates(), 2.0, 4, grows=False)
    gates.write_strength(logits.view(1, 1, -1, 1))
    assert learned.loss(0.0).item() == pytest.approx(whole)


def test_the_last_gate_that_is_open_has_all_of_the_slope() -> None:
    """In a mean it would have a share of one in as many tokens as there are."""
    logits = torch.full((5_000,), -12.0)
    logits[:8], logits[8] = 9.0, 0.0
    logits.requires_grad_()
    excess(logits, 8).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[8] > 0.02 > 100 * logits.grad[9:].max()
    assert (logits.grad[:8] == 0).all()


def test_the_cost_is_part_of_the_loss(network: Path, data: Path, tmp_path: Path) -> None:
    changes = {"objective": "passkey", "write_cost": 100.0, "max_steps": 10}
    finetune(options(network, data, tmp_path, **changes))
    (line,) = (line for line in training_log(tmp_path) if "loss_write_cost" in line)
    assert line["loss_write_cost"] > 1
    assert line["loss"] == pytest.approx(line["loss_passkey"] + line["loss_write_cost"], rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"write_cost": -1.0}, {"write_free": 0}, {"memory_rule": "knn"}, {"encoder_rule": "xl"}],
)
def test_wrong_usage(network: Path, data: Path, tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        options(network, data, tmp_path, **change)


def test_new_weights_with_another_rule(network: Path, data: Path, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocabulary"
    vocabulary.mkdir()
    (vocabulary / "tokenizer.json").write_bytes((network / "tokenizer.json").read_bytes())
    changes = {"preset": "passkey", "memory_rule": "linear", "objective": "passkey"}
    finetune(options(vocabulary, data, tmp_path / "out", max_steps=1, **changes))
    config = load_model(tmp_path / "out", "cpu", "float32").model.config
    assert (config.memory_rule, config.cross_memory_rule) == ("linear", "linear")
    assert config.window_segments == 0
    start = options(vocabulary, data, tmp_path, encoder_rule="none", **changes)
    config = start_model(start)[0].config
    assert (config.memory_rule, config.cross_memory_rule) == ("none", "linear")
