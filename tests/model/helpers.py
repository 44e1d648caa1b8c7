"""Small random inputs for the tests of the network."""

from __future__ import annotations

import torch
from torch import Tensor

F64 = torch.float64


def random(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> Tensor:
    """Normal numbers that depend on the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    """Equal within `tolerance` of the largest expected value."""
    assert actual.shape == expected.shape
    scale = max(float(expected.detach().abs().max()), 1e-3) if expected.numel() else 1.0
    torch.testing.assert_close(
        actual.to(F64), expected.to(F64), rtol=0, atol=tolerance * scale, check_device=False
    )
