"""The passkey test: how often a model finds a number said once in a text of any length.

Reading is a stream, so equal work is done once: trials share the state of the filler before the
key, and where the key left no trace in the encoder's memories, the encoder reads the filler after
it once for all trials. Both give the states that reading every trial alone would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from infinisum.evaluation.passkey_texts import PasskeyText, TokenIds, Trial
from infinisum.loading import LoadedModel
from infinisum.passkey import FILLERS, LEAST_KEY, POSITIONS, QUESTION, Filler, Position

if TYPE_CHECKING:
    from infinisum.model.modeling import InfinisumForConditionalGeneration, StreamState

BLOCK_SEGMENTS = 32  # segments that go through the network at once
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
        `{"model", "version", "memory_rule", "device", "dtype", "seed", "rows": [Cell…]}`.

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
        prefixes = _prefixes(loaded.model, text, sorted(starts))
        for (length, position), plan in plans.items():
            cells.append(_cell(loaded, text, filler, length, position, plan, prefixes))
            if on_cell is not None:
                on_cell(cells[-1])
    return {
        "model": loaded.name,
        "version": loaded.version,
        "memory_rule": loaded.model.config.memory_rule,
        "device": loaded.device,
        "dtype": loaded.dtype,
        "seed": seed,
        "rows": [asdict(cell) for cell in cells],
    }


def _zone(text: PasskeyText, trials: Sequence[Trial], N: int) -> tuple[int, int]:
    """Whole segments outside of which all trials have the same tokens."""
    places = [trial.place + len(text.lead) for trial in trials]
    return min(places) // N * N, -(-(max(places) + text.key_tokens) // N) * N


@torch.no_grad()
def _prefixes(
    model: InfinisumForConditionalGeneration, text: PasskeyText, ends: Sequence[int]
) -> dict[int, StreamState]:
    """The state after each of `ends` tokens of text without a key, read once."""
    state, at = model.initial_state(1), 0
    found: dict[int, StreamState] = {}
    for end in ends:
        state = read_on(model, state, text.tokens(None, at, end))
        found[end], at = state, end
    return found


@torch.no_grad()
def _cell(
    loaded: LoadedModel,
    text: PasskeyText,
    filler: Filler,
    length: int,
    position: Position,
    trials: Sequence[Trial],
    prefixes: dict[int, StreamState],
) -> Cell:
    model = loaded.model
    start, end = _zone(text, trials, model.config.segment_length)
    state = _rows(prefixes[start], [0] * len(trials))
    zone = np.stack([text.tokens(trial, start, end) for trial in trials])
    for ids, mask in _blocks(model, zone):
        _, state = model.read_block(ids, mask, state)
    after_key = _memories(state)
    state = read_on(model, state, text.tokens(trials[0], end, length))
    at_end = _memories(state)
    change = max(
        (float((M - before).abs().max()) for M, before in zip(at_end, after_key, strict=True)),
        default=0.0,
    )
    answers = ask(loaded, state)
    right = [
        sum(map(str.__eq__, answer, str(t.key))) for answer, t in zip(answers, trials, strict=True)
    ]
    return Cell(
        filler=filler,
        length_tokens=length,
        position=position,
        trials=len(trials),
        exact=round(
            sum(a == str(t.key) for a, t in zip(answers, trials, strict=True)) / len(trials), 4
        ),
        per_digit=round(sum(right) / (len(trials) * len(str(LEAST_KEY))), 4),
        written_tokens=max(int(memory.count.max()) for memory in _states(state)),
        memory_change=change,
    )


def read_on(
    model: InfinisumForConditionalGeneration, state: StreamState, tokens: TokenIds
) -> StreamState:
    """Every row of the state reads the same tokens.

    Rows that the encoder cannot tell apart are read once; a text that writes nothing to the cross
    memory of a reader without memories writes nothing to anyone's, since what is written there
    depends on the encoder's states alone.

    Args:
        model: the network.
        state: of `B` texts.
        tokens: `[T]`, `T` a multiple of the segment length.
    """
    alone = model.config.window_segments == 0 and model.config.reservoir_length == 0
    for ids, mask in _blocks(model, tokens[None]):
        B = state.encoder.segments.shape[0]
        if B > 1 and alone and _alike(state):
            reader = model.initial_state(1)
            reader = reader._replace(encoder=_rows(state.encoder, [0]))
            _, after = model.read_block(ids, mask, reader)
            if not any(bool(memory.count.any()) for memory in after.context.memories):
                state = state._replace(encoder=_rows(after.encoder, [0] * B))
                continue
        _, state = model.read_block(ids.expand(B, -1, -1), mask.expand(B, -1, -1), state)
    return state


@torch.no_grad()
def ask(loaded: LoadedModel, state: StreamState) -> list[str]:
    """What the model says the key is, for every row: the first integer it writes, or ""."""
    tokenizer, model = loaded.tokenizer, loaded.model
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


def _blocks(
    model: InfinisumForConditionalGeneration, tokens: TokenIds
) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens `[B, T]` as blocks of segments with their masks."""
    N = model.config.segment_length
    segments = torch.from_numpy(tokens).unflatten(1, (-1, N)) if tokens.shape[1] else None
    if segments is None:
        return
    for at in range(0, segments.shape[1], BLOCK_SEGMENTS):
        ids = segments[:, at : at + BLOCK_SEGMENTS].to(model.device)
        yield ids, torch.ones_like(ids, dtype=torch.bool)


def _alike(state: StreamState) -> bool:
    """Whether the encoder is in the same state in all rows."""
    memories = state.encoder.memories
    parts: Iterable[Tensor] = (part for memory in memories for part in memory)
    return all(bool((part == part[:1]).all()) for part in (*parts, state.encoder.segments))


def _states(state: StreamState) -> list[Any]:
    return [*state.encoder.memories, *state.context.memories]


def _memories(state: StreamState) -> list[Tensor]:
    return [memory.M for memory in _states(state)]


def _rows(state: Any, rows: Sequence[int]) -> Any:
    """Rows of the batch of every tensor of nested named tuples."""
    if isinstance(state, Tensor):
        return state[list(rows)]
    parts = (_rows(part, rows) for part in state)
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
