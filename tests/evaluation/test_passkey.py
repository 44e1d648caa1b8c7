"""The passkey test: its texts, and that work done once gives what work done singly gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infinisum.errors import UsageError
from infinisum.evaluation import passkey, passkey_reading
from infinisum.evaluation.passkey import evaluate_passkey
from infinisum.evaluation.passkey_reading import CommonReader, pick_rows
from infinisum.evaluation.passkey_texts import SPREAD, PasskeyText, Trial
from infinisum.loading import LoadedModel, load_model
from infinisum.model.reading import StreamState
from infinisum.passkey import FILLERS, INTRODUCTION, POSITIONS, REPEATED, Filler, key_line
from tests.model.networks import N, tiny_model


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(tiny_model, "cpu", "float32")


@pytest.mark.parametrize("filler", FILLERS)
def test_a_text_is_introduction_filler_key_line_and_filler(
    loaded: LoadedModel, filler: Filler
) -> None:
    text = PasskeyText(loaded.tokenizer, filler, 2_048, seed=0)
    (trial,) = text.trials(1_024, "middle", 1, seed=0)
    decode = loaded.tokenizer.decode
    whole = decode(text.tokens(trial, 0, 1_024).tolist())
    assert len(text.tokens(trial, 0, 1_024)) == 1_024
    before, after = whole.split(key_line(trial.key))
    assert before.startswith(INTRODUCTION)
    assert before.rstrip()[-1] in '."'
    assert after.strip()
    if filler == "repeated":
        assert set(before.removeprefix(INTRODUCTION).strip().split(REPEATED)) <= {"", " "}


def test_parts_of_a_text_joined_are_the_text(loaded: LoadedModel) -> None:
    text = PasskeyText(loaded.tokenizer, "prose", 2_048, seed=1)
    for trial in (None, Trial(12_345, int(text.places[3])), Trial(98_765, int(text.places[20]))):
        whole = text.tokens(trial, 0, 1_000)
        for cut in (1, 70, 200, 640, 999):
            halves = (text.tokens(trial, 0, cut), text.tokens(trial, cut, 1_000))
            assert (np.concatenate(halves) == whole).all()


def test_keys_stand_where_they_should(loaded: LoadedModel) -> None:
    text = PasskeyText(loaded.tokenizer, "prose", 8_192, seed=0)
    length = 8_192
    body = length - len(text.lead) - text.key_tokens
    for position, around in zip(POSITIONS, (SPREAD / 2, body / 2, body - SPREAD / 2), strict=True):
        trials = text.trials(length, position, 50, seed=0)
        assert all(abs(trial.place - around) <= SPREAD / 2 + 1 for trial in trials)
        assert len({trial.key for trial in trials}) > 45
        assert len({trial.place for trial in trials}) > 5


def test_a_text_that_is_too_short_is_refused(loaded: LoadedModel) -> None:
    with pytest.raises(UsageError, match="too short"):
        evaluate_passkey(loaded, [16], trials=1)


def states(model: torch.nn.Module, rows: int) -> StreamState:
    """The state of some texts that differ."""
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(3, 23, (rows, 2, N), generator=generator)
    state: StreamState = model.read_block(  # type: ignore[operator]
        ids,
        torch.ones_like(ids, dtype=torch.bool),
        model.initial_state(rows),  # type: ignore[operator]
    )[1]
    return state


@pytest.mark.parametrize("shut", ["encoder cross", "encoder", "cross", ""])
@pytest.mark.parametrize("written", [True, False])  # whether the encoder's memories are empty
def test_reading_on_together_gives_what_reading_alone_gives(
    shut: str, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the write gates of the encoder, of the cross memories, of both are shut or open."""
    model = tiny_model(seed=2, window_segments=0, reservoir_length=0, place_embeddings=False)
    state = states(model, 3) if written else model.initial_state(3)
    for name, parameter in model.named_parameters():
        if "write_strength" in name and name.split(".")[0] in shut.replace("cross", "decoder"):
            parameter.data.fill_(-9.0 if name.endswith("bias") else 0.0)
    for memory in state.context.memories:  # as different key lines leave them
        memory.M.add_(torch.arange(3.0)[:, None, None, None])
    monkeypatch.setattr(passkey_reading, "BLOCK_SEGMENTS", 2)
    some = np.random.default_rng(0).integers(3, 23, 4 * N)
    tokens = np.concatenate([some, some, some[:N]])
    together = CommonReader(model).read_on(state, tokens, at=N)
    for row in range(3):
        alone = pick_rows(state, [row])
        for ids in torch.from_numpy(tokens).view(1, -1, 1, N).unbind(1):
            with torch.no_grad():
                alone = model.read_block(ids, torch.ones_like(ids, dtype=torch.bool), alone)[1]
        for ours, theirs in zip(passkey._memories(together), passkey._memories(alone), strict=True):
            torch.testing.assert_close(ours.M[row], theirs.M[0], rtol=1e-12, atol=1e-12)
            assert torch.equal(ours.count[row], theirs.count[0])
        assert torch.equal(together.encoder.segments[row], alone.encoder.segments[0])


def test_what_is_equal_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With shut gates a periodic text costs one period, for however many rows."""
    model = tiny_model(seed=2, window_segments=0, reservoir_length=0, place_embeddings=False)
    for name, parameter in model.named_parameters():
        if "write_strength" in name:
            parameter.data.fill_(-9.0 if name.endswith("bias") else 0.0)
    monkeypatch.setattr(passkey_reading, "BLOCK_SEGMENTS", 2)
    seen: list[int] = []
    model.encoder.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[0]))
    some = np.random.default_rng(0).integers(3, 23, 4 * N)
    CommonReader(model).read_on(model.initial_state(50), np.tile(some, 20), at=0)
    assert seen == [1, 1]


def test_every_cell_is_measured(loaded: LoadedModel) -> None:
    seen: list[passkey.Cell] = []
    result = evaluate_passkey(loaded, [600, 1_024], trials=3, on_cell=seen.append)
    rows = result["rows"]
    assert [(r["filler"], r["length_tokens"], r["position"]) for r in rows] == [
        (filler, length, position)
        for filler in FILLERS
        for length in (640, 1_024)
        for position in POSITIONS
    ]
    assert len(seen) == len(rows)
    assert all(r["trials"] == 3 and 0 <= r["exact"] <= r["per_digit"] <= 1 for r in rows)
    assert evaluate_passkey(loaded, [600, 1_024], trials=3)["rows"] == rows


def test_an_answer_counts_by_its_first_integer(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exact is all five digits; per digit counts places, and a wrong length gains nothing."""

    def answer(_: LoadedModel, state: StreamState) -> list[str]:
        return [*("", "1"), *["99999"] * (len(state.encoder.segments) - 2)]

    monkeypatch.setattr(passkey, "ask", answer)
    keys = iter([12_345, 12_345, 99_999, 19_999])
    monkeypatch.setattr("random.Random.randint", lambda *_: next(keys))
    (row,) = evaluate_passkey(loaded, [640], trials=4, fillers=["repeated"], positions=["end"])[
        "rows"
    ]
    assert row["exact"] == 0.25
    assert row["per_digit"] == (0 + 1 + 5 + 4) / 20


def test_the_shipped_toy_finds_keys_far_beyond_what_it_was_trained_on() -> None:
    """16,384 tokens, three times the longest text in training, in both fillers."""
    toy = load_model(Path(__file__).parents[2] / "models" / "passkey", "cpu", "float32")
    assert sum(parameter.numel() for parameter in toy.model.parameters()) < 1_000_000
    rows = evaluate_passkey(toy, [16_384], trials=40)["rows"]
    assert [row["position"] for row in rows] == [*POSITIONS, *POSITIONS]
    for row in rows:
        assert row["exact"] >= 0.95, row
        assert row["memory_change"] == 0, row  # the filler is written by no gate at all
