"""`infinisum bench memory` and `speed`: read random text of growing length, state carried along."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from infinisum.bench.measure import (
    matmul_peak,
    peak_bytes,
    random_blocks,
    reset_peak,
    synchronize,
)
from infinisum.loading import LoadedModel
from infinisum.model.cost import flops_per_segment, state_bytes

WARM_UP_BLOCKS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One length read."""

    length_tokens: int
    seconds_s: float
    tokens_per_s: float
    peak_bytes: int  # of the process, weights included
    state_bytes: int  # what is kept of the text, whatever its length
    share_of_peak: float  # operations of the network against the matmul peak of this machine


def run(
    loaded: LoadedModel, lengths: Sequence[int], block_segments: int = 4, seed: int = 0
) -> dict[str, Any]:
    """Read texts of the given lengths.

    Args:
        loaded: the network.
        lengths: in tokens.
        block_segments: segments that go through the network at once.
        seed: of the random text.

    Returns:
        `{"model", "device", "dtype", "threads", "matmul_peak_flop_per_s", "rows": [Row…]}`.
    """
    model = loaded.model
    device, dtype = model.device, model.dtype
    peak = matmul_peak(device, dtype)
    _read(
        loaded, WARM_UP_BLOCKS * block_segments * model.config.segment_length, block_segments, seed
    )
    rows = []
    for length in lengths:
        reset_peak(device)
        start = time.perf_counter()
        _read(loaded, length, block_segments, seed)
        seconds = time.perf_counter() - start
        tokens = -(-length // model.config.segment_length) * model.config.segment_length
        operations = flops_per_segment(model.config) * tokens / model.config.segment_length
        rows.append(
            Row(
                length_tokens=tokens,
                seconds_s=round(seconds, 3),
                tokens_per_s=round(tokens / seconds, 1),
                peak_bytes=peak_bytes(device),
                state_bytes=state_bytes(model.config, torch.finfo(dtype).bits // 8),
                share_of_peak=round(operations / seconds / peak, 4),
            )
        )
    return {
        "model": loaded.name,
        "device": loaded.device,
        "dtype": loaded.dtype,
        "threads": torch.get_num_threads(),
        "matmul_peak_flop_per_s": round(peak),
        "rows": [asdict(row) for row in rows],
    }


@torch.no_grad()
def _read(loaded: LoadedModel, length: int, block_segments: int, seed: int) -> None:
    state = loaded.model.initial_state(1)
    for ids, mask in random_blocks(loaded.model, length, block_segments, seed):
        _, state = loaded.model.read_block(ids, mask, state)
    synchronize(loaded.model.device)
