"""The passkey test: how often a model finds a number said once in a text of any length.

Reading is a stream, so equal work is done once (`passkey_reading`): trials share the state of the
filler before the key, and the reading of the filler after it wherever the key left nothing in the
encoder's memories. The states are those that reading every trial alone would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from infinisum.evaluation.passkey_reading import CommonReader, blocks, pick_rows
from infinisum.evaluation.passkey_texts import PasskeyText, Trial
from infinisum.loading import LoadedModel
from infinisum.passkey import FILLERS, LEAST_KEY, POSITIONS, QUESTION, Filler, Position

if TYPE_CHECKING:
    from infinisum.model.memory import MemoryState
    from infinisum.model.reading import StreamState

BLOCK_TOKENS = 1_024  # of each trial, around the key, that go through the network at once
ANSWER_TOKENS = 10  # generated; the first integer in them is the answer


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials with one filler, length and position."""

    filler: Filler
    length_tokens: int
    position: Position
    trials: int
    exact: float  # share of trials whose five digits are all right
    per_digit: float  # share of digits right in their place
    written_tokens: int  # of one text, by the head that wrote most; the key line included
    memory_change: float  # largest change of an entry of any memory by the filler after the key


def evaluate_passkey(
    loaded: LoadedModel,
    lengths: Sequence[int],
    *,
    trials: int = 100,
    fillers: Sequence[Filler] = FILLERS,
    positions: Sequence[Position] = POSITIONS,
    book: Sequence[Sequence[str]] = (),
    seed: int = 0,
    on_cell: Callable[[Cell], None] | None = None,
) -> dict[str, Any]:
    """Measure every cell of the table.

    Args:
        loaded: the model.
        lengths: in tokens, rounded up to whole segments.
        trials: in each cell.
        fillers: which fillers.
        positions: where the key stands.
        book: paragraphs, each a list of sentences, woven into the generated prose.
        seed: of keys, places and generated prose.
        on_cell: called with each cell as it is finished.

    Returns:
        `{"model", "version", "memory_rule", "cross_memory_rule", "device", "dtype", "seed",
        "rows": [Cell…]}`.

    Raises:
        UsageError: a length is too short for the test.
    """
    N = loaded.model.config.segment_length
    whole = sorted({-(-length // N) * N for length in lengths})
    cells: list[Cell] = []
    for filler in fillers:
        text = PasskeyText(loaded.tokenizer, filler, whole[-1], seed, book)
        plans = {
            (length, position): text.trials(length, position, trials, seed)
            for length in whole
            for position in positions
        }
        starts = {_zone(text, plan, N)[0] for plan in plans.values()}
        reader = CommonReader(loaded.encoder_decoder)
        prefixes = _prefixes(reader, text, sorted(starts))
        for (length, position), plan in plans.items():
            before = prefixes[_zone(text, plan, N)[0]]
            state, change = _read(reader, text, plan, length, before)
            cells.append(_cell(loaded, state, change, plan, filler, length, position))
            if on_cell is not None:
                on_cell(cells[-1])
    return {
        "model": loaded.name,
        "version": loaded.version,
        "memory_rule": loaded.model.config.memory_rule,
        "cross_memory_rule": loaded.model.config.cross_memory_rule,
        "device": loaded.device,
        "dtype": loaded.dtype,
        "seed": seed,
        "rows": [asdict(cell) for cell in cells],
    }


def _zone(text: PasskeyText, trials: Sequence[Trial], N: int) -> tuple[int, int]:
    """Whole segments outside of which all trials have the same tokens."""
    places = [trial.place + len(text.lead) for trial in trials]
    return min(places) // N * N, -(-(max(places) + text.key_tokens) // N) * N


def _prefixes(
    reader: CommonReader, text: PasskeyText, ends: Sequence[int]
) -> dict[int, StreamState]:
    """The state after each of `ends` tokens of text without a key, read once."""
    state, at = reader.model.initial_state(1), 0
    found: dict[int, StreamState] = {}
    for end in ends:
        state = reader.read_on(state, text.tokens(None, at, end), at)
        found[end], at = state, end
    return found


@torch.no_grad()
def _read(
    reader: CommonReader,
    text: PasskeyText,
    trials: Sequence[Trial],
    length: int,
    before: StreamState,
) -> tuple[StreamState, float]:
    """The state after the texts of all trials, and how much the filler after the key changed it."""
    N = reader.model.config.segment_length
    start, end = _zone(text, trials, N)
    state = pick_rows(before, [0] * len(trials))
    zone = np.stack([text.tokens(trial, start, end) for trial in trials])
    for ids, mask in blocks(reader.model, zone, max(N, BLOCK_TOKENS // N * N)):
        _, state = reader.model.read_block(ids, mask, state)
    after_key = [memory.M for memory in _memories(state)]
    state = reader.read_on(state, text.tokens(trials[0], end, length), end)
    changes = (
        (memory.M - M).abs().max() for memory, M in zip(_memories(state), after_key, strict=True)
    )
    return state, max(map(float, changes))


def _cell(
    loaded: LoadedModel,
    state: StreamState,
    change: float,
    trials: Sequence[Trial],
    filler: Filler,
    length: int,
    position: Position,
) -> Cell:
    pairs = [(answer, str(t.key)) for answer, t in zip(ask(loaded, state), trials, strict=True)]
    digits = sum(sum(map(str.__eq__, answer, key)) for answer, key in pairs)
    return Cell(
        filler=filler,
        length_tokens=length,
        position=position,
        trials=len(trials),
        exact=round(sum(answer == key for answer, key in pairs) / len(trials), 4),
        per_digit=round(digits / (len(trials) * len(str(LEAST_KEY))), 4),
        written_tokens=max(int(memory.count.max()) for memory in _memories(state)),
        memory_change=change,
    )


@torch.no_grad()
def ask(loaded: LoadedModel, state: StreamState) -> list[str]:
    """What the model says the key is, for every row: the first integer it writes, or ""."""
    tokenizer, model = loaded.tokenizer, loaded.encoder_decoder
    prompt = torch.tensor([tokenizer.bos_id, *tokenizer.encode(QUESTION)], device=model.device)
    seen = model.visible(state)
    B = state.encoder.segments.shape[0]
    written = model.generate(
        encoder_outputs=seen,
        decoder_input_ids=prompt.expand(B, -1),
        max_new_tokens=ANSWER_TOKENS,
        do_sample=False,
        num_beams=1,
    )
    answers = []
    for row in written[:, len(prompt) :].tolist():
        found = re.search(r"[0-9]+", tokenizer.decode(row))
        answers.append(found.group() if found else "")
    return answers


def _memories(state: StreamState) -> list[MemoryState]:
    return [*state.encoder.memories, *state.context.memories]
