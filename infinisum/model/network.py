"""What reads and writes a book: either of the two networks, and how a config tells which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from torch import Tensor

from infinisum.model.causal.config import CAUSAL_MODEL_TYPE, InfinisumCausalConfig
from infinisum.model.config import InfinisumConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from infinisum.model.causal.state import CausalContext, CausalState
    from infinisum.model.modeling import BlockOutput, InfiniEncoderOutput, StreamState

Config: TypeAlias = InfinisumConfig | InfinisumCausalConfig
State: TypeAlias = "StreamState | CausalState"  # what is kept of a text while it is read
Context: TypeAlias = "InfiniEncoderOutput | CausalContext"  # what is seen of it when writing


class Network(Protocol):
    """A network that reads a book block by block, and writes from what is left of it.

    `InfinisumForConditionalGeneration` and `InfinisumForCausalLM` document the methods. A state
    and a context belong to the kind of network that made them.
    """

    config: Any  # a `Config`

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""

    def initial_state(self, batch: int = 1) -> Any:
        """The state before the first segment."""

    def read_block(
        self,
        input_ids: Tensor,
        mask: Tensor,
        state: Any,
        sentence_ids: Tensor | None = None,
        features: Tensor | None = None,
    ) -> tuple[BlockOutput, Any]:
        """Read a block of segments."""

    def visible(self, state: Any, before: Tensor | None = None) -> Any:
        """What is seen of the text read so far."""

    def generate(
        self, inputs: Tensor | None = None, encoder_outputs: Any = None, **kwargs: Any
    ) -> Any:
        """Write from a context."""


def config_class(model_type: str) -> type[InfinisumConfig] | type[InfinisumCausalConfig]:
    """The class of a config for its `model_type`."""
    return InfinisumCausalConfig if model_type == CAUSAL_MODEL_TYPE else InfinisumConfig


def network_class(model_type: str) -> type[PreTrainedModel]:
    """The class of a network for the `model_type` of its config."""
    if model_type == CAUSAL_MODEL_TYPE:
        from infinisum.model.causal.modeling import InfinisumForCausalLM

        return InfinisumForCausalLM
    from infinisum.model.modeling import InfinisumForConditionalGeneration

    return InfinisumForConditionalGeneration
