"""`infinisum bench memory` and `speed`: read random text of growing length, state carried along."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
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
    cpu_s: float  # of all threads; what to compare where others use the machine too
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
        `{"model", "device", "dtype", "threads", "matmul_peak_flop_per_s", "rows": [Row…],
        "growth": {"seconds_s": …, "cpu_s": …}}`, the last of three lengths or more.
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
        start, cpu = time.perf_counter(), time.process_time()
        _read(loaded, length, block_segments, seed)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        tokens = -(-length // model.config.segment_length) * model.config.segment_length
        operations = flops_per_segment(model.config) * tokens / model.config.segment_length
        rows.append(
            Row(
                length_tokens=tokens,
                seconds_s=round(seconds, 3),
                cpu_s=round(cpu_seconds, 3),
                tokens_per_s=round(tokens / seconds, 1),
                peak_bytes=peak_bytes(device),
                state_bytes=state_bytes(model.config, torch.finfo(dtype).bits // 8),
                share_of_peak=round(operations / seconds / peak, 4),
            )
        )
    growth = {
        key: linear_fit([row.length_tokens for row in rows], [getattr(row, key) for row in rows])
        for key in ("seconds_s", "cpu_s")
    }
    return {
        "model": loaded.name,
        "device": loaded.device,
        "dtype": loaded.dtype,
        "threads": torch.get_num_threads(),
        "matmul_peak_flop_per_s": round(peak),
        "rows": [asdict(row) for row in rows],
        **({"growth": growth} if len({row.length_tokens for row in rows}) > 2 else {}),
    }


def linear_fit(tokens: Sequence[int], seconds: Sequence[float]) -> dict[str, float]:
    """How well time is a straight line in tokens: every length counts alike, however short.

    Returns:
        `start_s`, `s_per_1000_tokens`, and `deviation`: the largest share by which a time is off
        the line. No line where there is but one length.
    """
    if len(set(tokens)) < 2:
        return {}
    x, y = np.asarray(tokens, float), np.maximum(seconds, 1e-9)
    start, slope = np.linalg.lstsq(np.stack([1 / y, x / y], 1), np.ones_like(y), rcond=None)[0]
    off = np.abs((start + slope * x) / y - 1)
    return {
        "start_s": round(float(start), 4),
        "s_per_1000_tokens": round(float(slope) * 1000, 5),
        "deviation": round(float(off.max()), 4),
    }


@torch.no_grad()
def _read(loaded: LoadedModel, length: int, block_segments: int, seed: int) -> None:
    state = loaded.model.initial_state(1)
    for ids, mask in random_blocks(loaded.model, length, block_segments, seed):
        _, state = loaded.model.read_block(ids, mask, state)
    synchronize(loaded.model.device)
