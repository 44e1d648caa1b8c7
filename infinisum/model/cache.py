"""Keys and values of what was written so far, with room for what comes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, EncoderDecoderCache

from infinisum.model.compat import CACHE

FIRST_ROOM = 64  # tokens


class RoomyLayer(DynamicLayer):
    """A `DynamicLayer` that writes a step's keys and values into a buffer.

    Concatenating copies all earlier ones at every step; here that happens when the buffer is
    full and doubles, and when beams were reordered.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rooms: list[Tensor | None] = [None, None]  # of keys and values, [B, H, ≥ length, d]

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append `[B, H, T, d]`; all keys and values so far."""
        if torch.is_grad_enabled():  # autograd wants what it saved left alone
            return super().update(key_states, value_states, *args, **kwargs)
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = self._appended(0, self.keys, key_states)
        self.values = self._appended(1, self.values, value_states)
        return self.keys, self.values

    def _appended(self, i: int, kept: Tensor | None, new: Tensor) -> Tensor:
        kept = new[:, :, :0] if kept is None or not kept.numel() else kept
        length = kept.shape[2]
        total = length + new.shape[-2]
        room = self.rooms[i]
        own = room is not None and length and kept.data_ptr() == room.data_ptr()
        if room is None or not own or kept.shape[0] != room.shape[0] or total > room.shape[2]:
            room = new.new_empty(*new.shape[:2], max(FIRST_ROOM, 2 * total), new.shape[-1])
            room[:, :, :length] = kept
            self.rooms[i] = room
        room[:, :, length:total] = new
        return room[:, :, :total]


def writing_cache(layers: int) -> dict[str, Any]:
    """An empty cache for a decoder of `layers` layers, as an argument of `generate()`."""
    written = DynamicCache()
    written.layers = [RoomyLayer() for _ in range(layers)]
    return {CACHE: EncoderDecoderCache(written, DynamicCache())}
