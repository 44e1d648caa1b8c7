"""Tensors to safetensors, as many at a time as one file holds: memory does not grow with the model.

Names, shapes and dtypes are known before anything is read, so the files are planned first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from infinisum.hub import INDEX_FILE, WEIGHTS_FILE


class Planned(NamedTuple):
    """A tensor that will be written."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size(self) -> int:
        """Bytes."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


def write_shards(
    tensors: Sequence[Planned], make: Callable[[Planned], Tensor], folder: Path, most_bytes: int
) -> Iterator[int]:
    """Write tensors to `folder`, in one file or in several with an index.

    Args:
        tensors: what to write, in order.
        make: makes one in the planned shape and dtype; called for one after the other.
        folder: exists.
        most_bytes: of a file, unless one tensor alone has more; so much is held in memory.

    Yields:
        Bytes written so far, after each file.

    Raises:
        OSError, SafetensorError: the disk is full, or cannot be written to.
    """
    shards = list(_shards(tensors, most_bytes))
    names = (
        [WEIGHTS_FILE]
        if len(shards) == 1
        else [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    )
    written = 0
    for name, shard in zip(names, shards, strict=True):
        content = {planned.name: make(planned).contiguous() for planned in shard}
        save_file(content, folder / name, metadata={"format": "pt"})
        del content  # before the next one is read
        written += sum(planned.size for planned in shard)
        yield written
    if len(shards) > 1:
        places = {
            planned.name: name
            for name, shard in zip(names, shards, strict=True)
            for planned in shard
        }
        index = {"metadata": {"total_size": written}, "weight_map": places}
        (folder / INDEX_FILE).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _shards(tensors: Sequence[Planned], most_bytes: int) -> Iterator[list[Planned]]:
    """The tensors of each file, in their order."""
    shard: list[Planned] = []
    for planned in tensors:
        if shard and sum(p.size for p in shard) + planned.size > most_bytes:
            yield shard
            shard = []
        shard.append(planned)
    if shard:
        yield shard
