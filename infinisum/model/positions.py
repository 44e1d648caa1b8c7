"""Where a token stands: rotary positions, T5's relative bias, log buckets for long distances."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from infinisum.model.layers import Embedding
from infinisum.model.shape import Shape


def log_bucket(distance: Tensor, buckets: int, maximum: int) -> Tensor:
    """Bucket of a non-negative distance: exact for small ones, logarithmic up to `maximum`."""
    exact = buckets // 2
    scaled = torch.log(distance.clamp(min=1).float() / exact) / math.log(maximum / exact)
    large = exact + (scaled * (buckets - exact)).long()
    return torch.where(distance < exact, distance, large.clamp(max=buckets - 1))


def rotary(positions: Tensor, d: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[…, d]` of rotary positions (RoPE, arXiv 2104.09864) `[…]`."""
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    frequency = theta ** (
        -torch.arange(0, d, 2, device=positions.device, dtype=precise) / d
    )  # [d / 2]
    angle = positions[..., None].to(precise) * frequency
    angle = torch.cat([angle, angle], dim=-1)  # [..., d]
    return angle.cos().to(dtype), angle.sin().to(dtype)


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Apply rotary positions to queries or keys `[…, positions, d]`."""
    cosine, sine = table
    a, b = sine.chunk(2, dim=-1)
    swapped = x.unflatten(-1, (2, -1)).flip(-2).flatten(-2)  # the second half first
    return torch.addcmul(x * cosine, swapped, torch.cat([-a, b], dim=-1))


class RelativeBias(nn.Module):
    """T5's bias on attention logits by relative distance (arXiv 1910.10683, section 2.1)."""

    def __init__(self, heads: int, buckets: int, maximum: int, bidirectional: bool) -> None:
        super().__init__()
        self.buckets, self.maximum, self.bidirectional = buckets, maximum, bidirectional
        self.embedding = Embedding(buckets, heads)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Bias `[1, H, Q, K]` for query positions `[Q]` and key positions `[K]`."""
        relative = keys[None, :] - queries[:, None]  # [Q, K]
        if self.bidirectional:
            half = self.buckets // 2
            bucket = (relative > 0).long() * half
            bucket = bucket + log_bucket(relative.abs(), half, self.maximum)
        else:
            bucket = log_bucket((-relative).clamp(min=0), self.buckets, self.maximum)
        return self.embedding(bucket).permute(2, 0, 1)[None]  # type: ignore[no-any-return]


def relative_bias(
    config: Shape, layers: int, bidirectional: bool
) -> RelativeBias | nn.ModuleList | None:
    """T5's bias of a stack: one for all layers, one each, or None with other positions."""
    if config.position != "t5_bias":
        return None

    def make() -> RelativeBias:
        buckets, maximum = config.relative_buckets, config.relative_max_distance
        return RelativeBias(config.num_heads, buckets, maximum, bidirectional)

    return nn.ModuleList(make() for _ in range(layers)) if config.bias_every_layer else make()
