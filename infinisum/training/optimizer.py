"""Groups of parameters, and the optimizer over them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

WEIGHT_DECAY = 0.05
WRITE_GATE_FACTOR = 3.0  # learning rate of the write gates, times that of the rest
# Learning rate of embeddings whose output is scaled down by d_model^-0.5, times that of the
# rest and d_model^0.5: a step of theirs moves a logit that much less.
SCALED_EMBEDDING_FACTOR = 9.0
FUSED = ("cuda", "cpu", "mps")  # devices whose AdamW updates all weights in one kernel


def optimizer_groups(
    model: nn.Module, learning_rate: float, gate_learning_rate: float
) -> list[dict[str, Any]]:
    """Parameters in groups: mixing gates, write gates, vectors, embeddings, matrices with decay.

    At the rate of the other weights a gate would hardly move in a whole training run; decay would
    pull it back to 0.5, and a write gate to writing half of everything. Embeddings have a group of
    their own in networks of ours whose output is scaled down. A donor's were trained in its way.
    """
    gates, writers, plain, embeddings, decayed = [], [], [], [], []
    config: Any = model.config
    # A decoder alone has no such switch; its embeddings are a donor's too.
    scaled = getattr(config, "scale_decoder_outputs", False) and not config.donor
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith("mix.gate"):
            gates.append(parameter)
        elif "write_strength" in name:
            writers.append(parameter)
        elif parameter.dim() < 2 or "place" in name or "distance" in name:
            plain.append(parameter)
        elif scaled and name.endswith("shared.weight"):
            embeddings.append(parameter)
        else:
            decayed.append(parameter)
    embedding_rate = SCALED_EMBEDDING_FACTOR * math.sqrt(config.hidden_size) * learning_rate
    groups = [
        {"params": gates, "lr": gate_learning_rate, "weight_decay": 0.0},
        {"params": writers, "lr": WRITE_GATE_FACTOR * learning_rate, "weight_decay": 0.0},
        {"params": plain, "lr": learning_rate, "weight_decay": 0.0},
        {"params": embeddings, "lr": embedding_rate, "weight_decay": 0.0},
        {"params": decayed, "lr": learning_rate, "weight_decay": WEIGHT_DECAY},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(
    kind: str, groups: list[dict[str, Any]], device: torch.device
) -> torch.optim.Optimizer:
    """AdamW, fused where the device has it, or Adafactor, which keeps far less state.

    Args:
        kind: "adamw" or "adafactor".
        groups: from `optimizer_groups`.
        device: of the parameters.
    """
    if kind == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(groups, scale_parameter=False, relative_step=False, warmup_init=False)
    return torch.optim.AdamW(
        groups, betas=(0.9, 0.98), eps=1e-8, fused=device.type in FUSED or None
    )
