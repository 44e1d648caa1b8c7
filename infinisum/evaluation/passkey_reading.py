"""Many texts that go on alike, read with the work that is equal in all of them done once.

Everything here gives the states that `read_block` gives for every text alone; nothing is left out
but products with zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from infinisum.evaluation.passkey_texts import TokenIds
from infinisum.model.context import push, segment_slots
from infinisum.model.memory import MemoryState

if TYPE_CHECKING:
    from infinisum.model.modeling import InfinisumForConditionalGeneration
    from infinisum.model.reading import StreamState

BLOCK_SEGMENTS = 32  # segments that go through the network at once


class _Trace(NamedTuple):
    """What a block leaves in the memories of a reader whose encoder's memories are empty."""

    encoder: bool  # whether the encoder writes anything
    offsets: Tensor  # [k] segments of the block that write to a cross memory
    states: Tensor  # [k, N, D] their encoder states


class CommonReader:
    """Reads texts whose tokens are the same from here on.

    Where the encoder is in the same state in all rows it reads once for all. Where its memories
    are empty besides, what it says of a block depends on the block alone, so a block that came
    before (the repeated filler is periodic) is not read again. Only segments that write to a cross
    memory are then written to that of each row.

    Args:
        model: the network.
    """

    def __init__(self, model: InfinisumForConditionalGeneration) -> None:
        self.model = model
        config = model.config
        # With exact states beside the memories every row keeps its own.
        self.memory_alone = config.window_segments == 0 and config.reservoir_length == 0
        self._traces: dict[bytes, _Trace] = {}

    @torch.no_grad()
    def read_on(self, state: StreamState, tokens: TokenIds, at: int) -> StreamState:
        """Every row of the state reads the same tokens.

        Args:
            state: of `B` texts; not changed.
            tokens: `[T]`, `T` a multiple of the segment length.
            at: tokens before these in each text; blocks begin at multiples of their length.
        """
        size = BLOCK_SEGMENTS * self.model.config.segment_length
        start = 0
        while start < len(tokens):
            end = min(len(tokens), start + size - (at + start) % size)
            state = self._read_block(state, tokens[start:end])
            start = end
        return state

    def _read_block(self, state: StreamState, tokens: TokenIds) -> StreamState:
        B = state.encoder.segments.shape[0]
        if self.memory_alone and not _written(state.encoder.memories):
            trace = self._trace(tokens)
            if not trace.encoder:
                S = len(tokens) // self.model.config.segment_length
                state = self._write(state, trace)
                encoder = state.encoder._replace(segments=state.encoder.segments + S)
                return state._replace(encoder=encoder)
        ((ids, mask),) = blocks(self.model, tokens[None], len(tokens))
        if B > 1 and self.memory_alone and _alike(state):
            first = pick_rows(state.encoder, [0])
            hidden, _, after = self.model.encoder(self.model.shared(ids), mask, first)
            state = self._write(state, _Trace(True, *self._writing(hidden[0])))
            return state._replace(encoder=pick_rows(after, [0] * B))
        return self.model.read_block(ids.expand(B, -1, -1), mask.expand(B, -1, -1), state)[1]

    def _trace(self, tokens: TokenIds) -> _Trace:
        key = tokens.astype(np.int32).tobytes()
        if key not in self._traces:
            model = self.model
            ((ids, mask),) = blocks(model, tokens[None], len(tokens))
            empty = model.encoder.initial_state(1, model.shared.weight)
            hidden, _, after = model.encoder(model.shared(ids), mask, empty)
            self._traces[key] = _Trace(_written(after.memories), *self._writing(hidden[0]))
        return self._traces[key]

    def _writing(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Of segments `[S, N, D]` those that write to a cross memory: which, and their states."""
        S = hidden.shape[0]
        mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        index = torch.zeros(S, 1, dtype=torch.long, device=hidden.device)
        written = torch.zeros(S, dtype=torch.bool, device=hidden.device)
        for writer, memory in zip(
            self.model.decoder.writers, self.model.initial_state(S).context.memories, strict=True
        ):
            after = writer.write(memory, hidden[:, None], mask[:, None], index)
            written |= (after.count > 0).any(-1)
        return written.nonzero()[:, 0], hidden[written]

    def _write(self, state: StreamState, trace: _Trace) -> StreamState:
        """Let the writing segments of a block enter the cross memories of every row."""
        if not len(trace.offsets):
            return state
        B, segments = state.encoder.segments.shape[0], state.encoder.segments
        hidden = trace.states.expand(B, -1, -1, -1)  # [B, k, N, D]
        mask = torch.ones(hidden.shape[:3], dtype=torch.bool, device=hidden.device)
        index = segments[:, None] + trace.offsets  # [B, k]
        slots = segment_slots(hidden, mask, index, None, None)
        return state._replace(context=push(self.model.decoder.writers, state.context, slots))


def blocks(
    model: InfinisumForConditionalGeneration, tokens: TokenIds, most_tokens: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens `[B, T]` as blocks of whole segments with their masks."""
    N = model.config.segment_length
    for at in range(0, tokens.shape[1], most_tokens):
        part = torch.from_numpy(tokens[:, at : at + most_tokens])
        ids = part.unflatten(1, (-1, N)).to(model.device)
        yield ids, torch.ones_like(ids, dtype=torch.bool)


def pick_rows(state: Any, rows: Sequence[int]) -> Any:
    """Rows of the batch of every tensor of nested named tuples."""
    if isinstance(state, Tensor):
        return state[list(rows)]
    parts = (pick_rows(part, rows) for part in state)
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _written(memories: Sequence[MemoryState]) -> bool:
    return any(bool(memory.count.any()) for memory in memories)


def _alike(state: StreamState) -> bool:
    """Whether the encoder is in the same state in all rows."""
    parts = (part for memory in state.encoder.memories for part in memory)
    return all(bool((part == part[:1]).all()) for part in (*parts, state.encoder.segments))
