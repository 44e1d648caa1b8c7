"""What writing to memory costs in training, so that memories stay empty where nothing matters.

A hard write gate can be exactly 0, but the task alone does not ask for it: a filler token written
faintly does no harm in a short text and drowns the key in a long one. So each head may write a few
tokens of a text for nothing, those that open its gate widest, and pays for all others by
log(1 + excess / free), where their excess is the sum of softplus(logit + MARGIN):

- Gates that are closed pay until they are closed by a margin: what opens them once in ten thousand
  tokens opens them a hundred times in a book.
- The logarithm makes the slope a share. While everything is written each token's is small, and the
  task is heard; when one token in a thousand is left, all of the slope is that token's. In a mean
  it would have a thousandth.
- The slope of η itself vanishes where a gate is wide open; that of the logit does not.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Shares of the run between which the cost grows from nothing to all: first the network learns what
# to write.
COST_FROM, COST_FULL = 0.4, 0.5
MARGIN = 5.0  # a gate is closed below a logit of -2.4; it should be closed by as much again


class WriteCost:
    """Collects the logits of the write gates of every forward pass of a network.

    Args:
        model: its layers named `write_strength` are watched.
        weight: of the cost in the loss; 0 watches nothing.
        free: tokens of a text that each head may write for nothing.
        grows: whether it grows, as new weights need it; else all of it counts from the first step.
    """

    def __init__(self, model: nn.Module, weight: float, free: int, grows: bool = True) -> None:
        self.weight, self.free, self.grows = weight, free, grows
        self._logits: dict[nn.Module, list[Tensor]] = {}
        if weight:
            for name, module in model.named_modules():
                if name.endswith("write_strength"):
                    module.register_forward_hook(self._collect)

    def _collect(self, gates: nn.Module, _: Any, logits: Tensor) -> None:
        self._logits.setdefault(gates, []).append(logits)

    def start(self) -> None:
        """Forget earlier passes."""
        self._logits.clear()

    def loss(self, done: float) -> Tensor:
        """Weight times the mean over texts, heads and layers since `start`, padding included.

        Args:
            done: share of the run that is over.
        """
        if not self._logits:
            return torch.tensor(0.0)
        grown = min(1.0, max(0.0, (done - COST_FROM) / (COST_FULL - COST_FROM)))
        grown = grown if self.grows else 1.0
        layers = (torch.cat(blocks, dim=1) for blocks in self._logits.values())
        mean = torch.stack([self._excess(logits) for logits in layers]).mean()
        return self.weight * grown * mean

    def _excess(self, logits: Tensor) -> Tensor:
        """The cost of one layer, from its gates' logits `[B, S, N, H]`."""
        each = F.softplus(logits.float().flatten(1, 2) + MARGIN)  # [B, T, H]
        free = each.topk(min(self.free, each.shape[1]), dim=1).values
        excess = (each.sum(1) - free.sum(1)).clamp(min=0)  # [B, H]
        return torch.log1p(excess / self.free).mean()
