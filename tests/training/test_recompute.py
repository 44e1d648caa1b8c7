"""Recomputed activations give the gradients that kept ones give; forgetting forgets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infinisum.loading import load_model
from infinisum.model.layers import RECOMPUTED_TOKENS
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.training.optimizer import make_optimizer, optimizer_groups


@pytest.fixture
def model(network: Path) -> InfinisumForConditionalGeneration:
    return load_model(network, "cpu", "float32").model


def gradients(model: InfinisumForConditionalGeneration) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    ids = torch.randint(10, 500, (2, 96))
    decoder = torch.randint(10, 500, (2, 5))
    model.zero_grad()
    loss = model(input_ids=ids, decoder_input_ids=decoder, labels=decoder, window_segments=1).loss
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("tokens", [RECOMPUTED_TOKENS, 64])
def test_recomputed_gradients_are_the_same(
    model: InfinisumForConditionalGeneration, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    monkeypatch.setattr("infinisum.model.modeling.RECOMPUTED_TOKENS", tokens)
    blocks = 1 if tokens == RECOMPUTED_TOKENS else 3
    model.train()
    kept = gradients(model)
    calls = 0
    write = type(model.decoder.writers[0])._write

    def counted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        return write(*arguments)  # type: ignore[arg-type]

    names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")
    enable = next(getattr(model, name) for name in names if hasattr(model, name))
    enable({"use_reentrant": False})
    for writer in model.decoder.writers:
        writer._write = counted.__get__(writer)  # type: ignore[attr-defined,method-assign]
    again = gradients(model)
    assert calls == 2 * blocks * len(
        model.decoder.writers
    )  # forward, and once more in the backward pass
    assert kept.keys() == again.keys()
    for name, value in kept.items():
        assert torch.allclose(value, again[name], atol=1e-6), name


def test_without_memory_the_past_is_gone(model: InfinisumForConditionalGeneration) -> None:
    torch.manual_seed(1)
    ids = torch.randint(10, 500, (1, 160))  # five segments
    changed = ids.clone()
    changed[:, :32] = torch.randint(10, 500, (1, 32))

    def logits(text: torch.Tensor, window: int, remember: bool) -> torch.Tensor:
        with torch.no_grad():
            return model(
                input_ids=text,
                decoder_input_ids=torch.tensor([[2, 9]]),
                window_segments=window,
                reservoir_length=0,
                remember=remember,
            ).logits

    assert not torch.allclose(logits(ids, 1, True), logits(changed, 1, True))
    assert torch.equal(logits(ids, 1, False), logits(changed, 1, False))
    assert not torch.equal(logits(ids, 5, False), logits(changed, 5, False))  # in the window
    one = ids[:, :32]  # nothing to remember
    assert torch.allclose(logits(one, 1, True), logits(one, 1, False), atol=1e-6)


@pytest.mark.parametrize("kind", ["adamw", "adafactor"])
def test_each_group_moves_at_its_rate(model: InfinisumForConditionalGeneration, kind: str) -> None:
    groups = optimizer_groups(model, 1e-3, 1e-2)
    before = [[p.detach().clone() for p in group["params"]] for group in groups]
    optimizer = make_optimizer(kind, groups, torch.device("cpu"))
    for group in groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for group, old in zip(groups, before, strict=True):
        moved = max(
            float((p - o).detach().abs().max()) for p, o in zip(group["params"], old, strict=True)
        )
        assert moved == pytest.approx(group["lr"], rel=0.2)
