"""One block of segments shared out to several processes: prefix sums of the memory across ranks.

Every compressive rule writes a run of segments as an affine map of the memory that was there
before, `M ← D M + G`: `D` is the identity for `linear` and a product of `d_k × d_k` matrices for
the others. Such maps compose, whatever `M` is, so ranks write their own segments at the same time,
exchange their maps once, and compose those of the ranks before them. What crosses is
`H · d_k · (d_k + d_v)` numbers a layer and rank, however many segments there are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from infinisum.model.memory import BlockMemory, MemoryState, advance, sigma

Gather = Callable[[Tensor], list[Tensor]]  # a tensor of this rank → those of all, in order


def advance_across(
    rule: str,
    state: MemoryState,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    strength: Tensor | None = None,
    chunk: int = 64,
    *,
    rank: int,
    gather: Gather,
) -> tuple[BlockMemory, MemoryState]:
    """Write a block of which each rank holds consecutive segments: `advance`, shared out.

    Called by all ranks at once. For reading: no gradient crosses ranks.

    Args:
        rule: one of `COMPRESSIVE_RULES`.
        state: memory before the block, the same on all ranks.
        keys: `[B, S, H, N, d_k]` of this rank's segments, without positions.
        values: `[B, S, H, N, d_v]`.
        mask: `[B, S, N]` bool, True for tokens; a rank without segments hands in an empty one.
        strength: `[B, S, H, N]`, η of `delta_net`.
        chunk: tokens solved at once by `delta_net`.
        rank: this one's number.
        gather: from `gather_with`, or anything that does the same.

    Returns:
        The memory before each of this rank's segments, and after the last of the whole block;
        equal to `advance` over all of them to rounding.
    """
    dtype = state.M.dtype
    d_k, d_v = state.M.shape[-2:]
    start = state._replace(M=torch.zeros_like(state.M), count=torch.zeros_like(state.count))
    if rule in ("delta", "delta_paper"):  # what they write depends on z, so that comes first
        sums = (sigma(keys).to(dtype) * mask[:, :, None, :, None]).sum((1, 3))  # [B, H, d_k]
        start = start._replace(z=state.z + _sum(gather(sums)[:rank], sums))
    elif rule == "linear":
        start = start._replace(z=torch.zeros_like(state.z))
    if rule != "linear":
        # Columns of M do not mix: those that begin as the identity, with values 0, become D.
        eye = torch.eye(d_k, dtype=dtype, device=keys.device).expand(*state.M.shape[:-1], d_k)
        start = start._replace(M=torch.cat([start.M, eye], dim=-1))
        values = torch.nn.functional.pad(values, (0, d_k))
    before, after = advance(rule, start, keys, values, mask, strength, chunk)

    # G, D, z and the tokens written, in one message: counts are exact in fp32 up to 16 M a block.
    own = torch.cat([after.M, after.z[..., None], _column(after.count, after.M)], dim=-1)
    M, z, count = state.M, state.z, state.count
    M_start, z_start, count_start = M, z, count
    for number, theirs in enumerate(gather(own)):
        if number == rank:
            M_start, z_start, count_start = M, z, count
        G, D = theirs[..., :d_v], theirs[..., d_v:-2]
        M = G + (D @ M if rule != "linear" else M)
        z = z + theirs[..., -2] if rule == "linear" else theirs[..., -2]
        count = count + theirs[..., 0, -1].to(count.dtype)
    mine = before.M[..., :d_v]
    shown = BlockMemory(
        M=mine + (before.M[..., d_v:] @ M_start[:, None] if rule != "linear" else M_start[:, None]),
        z=before.z + z_start[:, None] if rule == "linear" else before.z,
        count=before.count + count_start[:, None],
    )
    return shown, state._replace(M=M, z=z, count=count)


def gather_with(group: torch.distributed.ProcessGroup | None = None) -> Gather:
    """The exchange by `torch.distributed`; None: all processes of the job."""

    def gather(own: Tensor) -> list[Tensor]:
        count = torch.distributed.get_world_size(group)
        parts = [torch.empty_like(own) for _ in range(count)]
        torch.distributed.all_gather(parts, own.contiguous(), group=group)
        return parts

    return gather


def _sum(parts: list[Tensor], like: Tensor) -> Tensor:
    return torch.stack(parts).sum(0) if parts else torch.zeros_like(like)


def _column(count: Tensor, M: Tensor) -> Tensor:
    """`[B, H] → [B, H, d_k, 1]` beside M, in its dtype."""
    return count.to(M.dtype)[..., None, None].expand(*M.shape[:-1], 1)
