"""What both benchmarks need: a text of any length, the matmul peak, the memory of the process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from infinisum.model.network import Network


def random_blocks(
    model: Network, tokens: int, block_segments: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random text of `tokens` tokens (rounded up to segments), block by block, never held whole.

    Yields:
        Token ids and mask, `[1, ≤ block_segments, N]`.
    """
    N = model.config.segment_length
    generator = torch.Generator().manual_seed(seed)
    left = -(-tokens // N)
    while left > 0:
        S = min(block_segments, left)
        ids = torch.randint(0, model.config.vocab_size, (1, S, N), generator=generator)
        yield ids.to(model.device), torch.ones(1, S, N, dtype=torch.bool, device=model.device)
        left -= S


def matmul_peak(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Operations a second of a large square matrix product: the best of as many as fit."""
    n = 8_192 if device.type == "cuda" else 1_536
    a = torch.randn(n, n, device=device).to(dtype)
    b = torch.randn(n, n, device=device).to(dtype)
    best, end = 0.0, time.perf_counter() + seconds
    a @ b
    while best == 0 or time.perf_counter() < end:
        synchronize(device)
        start = time.perf_counter()
        a @ b
        synchronize(device)
        best = max(best, 2 * n**3 / (time.perf_counter() - start))
    return best


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak(device: torch.device) -> None:
    """Start counting peak memory anew (Linux and CUDA; elsewhere the peak is of the process)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5", encoding="ascii")


def peak_bytes(device: torch.device) -> int:
    """Peak memory since `reset_peak`: of the GPU, or resident memory of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
