"""Which weights a run trains: all of them, memories and gates alone, or small matrices beside them.

Memories and gates are all that a converted model has not learned yet. LoRA (arXiv 2106.09685) adds
a product of two thin matrices to each projection of attention; it is merged into the weights when
training ends, so what is saved is a model like any other.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

import torch
from torch import nn

from infinisum.config import FinetuneOptions
from infinisum.errors import UsageError

MEMORY: Final = frozenset({"mix", "write_strength", "place", "distance"})
PROJECTIONS: Final = r"((en|de)coder\.)?layers\.\d+\.(self_|cross_)?attention\.[qkvo]"
LORA_RANK: Final = 16
LORA_ALPHA: Final = 32  # their product weighs alpha / rank


def is_memory(name: str) -> bool:
    """Whether a parameter decides what is written to memory, how it is mixed in, or its place."""
    return not MEMORY.isdisjoint(name.split("."))


def choose_parts(model: nn.Module, options: FinetuneOptions) -> None:
    """Freeze what `--train` leaves alone, and add what it trains beside it.

    Raises:
        UsageError: there is no such part, or the library for it is not installed.
    """
    if options.train == "lora":
        _check_lora(options)
        torch.manual_seed(options.seed)  # of the matrices
        _add_lora(model)
    elif options.train == "memory":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(is_memory(name))
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UsageError("--train memory: this model has no memories.", "Use --train all.")


def merge_parts(model: nn.Module) -> None:
    """Put LoRA's products into the weights they belong to, and make all weights trainable again."""
    for path, module in list(model.named_modules()):
        if hasattr(module, "lora_A"):
            layer: Any = module
            layer.merge()
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, layer.get_base_layer())
    model.requires_grad_(True)


def _check_lora(options: FinetuneOptions) -> None:
    if find_spec("peft") is None:
        raise UsageError("--train lora needs peft.", 'pip install "infinisum[lora]"')
    if options.parallel == "fsdp":
        raise UsageError("--train lora and --parallel fsdp exclude each other.", "Use ddp.")


def _add_lora(model: nn.Module) -> None:
    """Matrices beside the projections; only they, memories and gates stay trainable."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules=PROJECTIONS)
    inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        if is_memory(name):
            parameter.requires_grad_(True)
