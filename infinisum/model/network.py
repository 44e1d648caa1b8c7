"""What reads and writes a book: either of the two networks, and how a folder tells which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from torch import Tensor

from infinisum.checkpoint_safety import read_config_file
from infinisum.hub import weight_files
from infinisum.model.causal import CAUSAL_MODEL_TYPE
from infinisum.model.reading import BlockOutput
from infinisum.model.shape import Shape, read_shape
from infinisum.model.weights import load_network

if TYPE_CHECKING:
    from infinisum.model.causal.config import InfinisumCausalConfig
    from infinisum.model.causal.modeling import InfinisumForCausalLM
    from infinisum.model.causal.state import CausalContext, CausalState
    from infinisum.model.modeling import InfiniEncoderOutput
    from infinisum.model.reading import ReadingNetwork, StreamState

Config: TypeAlias = "Shape | InfinisumCausalConfig"
State: TypeAlias = "StreamState | CausalState"  # what is kept of a text while it is read
Context: TypeAlias = "InfiniEncoderOutput | CausalContext"  # what is seen of it when writing


class Reader(Protocol):
    """A network that reads a book block by block.

    `ReadingNetwork` and `InfinisumForCausalLM` document the methods. A state belongs to the kind
    of network that made it.
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


class Network(Reader, Protocol):
    """A network that writes from what is left of a book, too.

    `InfinisumForConditionalGeneration` and `InfinisumForCausalLM` document the methods. A context
    belongs to the kind of network that made it.
    """

    def visible(self, state: Any, before: Tensor | None = None) -> Any:
        """What is seen of the text read so far."""

    def generate(
        self, inputs: Tensor | None = None, encoder_outputs: Any = None, **kwargs: Any
    ) -> Any:
        """Write from a context."""


def read_config(folder: Path) -> Config:
    """The config of the network in a model folder.

    Raises:
        InputError: it cannot be read.
        ValueError, TypeError: no network can be built from it.
    """
    content = read_config_file(folder)
    if content.get("model_type") != CAUSAL_MODEL_TYPE:
        return read_shape(content)
    from huggingface_hub.errors import StrictDataclassError

    from infinisum.model.causal.config import InfinisumCausalConfig

    try:
        return InfinisumCausalConfig.from_pretrained(folder, local_files_only=True)
    except StrictDataclassError as error:
        raise ValueError(str(error)) from error


def read_network(folder: Path, dtype: torch.dtype) -> ReadingNetwork | InfinisumForCausalLM:
    """The network in a model folder, on the CPU, ready to read.

    A decoder alone is what `transformers` loads; an encoder-decoder does without, and
    `InfinisumForConditionalGeneration.around` makes of it what writes.

    Raises:
        InputError: the config cannot be read.
        ValueError, TypeError, KeyError, RuntimeError, OSError, SafetensorError: no network can be
            built from the config, or the weights are not its own.
    """
    config = read_config(folder)
    if isinstance(config, Shape):
        return load_network(config, weight_files(folder), dtype)
    from infinisum.model.causal.modeling import InfinisumForCausalLM

    model: InfinisumForCausalLM = InfinisumForCausalLM.from_pretrained(
        folder, config=config, dtype=dtype, use_safetensors=True, local_files_only=True
    )
    return model
