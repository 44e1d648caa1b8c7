"""Compressive memory: read what earlier segments left, then write this one (paper, section 2.1).

Each rule is a pure function over *blocks* of segments: it takes the memory before the block and
returns the memory before every segment of it (what that segment may read) and the memory after it.
Handing the block over one segment at a time gives the same result as handing it over whole.

All of it runs in fp32 (fp64 if that is what comes in) whatever the network's dtype: a sum over a
whole book overflows in fp16 and loses 7 % in bf16.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from infinisum.model.rules import OWN_RULES

EPSILON = 1e-6  # in every denominator sigma(Q) z


class MemoryState(NamedTuple):
    """Memory of one layer; constant in the length of the book for the compressive rules."""

    M: Tensor  # [B, H, d_k, d_v] associations
    z: Tensor  # [B, H, d_k] normaliser; stays 0 with delta_net
    count: Tensor  # type: ignore[assignment]  # [B, H] int64, tokens written so far; 0 means bypass
    keys: Tensor  # [B, H, P, d_k] exact keys kept by "xl" (one segment) and "knn" (all); else P = 0
    values: Tensor  # [B, H, P, d_v]
    kept: Tensor  # [B, P] bool, which of them are tokens

    @classmethod
    def empty(
        cls, batch: int, heads: int, d_k: int, d_v: int, like: Tensor, exact: int = 0
    ) -> MemoryState:
        """A memory nothing was written to, on the device of `like`."""
        device, dtype = like.device, state_dtype(like)
        return cls(
            M=torch.zeros(batch, heads, d_k, d_v, device=device, dtype=dtype),
            z=torch.zeros(batch, heads, d_k, device=device, dtype=dtype),
            count=torch.zeros(batch, heads, device=device, dtype=torch.long),
            keys=torch.zeros(batch, heads, exact, d_k, device=device, dtype=like.dtype),
            values=torch.zeros(batch, heads, exact, d_v, device=device, dtype=like.dtype),
            kept=torch.zeros(batch, exact, device=device, dtype=torch.bool),
        )


class BlockMemory(NamedTuple):
    """What each segment of a block finds in memory when its turn comes."""

    M: Tensor  # [B, S, H, d_k, d_v]
    z: Tensor  # [B, S, H, d_k]
    count: Tensor  # type: ignore[assignment]  # [B, S, H]


def state_dtype(x: Tensor) -> torch.dtype:
    """fp64 stays fp64 (for tests against the equations); everything else is kept in fp32."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def sigma(x: Tensor) -> Tensor:
    """σ(x) = ELU(x) + 1, written so that it does not round to 0 for x ≤ -6.25 in low precision."""
    x = x.to(state_dtype(x))
    return torch.where(x >= 0, x + 1, torch.exp(x.clamp(max=0)))


def unit_feature(x: Tensor) -> Tensor:
    """k̂ = L2norm(SiLU(k)), the feature map of `delta_net`."""
    x = torch.nn.functional.silu(x.to(state_dtype(x)))
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x * torch.rsqrt(length.square() + EPSILON * EPSILON)


def hard_write_gate(logits: Tensor) -> Tensor:
    """η = clip(1.2 · sigmoid(logits) - 0.1, 0, 1), with a straight-through gradient.

    Without it a gate that is closed (or fully open) would get no gradient and stay so for ever.
    """
    soft = 1.2 * torch.sigmoid(logits.to(state_dtype(logits))) - 0.1
    return soft + (soft.clamp(0, 1) - soft).detach()


def advance(
    rule: str,
    state: MemoryState,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    strength: Tensor | None = None,
    chunk: int = 64,
) -> tuple[BlockMemory, MemoryState]:
    """Write a block of segments, one after the other.

    Args:
        rule: one of `COMPRESSIVE_RULES`.
        state: memory before the block.
        keys: `[B, S, H, N, d_k]`, without positions.
        values: `[B, S, H, N, d_v]`.
        mask: `[B, S, N]` bool, True for tokens; padding writes nothing.
        strength: `[B, S, H, N]`, η of `delta_net`; the other rules write every token.
        chunk: tokens solved at once by `delta_net`; changes speed, not results.

    Returns:
        The memory before each segment, and the memory after the last.
    """
    dtype = state.M.dtype
    with torch.autocast(device_type=keys.device.type, enabled=False):
        keys, values = keys.to(dtype), values.to(dtype)
        token = mask[:, :, None, :]  # [B, S, 1, N]
        if rule == "delta_net":
            if strength is None:
                raise ValueError("delta_net needs a write strength for every token")
            eta = strength.to(dtype) * token  # [B, S, H, N]
            M, M_after = _delta_net(state.M, keys, values, eta, chunk)
            written = (eta > 0).sum(-1)  # [B, S, H]
            z, z_after = state.z[:, None].expand(-1, M.shape[1], -1, -1), state.z
        elif rule in OWN_RULES:
            own = OWN_RULES[rule].advance(state.M, state.z, keys, values, token.to(dtype))
            M, z, M_after, z_after = own
            written = token.expand(keys.shape[:-1]).sum(-1)
        else:
            # Masked after the feature map: sigma(0) = 1 would write padding.
            sigma_k = sigma(keys) * token[..., None]  # [B, S, H, N, d_k]
            written = token.expand(keys.shape[:-1]).sum(-1)
            z, z_after = _exclusive_sum(state.z, sigma_k.sum(-2))
            if rule == "linear":
                update = sigma_k.transpose(-1, -2) @ values  # Eq. 8: σ(K)ᵀ V
                M, M_after = _exclusive_sum(state.M, update)
            else:
                M, M_after = _delta(state.M, z, sigma_k, values, corrected=rule == "delta")
        count, count_after = _exclusive_sum(state.count, written)
    return BlockMemory(M, z, count), state._replace(M=M_after, z=z_after, count=count_after)


def read(rule: str, memory: BlockMemory, queries: Tensor) -> Tensor:
    """What the memory answers (paper Eq. 7, or `q̂ M` for `delta_net`).

    Args:
        rule: one of `COMPRESSIVE_RULES`.
        memory: the memory before each segment.
        queries: `[B, S, H, N, d_k]`, without positions.

    Returns:
        `[B, S, H, N, d_v]` in the memory's dtype; zeros where nothing was written.
    """
    with torch.autocast(device_type=queries.device.type, enabled=False):
        queries = queries.to(memory.M.dtype)
        if rule == "delta_net":
            return unit_feature(queries) @ memory.M
        if rule in OWN_RULES:
            return OWN_RULES[rule].read(memory.M, memory.z, queries)
        sigma_q = sigma(queries)
        return (sigma_q @ memory.M) / (sigma_q @ memory.z[..., None] + EPSILON)  # Eq. 7


def _exclusive_sum(start: Tensor, updates: Tensor) -> tuple[Tensor, Tensor]:
    """Running totals before each of `updates` `[B, S, …]`, and the total after the last."""
    totals = torch.cat([start[:, None], updates], dim=1).cumsum(1)  # [B, S + 1, …]
    return totals[:, :-1], totals[:, -1]


def _delta(
    M: Tensor, z: Tensor, sigma_k: Tensor, values: Tensor, corrected: bool
) -> tuple[Tensor, Tensor]:
    """Write only what the memory does not already answer (paper Eq. 9).

    `corrected` counts this segment in the denominator: with `z` alone the update overshoots when
    a long segment follows a short one.
    """
    before = []
    for k, v, z_s in zip(sigma_k.unbind(1), values.unbind(1), z.unbind(1), strict=True):
        before.append(M)  # k: [B, H, N, d_k]
        denominator = z_s + (k.sum(-2) if corrected else 0)  # [B, H, d_k]
        known = (k @ M) / (k @ denominator[..., None] + EPSILON)  # [B, H, N, d_v]
        M = M + k.transpose(-1, -2) @ (v - known)  # Eq. 9: σ(K)ᵀ (V - known)
    return torch.stack(before, dim=1), M


def _delta_net(
    M: Tensor, keys: Tensor, values: Tensor, eta: Tensor, chunk: int
) -> tuple[Tensor, Tensor]:
    """DeltaNet's rule in matrix form, exact: `M ← M - η k̂ (k̂ᵀM) + η k̂ vᵀ` token by token.

    A chunk of tokens maps `M` to `M + W (V - K̂ M)`. `W` does not depend on the state, so it is
    found for all chunks at once.
    """
    B, _, H, N, _ = keys.shape
    C = chunk_length(chunk, N)
    k = unit_feature(_in_chunks(keys, C).contiguous())  # [S n, B H, C, d_k]
    v = _in_chunks(values, C)
    W = chunk_writes(k, _in_chunks(eta[..., None], C) * k)  # [S n, B H, d_k, C]
    run = write_by_chunks if M.device.type == "cpu" else write_by_segments
    before, M = run(M.flatten(0, 1), k, v, W, -(-N // C))
    return before.unflatten(1, (B, H)).transpose(0, 1), M.unflatten(0, (B, H))


def write_by_chunks(M: Tensor, k: Tensor, v: Tensor, W: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Write chunk by chunk: the fewest operations, two small products in sequence a chunk.

    Args:
        M: memory before, `[B H, d_k, d_v]`.
        k: K̂ of all chunks `[S n, B H, C, d_k]`; `v` `[…, C, d_v]` and `W` `[…, d_k, C]` likewise.
        v: see `k`.
        W: see `k`.
        n: chunks of a segment.

    Returns:
        The memory before each segment `[S, B H, d_k, d_v]`, and after the last.
    """
    before = []
    # unbind, not indexing: the gradient of each index would fill a tensor of the whole block.
    for i, (k_i, v_i, W_i) in enumerate(zip(k.unbind(), v.unbind(), W.unbind(), strict=True)):
        if i % n == 0:  # a segment begins
            before.append(M)
        M = torch.baddbmm(M, W_i, torch.baddbmm(v_i, k_i, M, alpha=-1))
    return torch.stack(before), M


def write_by_segments(M: Tensor, k: Tensor, v: Tensor, W: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """As `write_by_chunks`, one small product in sequence a segment: fewer launches of a GPU.

    `M ← keep M + gain` with `gain = W V` and `keep = I - W K̂`; neighbours are joined in pairs
    until there is one such map a segment.
    """
    eye = torch.eye(W.shape[-2], dtype=W.dtype, device=W.device)
    gain = (W @ v).unflatten(0, (-1, n))  # [S, n, B H, d_k, d_v]
    keep = (eye - W @ k).unflatten(0, (-1, n))  # [S, n, B H, d_k, d_k]
    while n > 1:
        last = (gain[:, n - 1 :], keep[:, n - 1 :]) if n % 2 else None
        first_gain, gain = gain[:, : n - 1 : 2], gain[:, 1::2]
        first_keep, keep = keep[:, : n - 1 : 2], keep[:, 1::2]
        gain, keep = gain + keep @ first_gain, keep @ first_keep
        if last is not None:
            gain, keep = torch.cat([gain, last[0]], 1), torch.cat([keep, last[1]], 1)
        n = gain.shape[1]
    before = []
    for gain_s, keep_s in zip(gain[:, 0].unbind(), keep[:, 0].unbind(), strict=True):
        before.append(M)
        M = torch.baddbmm(gain_s, keep_s, M)
    return torch.stack(before), M


def _in_chunks(x: Tensor, C: int) -> Tensor:
    """`[B, S, H, N, f] → [S n, B H, C, f]`: in the order of writing; the rest is filled with 0."""
    B, S, H, N, f = x.shape
    if N % C:
        x = torch.nn.functional.pad(x, (0, 0, 0, -N % C))
    return x.reshape(B, S, H, -1, C, f).permute(1, 3, 0, 2, 4, 5).reshape(-1, B * H, C, f)


def chunk_writes(k: Tensor, k_eta: Tensor) -> Tensor:
    """`W = K_ηᵀ (I + A)⁻¹` with `K_η = diag(η) K̂` and `A = tril(K̂ K_ηᵀ, -1)`.

    Args:
        k: `[…, C, d_k]`, K̂.
        k_eta: the same, each token times its η.

    Returns:
        `[…, d_k, C]`.
    """
    A = k @ k_eta.transpose(-1, -2)  # [..., C, C]
    if A.device.type == "cpu":  # forward substitution; reads only what is below the diagonal
        W: Tensor = torch.linalg.solve_triangular(
            A, k_eta.transpose(-1, -2), upper=False, left=False, unitriangular=True
        )
        return W
    return k_eta.transpose(-1, -2) @ unit_inverse(A.tril(-1))


def chunk_length(chunk: int, N: int) -> int:
    """Tokens `delta_net` solves at once: `chunk` or all, rounded up to a power of two."""
    return 1 << (min(chunk, N) - 1).bit_length()


def unit_inverse(A: Tensor) -> Tensor:
    """`(I + A)⁻¹` of strictly lower triangular `A` `[…, C, C]`, `C` a power of two.

    Halves are inverted together and joined, which is forward substitution in products of whole
    blocks, as accelerators like it.
    """
    C = A.shape[-1]
    if C == 1:
        return torch.ones_like(A)
    h = C // 2
    upper, lower = unit_inverse(torch.stack([A[..., :h, :h], A[..., h:, h:]])).unbind(0)
    corner = -(lower @ A[..., h:, :h] @ upper)
    top = torch.cat([upper, torch.zeros_like(upper)], dim=-1)
    return torch.cat([top, torch.cat([corner, lower], dim=-1)], dim=-2)
