"""The compressive memory of one head of one example: read and write of every rule.

`M` is [d_k, d_v], `z` is [d_k]; `K` and `V` are the keys and values of one segment, [n, d_k] and
[n, d_v]; `eta` is the write strength of each of its tokens, [n].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

RULES = ("linear", "delta", "delta_paper", "delta_net")


class HeadMemory(NamedTuple):
    """What one head remembers, and how many tokens were written to it."""

    M: Tensor
    z: Tensor
    count: int


def empty(d_k: int, d_v: int) -> HeadMemory:
    return HeadMemory(
        torch.zeros(d_k, d_v, dtype=torch.float64), torch.zeros(d_k, dtype=torch.float64), 0
    )


def sigma(x: Tensor) -> Tensor:
    """ELU(x) + 1."""
    return torch.nn.functional.elu(x) + 1


def unit(x: Tensor, eps: float) -> Tensor:
    """L2norm(SiLU(x)) of one vector."""
    y = x * torch.sigmoid(x)
    return y / torch.sqrt((y * y).sum() + eps)


def write_strength(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """clip(1.2 sigmoid(w x + b) - 0.1, 0, 1) of one token; the gradient ignores the clip."""
    free = 1.2 * torch.sigmoid(w @ x + b) - 0.1
    return free + (free.clamp(0, 1) - free).detach()


def read(rule: str, memory: HeadMemory, q: Tensor, eps: float = 0.0) -> Tensor:
    """What the memory answers to one query [d_k] -> [d_v]; 0 while nothing was written."""
    if rule == "delta_net":
        return unit(q, eps) @ memory.M
    if memory.count == 0:
        return torch.zeros_like(memory.M[0])
    return (sigma(q) @ memory.M) / (sigma(q) @ memory.z + eps)


def write(
    rule: str, memory: HeadMemory, K: Tensor, V: Tensor, eta: Tensor, eps: float = 0.0
) -> HeadMemory:
    """The memory after one segment was written."""
    M, z, count = memory
    if len(K) == 0:
        return memory
    if rule == "delta_net":
        for k, v, strength in zip(K, V, eta, strict=True):
            k_hat = unit(k, eps)
            M = M - strength * torch.outer(k_hat, k_hat @ M) + strength * torch.outer(k_hat, v)
            count += int(strength > 0)
        return HeadMemory(M, z, count)
    features = [sigma(k) for k in K]
    segment_z = torch.stack(features).sum(0)
    new_M = M
    for feature, v in zip(features, V, strict=True):
        if rule == "linear" or count == 0:
            known = torch.zeros_like(v)
        elif rule == "delta":
            known = (feature @ M) / (feature @ (z + segment_z) + eps)
        elif rule == "delta_paper":
            known = (feature @ M) / (feature @ z + eps)
        else:
            raise ValueError(rule)
        new_M = new_M + torch.outer(feature, v - known)
    return HeadMemory(new_M, z + segment_z, count + len(K))


def delta_net_matrix_form(M: Tensor, K: Tensor, V: Tensor, eta: Tensor, eps: float) -> Tensor:
    """The same write of `delta_net` by one triangular system, as a check of the loop above."""
    K_hat = torch.stack([unit(k, eps) for k in K])
    A = torch.tril(torch.diag(eta) @ K_hat @ K_hat.T, -1)
    right = torch.diag(eta) @ torch.cat([V, K_hat], 1)
    U, Y = torch.linalg.solve(torch.eye(len(K), dtype=M.dtype) + A, right).split(
        [V.shape[1], K.shape[1]], 1
    )
    return M + K_hat.T @ (U - Y @ M)
