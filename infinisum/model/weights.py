"""Weights of a model folder → a network that reads, without `transformers`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from infinisum.model.reading import KEPT_IN_FP32, ReadingNetwork
from infinisum.model.shape import Shape


def load_network(shape: Shape, files: Iterable[Path], dtype: torch.dtype) -> ReadingNetwork:
    """A network with its weights, on the CPU.

    Args:
        shape: of the network.
        files: safetensors; each weight is in one of them, and what is no weight is left aside.
        dtype: to compute in.

    Raises:
        ValueError: a weight is missing, or has another shape than the network's.
        SafetensorError: a file cannot be read.
    """
    with torch.device("meta"):
        network = ReadingNetwork(shape)
    weights: dict[str, Tensor] = {}
    for file in files:
        weights |= load_file(file)
    taken: dict[str, Tensor] = {}
    for name, wanted in chain(network.named_parameters(), network.named_buffers()):
        if name not in weights:
            raise ValueError(f"there are no weights for {name}.")
        if weights[name].shape != wanted.shape:
            there, asked = (list(tensor.shape) for tensor in (weights[name], wanted))
            raise ValueError(f"{name} has the shape {there}, the config says {asked}.")
        taken[name] = weights[name].to(_dtype(name, dtype))
    network.load_state_dict(taken, strict=False, assign=True)  # of tied ones there is one
    network.tie()
    return network.eval()


def _dtype(name: str, dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if name.rpartition(".")[2] in KEPT_IN_FP32 else dtype
