"""What the mixing gates say: how much of what a head reads comes from memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from infinisum.model.layers import MixingGate
from infinisum.model.network import Reader
from infinisum.model.reading import EncoderDecoder

Gates = tuple[tuple[float, ...], ...]  # [layer][head], g = sigmoid(β); a layer without is empty


def gate_shares(model: Reader) -> tuple[Gates, Gates]:
    """The gates of the encoder's and of the decoder's layers (paper, Figure 3).

    A decoder alone has no encoder's gates.

    Returns:
        Two tables `[layer][head]` in 0 … 1: 1 reads from memory alone, 0 from softmax attention
        alone.
    """
    if isinstance(model, EncoderDecoder):
        return _of_layers(model.encoder.layers), _of_layers(model.decoder.layers)
    alone: Any = model  # `InfinisumForCausalLM`, whose module imports `transformers`
    return (), _of_layers(alone.layers)


def _of_layers(layers: Iterable[nn.Module]) -> Gates:
    return tuple(
        tuple(
            share
            for module in layer.modules()
            if isinstance(module, MixingGate)
            for share in torch.sigmoid(module.gate.detach().float()).tolist()
        )
        for layer in layers
    )
