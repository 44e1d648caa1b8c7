"""The network as a plain module: what it is made of, and how it reads.

`InfinisumForConditionalGeneration` is the same with what `transformers` wants of a model; whoever
only reads needs no more than this, and does not wait for that library.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.context import ContextState, initial_context, push, segment_slots
from infinisum.model.decoder import InfiniDecoder
from infinisum.model.encoder import EncoderState, InfiniEncoder, longest_segment
from infinisum.model.layers import Embedding
from infinisum.model.salience import SalienceHead
from infinisum.model.shape import Shape

KEPT_IN_FP32 = ("gate",)  # β of every MixingGate, whatever the dtype of the network


class StreamState(NamedTuple):
    """All that is kept of a text that was read so far; constant in its length."""

    encoder: EncoderState
    context: ContextState

    @property
    def segments(self) -> Tensor:
        """Segments read so far `[B]`."""
        return self.encoder.segments


class BlockOutput(NamedTuple):
    """What reading a block gives besides the state."""

    hidden: Tensor  # [B, S, N, D]
    salience: Tensor | None  # [B, S, K]
    vectors: Tensor | None  # [B, S, K, sentence_dim]


class EncoderDecoder:
    """The parts of the network and how it reads, for a class that is an `nn.Module`, too."""

    config: Shape
    shared: nn.Embedding
    encoder: InfiniEncoder
    decoder: InfiniDecoder
    salience: SalienceHead
    lm_head: nn.Linear

    def add_parts(self, config: Shape) -> None:
        """Make the parts; called once, in `__init__`."""
        self.shared = Embedding(config.vocab_size, config.d_model)
        self.encoder = InfiniEncoder(config)
        self.decoder = InfiniDecoder(config)
        self.salience = SalienceHead(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)

    def initial_state(
        self,
        batch: int = 1,
        window_segments: int | None = None,
        reservoir_length: int | None = None,
    ) -> StreamState:
        """The state before the first segment of `batch` texts; sizes default to the config's."""
        W = self.config.window_segments if window_segments is None else window_segments
        R = self.config.reservoir_length if reservoir_length is None else reservoir_length
        like = self.shared.weight
        return StreamState(
            self.encoder.initial_state(batch, like),
            initial_context(self.config, batch, like.detach(), W, R),
        )

    def read_block(
        self,
        input_ids: Tensor,
        mask: Tensor,
        state: StreamState,
        sentence_ids: Tensor | None = None,
        features: Tensor | None = None,
        reservoir_scores: Tensor | None = None,
    ) -> tuple[BlockOutput, StreamState]:
        """Read a block of segments.

        Args:
            input_ids: `[B, S, N]`.
            mask: `[B, S, N]` bool, True for tokens; right-padded; empty segments are skipped.
            state: before the block; it is not changed.
            sentence_ids: `[B, S, N]`, each token's sentence among `K` of its segment, or -1.
            features: `[B, S, K, F]` surface features of the sentences.
            reservoir_scores: `[B, S, K]`, to fill the reservoir by instead of the head's scores.
        """
        longest = longest_segment(mask)
        hidden, index, encoder_state = self.encoder(
            self.shared(input_ids[..., :longest]), mask[..., :longest], state.encoder
        )
        if room := mask.shape[-1] - longest:
            hidden = F.pad(hidden, (0, 0, 0, room))  # [B, S, N, D]
        if sentence_ids is not None:
            sentence_ids = sentence_ids.masked_fill(~mask, -1)
        salience = vectors = None
        if sentence_ids is not None and features is not None:
            salience, vectors = self.salience(input_ids, hidden, sentence_ids, features)
        scores = salience if reservoir_scores is None else reservoir_scores
        block = segment_slots(hidden, mask, index, sentence_ids, scores)
        context = push(self.decoder.writers, state.context, block)
        return BlockOutput(hidden, salience, vectors), StreamState(encoder_state, context)


class ReadingNetwork(EncoderDecoder, nn.Module):
    """The network alone: reads, and has the weights for more."""

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config
        self.add_parts(config)
        self.tie()

    def tie(self) -> None:
        """One matrix for embeddings and output, where the config says so."""
        if self.config.tie_word_embeddings:
            self.lm_head.weight = self.shared.weight

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.shared.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return self.shared.weight.dtype
