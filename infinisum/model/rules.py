"""Memory rules of one's own, added from outside: a rule in one file, every command knows it.

A rule here has no weights of its own; it says what one segment leaves in memory and how memory is
read. `docs/researchers.md` adds one, step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from infinisum.config import MEMORY_RULES
from infinisum.model.shape import BASELINES

Write = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
Read = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class OwnRule:
    """How one segment is written, and how memory is read."""

    write: Write
    read: Read

    def advance(
        self, M: Tensor, z: Tensor, keys: Tensor, values: Tensor, token: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Write the segments of a block one after the other.

        Args:
            M: `[B, H, d_k, d_v]` before the block.
            z: `[B, H, d_k]` before it.
            keys: `[B, S, H, N, d_k]`.
            values: `[B, S, H, N, d_v]`.
            token: `[B, S, 1, N]`, 1 for tokens and 0 for padding, in the memory's dtype.

        Returns:
            `M` `[B, S, H, d_k, d_v]` and `z` `[B, S, H, d_k]` before each segment, and both after
            the last.
        """
        before = []
        for k, v, t in zip(keys.unbind(1), values.unbind(1), token.unbind(1), strict=True):
            before.append((M, z))
            written, z_written = self.write(M, z, k, v, t)
            some = t.any(-1)  # [B, 1]; an empty segment changes nothing, whatever the rule does
            M = torch.where(some[..., None, None], written, M)
            z = torch.where(some[..., None], z_written, z)
        M_before, z_before = (torch.stack(parts, dim=1) for parts in zip(*before, strict=True))
        return M_before, z_before, M, z


OWN_RULES: Final[dict[str, OwnRule]] = {}


def add_memory_rule(name: str, write: Write, read: Read) -> None:
    """Make a rule known under a name, to configs, `--memory-rule` and checkpoints alike.

    Whoever loads a model that was trained with it has to add it first. Adding a name again
    replaces the rule.

    Args:
        name: letters, digits and underscores.
        write: `write(M, z, keys, values, token)` → `M`, `z` after one segment; `M`
            `[B, H, d_k, d_v]`, `z` `[B, H, d_k]`, `keys` `[B, H, N, d_k]` without positions,
            `values` `[B, H, N, d_v]`, `token` `[B, 1, N]`, 1 for tokens and 0 for padding, which
            must not be written. All in fp32, or fp64 where the network is.
        read: `read(M, z, queries)` → `[…, N, d_v]`; `M` `[…, d_k, d_v]`, `z` `[…, d_k]`,
            `queries` `[…, N, d_k]`. Not used by heads that have nothing in memory yet.

    Raises:
        ValueError: the name is taken by a rule of infinisum's, or is none.
    """
    if not name.isidentifier():
        raise ValueError(f"{name!r}: a rule's name has letters, digits and underscores alone")
    if name not in OWN_RULES and name in (*MEMORY_RULES, *BASELINES):
        raise ValueError(f"{name!r}: there is a rule of that name already")
    OWN_RULES[name] = OwnRule(write, read)
    if name not in MEMORY_RULES:
        MEMORY_RULES.append(name)
