"""Converted models against `transformers`' own, with random weights: the same numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.longt5.modeling_longt5 import LongT5LayerNorm
from transformers.models.mt5.modeling_mt5 import MT5LayerNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm
from transformers.models.umt5.modeling_umt5 import UMT5LayerNorm

from infinisum.config import ConvertOptions
from infinisum.convert.conversion import convert
from infinisum.loading import load_model
from infinisum.model.modeling import InfinisumForConditionalGeneration
from tests.convert.donors import make_donor, vocabulary
from tests.model.helpers import F64, close

N = 40  # tokens of a segment; long enough for the logarithmic buckets
NEW_TOKENS = 18  # tasks, lengths, <mask>, <sep>, line break, paragraph
GATED = {"feed_forward_proj": "gated-gelu"}
CASES: dict[str, dict[str, Any]] = {
    "T5 1.0": {"kind": "t5"},
    "T5 1.1 and Flan-T5": {"kind": "t5", "untied": True, **GATED},
    "T5 with SiLU": {"kind": "t5", "feed_forward_proj": "gated-silu", "d_kv": 7},
    "mT5": {"kind": "mt5", "untied": True, **GATED},
    "mT5, tied": {"kind": "mt5", "spare_rows": 0, **GATED},
    "UMT5": {"kind": "umt5", "untied": True, **GATED},
    "UMT5, tied": {"kind": "umt5", "d_kv": 4, **GATED},
    "LongT5, local": {"kind": "longt5", "untied": True, "local_radius": 7, **GATED},
}

Pair = tuple[PreTrainedModel, InfinisumForConditionalGeneration]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """The donor and what was made of it, in float32, by the name of the case."""
    made: dict[str, Pair] = {}

    def get(case: str) -> Pair:
        if case not in made:
            folder = tmp_path_factory.mktemp("donor")
            donor = make_donor(folder / "donor", **CASES[case])
            convert(ConvertOptions(str(folder / "donor"), folder / "ours", segment_length=N))
            made[case] = donor, load_model(folder / "ours", "cpu", "float32").model
        return made[case]

    return get


@pytest.fixture
def precise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep `transformers` from rounding to float32 on its way."""

    def norm(self: Any, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * x * scale  # type: ignore[no-any-return]

    for layer in (T5LayerNorm, MT5LayerNorm, UMT5LayerNorm, LongT5LayerNorm):
        monkeypatch.setattr(layer, "forward", norm)
    rounded = Tensor.float
    monkeypatch.setattr(Tensor, "float", lambda x: x if x.dtype == F64 else rounded(x))


@pytest.fixture
def pair(request: pytest.FixtureRequest, converted: Callable[[str], Pair]) -> Iterator[Pair]:
    donor, ours = converted(request.param)
    yield donor.double(), ours.double()
    donor.float(), ours.float()
    set_gates(ours, -2.0)


def set_gates(model: nn.Module, value: float) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("mix.gate"):
                parameter.fill_(value)


def random_ids(*shape: int, donor: PreTrainedModel, seed: int) -> Tensor:
    tokens = donor.config.vocab_size - 40  # without the spare rows, which new tokens take
    return torch.randint(3, tokens, shape, generator=torch.Generator().manual_seed(seed))


every_case = pytest.mark.parametrize("pair", CASES, indirect=True)


@every_case
@pytest.mark.usefixtures("precise")
def test_one_segment_equals_the_donor(pair: Pair) -> None:
    donor, ours = pair
    gates = [p for n, p in ours.named_parameters() if n.endswith("mix.gate")]
    assert all((gate == -2).all() for gate in gates)
    ids, target = (random_ids(2, N, donor=donor, seed=seed) for seed in (2, 3))
    mask = torch.ones_like(ids)
    mask[1, 29:] = 0
    for gate in (-2.0, 3.0):  # an empty memory is bypassed whatever the gates say
        set_gates(ours, gate)
        with torch.no_grad():
            expected = donor(input_ids=ids, attention_mask=mask, decoder_input_ids=target)
            output = ours(input_ids=ids, attention_mask=mask, decoder_input_ids=target)
            states = ours.encode(ids, mask)
        assert states.exact_mask is not None and states.last_hidden_state is not None
        close(
            states.last_hidden_state[states.exact_mask],
            expected.encoder_last_hidden_state[mask.bool()],
        )
        known = int(ids.max()) + 1  # behind them are our tokens
        close(output.logits[..., :known], expected.logits[..., :known])


@every_case
@pytest.mark.usefixtures("precise")
def test_two_segments_with_closed_gates_are_two_texts(pair: Pair) -> None:
    donor, ours = pair
    set_gates(ours, float("-inf"))
    ids = random_ids(2, 2 * N, donor=donor, seed=4)
    mask = torch.ones_like(ids)
    mask[1, -9:] = 0
    whole, there = ids.unflatten(1, (2, N)), mask.unflatten(1, (2, N)).bool()
    with torch.no_grad():
        block, state = ours.read_block(whole, there, ours.initial_state(2))
        assert all((memory.count > 0).all() for memory in state.encoder.memories)
        for s in range(2):
            alone = donor.get_encoder()(whole[:, s], attention_mask=there[:, s].long())
            close(block.hidden[:, s][there[:, s]], alone.last_hidden_state[there[:, s]])


def test_an_open_gate_makes_a_difference(converted: Callable[[str], Pair]) -> None:
    donor, ours = converted("T5 1.0")
    ids = random_ids(1, 2, N, donor=donor, seed=5)
    with torch.no_grad():
        block, _ = ours.read_block(ids, torch.ones_like(ids).bool(), ours.initial_state(1))
        alone = donor.get_encoder()(ids[:, 1]).last_hidden_state
    assert (block.hidden[:, 1] - alone).abs().max() > 1e-3


@pytest.mark.parametrize("case", CASES)
def test_generate_equals_the_donor_token_for_token(
    case: str, converted: Callable[[str], Pair]
) -> None:
    donor, ours = converted(case)
    ids = random_ids(2, 30, donor=donor, seed=6)
    tokens = Tokenizer.from_str(vocabulary()).get_vocab_size()
    how: dict[str, Any] = {"max_new_tokens": 16, "do_sample": False}
    mask = torch.ones_like(ids)
    # Rows behind the vocabulary are random in these donors; our tokens are never the first choice.
    spare = list(range(tokens, donor.config.vocab_size))
    nothing = list(range(tokens + NEW_TOKENS, ours.config.vocab_size))
    expected = donor.generate(input_ids=ids, attention_mask=mask, **how, suppress_tokens=spare)
    assert ours.generate(ids, **how, suppress_tokens=nothing).tolist() == expected.tolist()

    # Beams weigh all tokens, so the donor gets our rows too.
    donor = copy.deepcopy(donor)
    donor.set_input_embeddings(nn.Embedding.from_pretrained(ours.shared.weight.detach()))
    donor.lm_head = nn.Linear(donor.config.d_model, ours.config.vocab_size, bias=False)
    donor.lm_head.weight = nn.Parameter(ours.lm_head.weight.detach())
    donor.config.vocab_size = ours.config.vocab_size
    expected = donor.generate(input_ids=ids, attention_mask=mask, num_beams=3, **how)
    assert ours.generate(ids, num_beams=3, **how).tolist() == expected.tolist()


def test_transient_global_attention_is_left_out_and_said(tmp_path: Path) -> None:
    donor = make_donor(
        tmp_path / "donor", "longt5", encoder_attention_type="transient-global", local_radius=7
    )
    made = convert(ConvertOptions(str(tmp_path / "donor"), tmp_path / "ours", segment_length=N))
    assert any("transient global" in note and "4 tensors" in note for note in made.notes)
    assert not made.left_out
    ours = load_model(tmp_path / "ours", "cpu", "float32").model
    ids = random_ids(1, N, donor=donor, seed=7)
    assert ours(input_ids=ids, decoder_input_ids=ids).logits.isfinite().all()
    for i in range(3):
        theirs = donor.encoder.block[i].layer[0].TransientGlobalSelfAttention.q.weight
        assert torch.equal(ours.encoder.layers[i].attention.q.weight, theirs)
