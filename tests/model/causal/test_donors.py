"""The decoder-only network against `transformers`' own donors, weights copied by name."""

from __future__ import annotations

import pytest
import torch

from tests.model.causal.donors import DONORS, converted, donor, precise, random_ids
from tests.model.helpers import close


@pytest.mark.parametrize("name", DONORS)
def test_one_segment_equals_the_donor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With gates wide open: an empty memory is bypassed."""
    theirs = donor(name)
    model = converted(theirs).double()
    theirs = precise(theirs, monkeypatch)
    ids = random_ids(2, 16)
    for padding in ("right", "left"):
        mask = torch.ones_like(ids)
        mask[1, slice(11, 16) if padding == "right" else slice(0, 5)] = 0
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with torch.no_grad():
            expected = theirs(input_ids=ids, attention_mask=mask, position_ids=positions).logits
            logits = model(input_ids=ids, attention_mask=mask).logits
        close(logits[mask.bool()], expected[mask.bool()])


@pytest.mark.parametrize("name", DONORS)
@pytest.mark.parametrize("beams", [1, 3])
def test_generate_equals_the_donor_token_for_token(name: str, beams: int) -> None:
    """Also beyond a segment's length: what is written goes on in the segment that was read last."""
    theirs = donor(name)
    model = converted(theirs)
    ids = random_ids(2, 14)
    mask = torch.ones_like(ids)
    mask[1, :6] = 0
    how = {"max_new_tokens": 12, "num_beams": beams, "do_sample": False, "attention_mask": mask}
    expected = theirs.generate(ids, **how)
    assert model.generate(ids, **how).tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("rule", ["linear", "delta", "delta_paper", "delta_net", "none"])
def test_with_closed_gates_each_segment_equals_the_donor_alone(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = donor(name)
    model = converted(theirs, memory_rule=rule).double()
    if rule != "none":
        with torch.no_grad():
            for layer in model.layers:
                layer.attention.mix.gate.fill_(float("-inf"))  # type: ignore[union-attr]
    theirs = precise(theirs, monkeypatch)
    ids = random_ids(1, 32 + 5)
    with torch.no_grad():
        logits = model(input_ids=ids).logits
        parts = [theirs(input_ids=part).logits for part in ids.split(16, dim=1)]
    close(logits, torch.cat(parts, dim=1))
