"""What writing to memory costs in training, so that memories stay empty where nothing matters.

A hard write gate can be exactly 0, but the task alone does not ask for it: a filler token written
faintly does no harm in a short text and drowns the key in a long one. The cost is the mean of
softplus of all gates' logits. Its slope is sigmoid, so closed gates still move away from opening,
and open ones feel all of it: the slope of η itself vanishes there too, and gates that had opened
wide stayed open.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Shares of the run between which the cost grows from nothing to all: first the network learns what
# to write.
COST_FROM, COST_FULL = 0.3, 0.4


class WriteCost:
    """Collects the logits of the write gates of every forward pass of a network.

    Args:
        model: its layers named `write_strength` are watched.
        weight: of the cost in the loss; 0 watches nothing.
    """

    def __init__(self, model: nn.Module, weight: float) -> None:
        self.weight = weight
        self._logits: list[Tensor] = []
        if weight:
            for name, module in model.named_modules():
                if name.endswith("write_strength"):
                    module.register_forward_hook(self._collect)

    def _collect(self, _: nn.Module, __: Any, logits: Tensor) -> None:
        self._logits.append(logits)

    def start(self) -> None:
        """Forget earlier passes."""
        self._logits.clear()

    def loss(self, done: float) -> Tensor:
        """Weight times the mean softplus since `start`, padding included.

        Args:
            done: share of the run that is over.
        """
        if not self._logits:
            return torch.tensor(0.0)
        grown = min(1.0, max(0.0, (done - COST_FROM) / (COST_FULL - COST_FROM)))
        mean = torch.stack([F.softplus(logits).mean() for logits in self._logits]).mean()
        return self.weight * grown * mean
