"""A converted decoder alone: what it is trained on is what it writes with, and it learns it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from infinisum.blocks import make_block
from infinisum.config import ConvertOptions, DecodingOptions
from infinisum.convert.conversion import convert
from infinisum.engine import Engine
from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.model.causal.modeling import InfinisumForCausalLM
from infinisum.summary.generate import write_summaries
from infinisum.training import book_trainer
from infinisum.training.datasets import read_rows, segment_row, target_ids
from infinisum.training.parts import is_memory
from infinisum.training.trainer import finetune
from tests.convert.test_decoders import make
from tests.model.helpers import close
from tests.tiny_model import small_book
from tests.training.texts import options, training_log

N = 48


@pytest.fixture(
    scope="module", params=[("llama", "pieces"), ("qwen2", "bytes")], ids=lambda p: p[0]
)
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decoder")
    make(folder / "theirs", *request.param)
    return convert(ConvertOptions(str(folder / "theirs"), folder / "ours", segment_length=N)).folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One family, where a test trains several times."""
    folder = tmp_path_factory.mktemp("one")
    make(folder / "theirs", "qwen2", "bytes")
    return convert(ConvertOptions(str(folder / "theirs"), folder / "ours", segment_length=N)).folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chapters of several segments with a summary each."""
    path = tmp_path_factory.mktemp("few") / "train.jsonl"
    told = (
        "Anna waits on the quay until the boats are counted and the letter comes at last.",
        "Old Tobias keeps the key in the mill and tells nobody about the promise he made.",
    )
    rows = [
        {"id": f"c{n}", "text": chapter.text, "summary": told[n]}
        for n, chapter in enumerate(small_book(2, 2).chapters)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def network(folder: Path) -> InfinisumForCausalLM:
    model = load_model(folder, "cpu", "float32").model
    assert isinstance(model, InfinisumForCausalLM)
    return model


def weights(folder: Path) -> dict[str, Tensor]:
    return dict(network(folder).state_dict())


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def train(model: Path, data: Path, output: Path, **changes: Any) -> dict[str, Tensor]:
    run = {"max_steps": 3, "objective": "summarize", "max_segments": 8, **changes}
    finetune(options(model, data, output, **run))
    return weights(output)


def batch(model: InfinisumForCausalLM, lengths: list[list[int]], T: int = 5) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    S = max(map(len, lengths))
    rows = torch.tensor([row + [0] * (S - len(row)) for row in lengths])
    mask = torch.arange(N) < rows[..., None]
    ids = torch.randint(3, 200, mask.shape, generator=generator) * mask
    written = torch.randint(3, 200, (len(lengths), T), generator=generator)
    return {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": written}


def test_a_summary_of_several_segments_is_learnt_by_heart(
    converted: Path, few: Path, tmp_path: Path
) -> None:
    finetune(
        options(
            converted,
            few,
            tmp_path,
            max_steps=50,
            learning_rate=1e-2,
            log_steps=10,
            max_segments=8,
            probe_steps=25,
        )
    )
    losses = [line["loss_summarize"] for line in training_log(tmp_path) if "loss_summarize" in line]
    assert losses[-1] < 0.05 < 2 < losses[0]
    probes = [line for line in training_log(tmp_path) if "memory_gain" in line]
    assert all(0 <= line["written_decoder"] <= 1 for line in probes)
    loaded = load_model(tmp_path, "cpu", "float32")
    for row in read_rows([few]):
        chapter = segment_row(row, loaded.tokenizer, N)
        assert len(chapter.segments) > 1
        engine = Engine(loaded.model, pad_id=loaded.tokenizer.pad_id)
        (reading,) = engine.read([chapter])
        assert reading.context is not None
        how = (loaded.tokenizer, [reading.context], row.level, 50, DecodingOptions())
        (draft,) = write_summaries(loaded.model, *how)
        assert draft.text == row.summary


def test_training_sees_the_sequence_that_is_written_with(converted: Path, few: Path) -> None:
    """Ids and places of the tokens, and the memories behind them."""
    loaded = load_model(converted, "cpu", "float32")
    model = network(converted)
    row = next(iter(read_rows([few])))
    chapter = segment_row(row, loaded.tokenizer, N)
    ids, prompt = target_ids(row, loaded.tokenizer, 200)
    block = make_block([(chapter.segments, chapter.sentences)], N, loaded.tokenizer.pad_id, 9)
    target = torch.tensor([ids])
    with torch.no_grad():
        logits = model(
            input_ids=block.input_ids, attention_mask=block.mask, decoder_input_ids=target
        ).logits
    engine = Engine(model, pad_id=loaded.tokenizer.pad_id, block_segments=1)
    (reading,) = engine.read([chapter])
    how: dict[str, Any] = {"max_new_tokens": 1, "do_sample": False, "eos_token_id": None}
    how |= {"return_dict_in_generate": True, "output_logits": True}
    for end in (prompt, len(ids)):
        written = model.generate(
            encoder_outputs=reading.context, decoder_input_ids=target[:, :end], **how
        )
        close(logits[:, end - 1], written.logits[0], 1e-5)


def test_two_texts_are_two_batches_of_one_whatever_fills_them(converted: Path) -> None:
    model = network(converted).double()
    lengths = [[N, N, 7], [20]]
    whole = batch(model, lengths)
    filled = {**whole, "input_ids": whole["input_ids"].masked_fill(~whole["attention_mask"], 9)}
    with torch.no_grad():
        logits = model(**whole).logits
        close(model(**filled).logits, logits, 1e-12)
        for b, row in enumerate(lengths):
            alone = {name: part[b : b + 1] for name, part in whole.items()}
            close(model(**alone).logits, logits[b : b + 1], 1e-12)
            for name in ("input_ids", "attention_mask"):
                alone[name] = alone[name][:, : len(row)]
            close(model(**alone).logits, logits[b : b + 1], 1e-12)


@pytest.mark.parametrize("of_the_text", [False, True])
def test_loss_goes_back_to_the_first_segment_through_memory_alone(
    converted: Path, of_the_text: bool
) -> None:
    model = network(converted)
    given = batch(model, [[N, N, 9]])
    labels = given["decoder_input_ids"].clone()
    labels[:, :2] = -100
    if of_the_text:
        del given["decoder_input_ids"]
        labels = given["input_ids"].flatten(1)[:, : 2 * N + 9].clone()
        labels[:, : 2 * N] = -100
    seen: list[Tensor] = []

    def keep(_: Any, __: Any, output: Tensor) -> Tensor:
        seen.append(output.detach().requires_grad_())
        return seen[-1]

    handle = model.embedding.register_forward_hook(keep)
    loss = model(**given, labels=labels).loss
    handle.remove()
    loss.backward()
    assert seen[0].grad is not None and seen[0].grad[0, 0].abs().sum() > 0
    for name, parameter in model.named_parameters():
        if name == "embedding.weight":  # held apart above
            continue
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    changed = {**given, "input_ids": given["input_ids"].clone()}
    changed["input_ids"][0, 0, 3] += 1
    with torch.no_grad():
        other = model(**changed, labels=labels).loss
        assert other != loss
        forgot = [model(**x, labels=labels, remember=False).loss for x in (given, changed)]
        assert forgot[0] == forgot[1] != loss


def test_loss_of_the_text_is_that_of_its_plain_form(converted: Path) -> None:
    """Full segments: the same as `labels` of a plain text; ragged ones: no target is lost."""
    model = network(converted).double()
    full = batch(model, [[N, N, 9]])
    text = full["input_ids"].flatten(1)[:, : 2 * N + 9]
    masked = {name: full[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        plain = model(input_ids=text, labels=text).loss
        ours = model(**masked, labels=text).loss
    assert float(ours) == pytest.approx(float(plain), rel=1e-5)
    ragged = batch(model, [[11, N, 0, 5]])
    text = ragged["input_ids"][ragged["attention_mask"]][None]
    with torch.no_grad():
        both = [
            model(ragged["input_ids"], ragged["attention_mask"], **x)
            for x in ({}, {"labels": text})
        ]
    expected = torch.nn.functional.cross_entropy(
        both[0].logits[0, : text.shape[1] - 1], text[0, 1:]
    )
    assert float(both[1].loss) == pytest.approx(float(expected), rel=1e-5)


def test_recomputed_gradients_are_the_same(
    converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(converted).train()
    given = batch(model, [[N, N, 9], [N, 4]])

    def gradients() -> dict[str, Tensor]:
        model.zero_grad()
        model(**given, labels=given["decoder_input_ids"]).loss.backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    kept = gradients()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    monkeypatch.setattr("infinisum.model.causal.teaching.RECOMPUTED_TOKENS", N)
    again = gradients()
    assert kept.keys() == again.keys()
    for name, value in kept.items():
        assert torch.allclose(value, again[name], atol=1e-5), name


def test_all_memories_alone_and_lora(one: Path, few: Path, tmp_path: Path) -> None:
    before = weights(one)
    assert moved(before, train(one, few, tmp_path / "all")) == before.keys()
    memory = moved(before, train(one, few, tmp_path / "memory", train="memory"))
    assert memory and all(is_memory(name) for name in memory)
    lora = moved(before, train(one, few, tmp_path / "lora", train="lora"))
    projections = {name for name in lora if not is_memory(name)}
    assert projections == {f"layers.{i}.attention.{x}.weight" for i in range(2) for x in "qkvo"}
    card = (tmp_path / "all" / "README.md").read_text(encoding="utf-8")
    assert "decoder of" in card and "AutoModelForCausalLM" in card


def test_a_resumed_run_is_the_undisturbed_one(
    one: Path, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: dict[str, Any] = {"max_steps": 6, "objective": "summarize,language", "recompute": True}
    whole = train(one, few, tmp_path / "whole", **run)
    save = book_trainer.BookTrainer._save_checkpoint

    def failing(self: Any, model: Any, trial: Any) -> None:
        if self.state.global_step == 4:
            raise KeyboardInterrupt
        save(self, model, trial)

    cut = options(one, few, tmp_path / "cut", save_minutes=1e-6, max_segments=8, **run)
    with monkeypatch.context() as patch:
        patch.setattr(book_trainer.BookTrainer, "_save_checkpoint", failing)
        with pytest.raises(KeyboardInterrupt):
            finetune(cut)
    finetune(replace(cut, resume=True))
    after = weights(tmp_path / "cut")
    assert all(torch.allclose(whole[name], after[name], atol=1e-6) for name in whole)


def test_language_and_passkey_are_learnt_and_others_refused(
    one: Path, few: Path, tmp_path: Path
) -> None:
    train(
        one,
        few,
        tmp_path / "text",
        objective="pretrain",
        max_steps=12,
        log_steps=1,
        learning_rate=1e-2,
    )
    losses = [x["loss_language"] for x in training_log(tmp_path / "text") if "loss_language" in x]
    assert losses[-1] < losses[0] - 0.5
    train(one, few, tmp_path / "key", objective="passkey", max_steps=1)
    with pytest.raises(UsageError, match="--objective gaps: needs an encoder"):
        train(one, few, tmp_path / "out", objective="summarize,gaps")
    with pytest.raises(UsageError, match="a decoder alone"):
        train(one, few, tmp_path / "out", train="head")
    assert not (tmp_path / "out").exists()
