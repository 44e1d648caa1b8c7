"""The passkey objective, and what writing to memory costs."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import pytest
import torch

from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.passkey import INTRODUCTION, QUESTION, REPEATED, key_line
from infinisum.tokenizer import load_tokenizer
from infinisum.training.datasets import IGNORED, Example, Row, make_example
from infinisum.training.objectives import Draw, RowInfo
from infinisum.training.objectives.passkey import Passkey
from infinisum.training.trainer import finetune
from infinisum.training.write_cost import COST_FROM, COST_FULL, WriteCost
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
    texts = [read(make(seed)) for seed in MANY]
    repeated = [text for text in texts if REPEATED in text]
    assert 3 < len(repeated) < 25
    places = [text.index("The pass key") / len(text) for text in texts]
    assert min(places) < 0.3 and max(places) > 0.8
    other = [text for text in texts if re.search(r"counted [0-9]+ sheep|year [0-9]+\.", text)]
    assert other
    assert read(make(3)) == read(make(3))


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
    cost = WriteCost(model, 2.0)
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


def test_the_cost_is_the_mean_over_all_gates(tiny_model: Path) -> None:
    model = load_model(tiny_model, "cpu", "float32").model
    for name, parameter in model.named_parameters():
        if "write_strength" in name:
            parameter.data.fill_(0.0)
    cost = WriteCost(model, 2.0)
    ids = torch.arange(20, 20 + 128).view(1, 1, 128)
    model(input_ids=ids, decoder_input_ids=ids[:, 0, :4], window_segments=0)
    assert cost.loss(1.0).item() == pytest.approx(2.0 * math.log(2))
    assert cost.loss((COST_FROM + COST_FULL) / 2).item() == pytest.approx(math.log(2))


def test_the_cost_is_part_of_the_loss(network: Path, data: Path, tmp_path: Path) -> None:
    changes = {"objective": "passkey", "write_cost": 100.0, "max_steps": 10}
    finetune(options(network, data, tmp_path, **changes))
    (line,) = (line for line in training_log(tmp_path) if "loss_write_cost" in line)
    assert line["loss_write_cost"] > 10
    assert line["loss"] == pytest.approx(line["loss_passkey"] + line["loss_write_cost"], rel=1e-3)


@pytest.mark.parametrize("change", [{"write_cost": -1.0}, {"memory_rule": "knn"}])
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
