"""`InfinisumConfig`: the network's shape as `transformers` knows configs."""

from __future__ import annotations

from typing import ClassVar

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig

from infinisum.model.shape import Shape


@strict
class InfinisumConfig(Shape, PreTrainedConfig):
    """`Shape`, and what `transformers` keeps with every model."""

    model_type: ClassVar[str] = "infinisum"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["cache", "past_key_values"]


AutoConfig.register("infinisum", InfinisumConfig, exist_ok=True)
