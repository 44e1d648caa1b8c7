"""Rotary positions of pretrained decoders, their frequencies stretched as the weights want it."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from infinisum.model.causal.config import InfinisumCausalConfig
from infinisum.model.memory import state_dtype


def rotary_table(
    config: InfinisumCausalConfig, positions: Tensor, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[…, d]` of positions `[…]`, in the dtype of `like`.

    Frequencies are computed in fp32 as `transformers` does: the weights know no others.
    """
    known = config.rope_parameters or {}
    scaling = 1.0
    if known.get("rope_type", "default") == "default":
        theta, d = known.get("rope_theta", 10_000.0), config.d_kv
        frequency = 1.0 / theta ** (torch.arange(0, d, 2, dtype=torch.float32) / d)  # [d / 2]
    else:
        frequency, scaling = ROPE_INIT_FUNCTIONS[known["rope_type"]](config, torch.device("cpu"))
    precise = state_dtype(like)
    angle = positions[..., None].to(precise) * frequency.to(like.device, precise)
    angle = torch.cat([angle, angle], dim=-1)  # [..., d]
    return (angle.cos() * scaling).to(like.dtype), (angle.sin() * scaling).to(like.dtype)
