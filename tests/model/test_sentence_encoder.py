"""A sentence encoder with memory against `transformers`' BERT in float64."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from infinisum.model.sentence_encoder import SentenceEncoder, SentenceEncoderConfig
from tests.model.helpers import F64, close

N = 10


def bert() -> BertModel:
    config = BertConfig(
        vocab_size=31,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=20,
        max_position_embeddings=16,
        hidden_act="gelu",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model.to(F64)


def converted(theirs: BertModel, rule: str, gate: float = 0.5) -> SentenceEncoder:
    config = SentenceEncoderConfig.of(
        theirs.config, memory_rule=rule, gate_init=gate, delta_chunk=4
    )
    model = SentenceEncoder(config).eval()
    model.take(theirs.state_dict())
    return model.to(F64)


def text() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(1, 31, (2, 3, N), generator=torch.Generator().manual_seed(2))
    mask = torch.arange(N)[None, None] < torch.tensor([[10, 10, 6], [10, 3, 0]])[..., None]
    return ids, mask


@pytest.mark.parametrize("rule", ["linear", "delta_net", "none"])
def test_one_segment_equals_bert_with_gates_open(rule: str) -> None:
    theirs = bert()
    model = converted(theirs, rule)
    ids, mask = text()
    for s in range(2):
        with torch.no_grad():
            states, _ = model(ids[:, s : s + 1], mask[:, s : s + 1], model.initial_state(2))
            expected = theirs(ids[:, s], attention_mask=mask[:, s].long()).last_hidden_state
        close(states[:, 0][mask[:, s]], expected[mask[:, s]])


@pytest.mark.parametrize("rule", ["linear", "delta", "delta_net"])
def test_closed_gates_are_bert_and_open_ones_remember(rule: str) -> None:
    theirs, (ids, mask) = bert(), text()
    with torch.no_grad():
        expected = theirs(
            ids.flatten(0, 1), attention_mask=mask.flatten(0, 1).long()
        ).last_hidden_state.unflatten(0, (2, 3))
        closed = converted(theirs, rule, gate=float("-inf"))
        states, _ = closed(ids, mask, closed.initial_state(2))
        close(states[mask], expected[mask])
        opened = converted(theirs, rule)
        states, after = opened(ids, mask, opened.initial_state(2))
        close(states[:, 0], expected[:, 0])
        changed = (states - expected).abs().amax(-1)
        assert float(changed[0, 1:][mask[0, 1:]].min()) > 1e-6
        state = opened.initial_state(2)  # segment by segment, the same
        for s in range(3):
            one, state = opened(ids[:, s : s + 1], mask[:, s : s + 1], state)
            close(one[:, 0][mask[:, s]], states[:, s][mask[:, s]], 1e-12)
        close(state[1].M, after[1].M, 1e-12)
