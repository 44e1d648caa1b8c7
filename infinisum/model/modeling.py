"""`InfinisumForConditionalGeneration`: the whole network as `transformers` knows models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModelForSeq2SeqLM, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.loss.loss_utils import fixed_cross_entropy
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from infinisum.model.attention import PlaceTable
from infinisum.model.compat import CACHE
from infinisum.model.config import InfinisumConfig
from infinisum.model.context import (
    ContextState,
    exact_states,
    flush,
    initial_context,
    push,
    segment_slots,
)
from infinisum.model.decoder import InfiniDecoder, VisibleBook
from infinisum.model.encoder import EncoderState, InfiniEncoder, longest_segment
from infinisum.model.layers import MixingGate, RMSNorm
from infinisum.model.salience import SalienceHead

READING_ARGUMENTS = (
    "sentence_ids",
    "sentence_features",
    "reservoir_scores",
    "window_segments",
    "reservoir_length",
    "remember",
)
RECOMPUTED_TOKENS = 8_192  # whose activations in a layer are held at once where they are recomputed


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


@dataclass
class InfiniEncoderOutput(BaseModelOutput):
    """What the decoder sees of a text, as batch-first tensors, so that beam search can repeat it.

    `last_hidden_state` `[B, X, D]` holds reservoir and window; the rest is as in `VisibleBook`.
    """

    exact_mask: Tensor | None = None
    distance: Tensor | None = None
    M: Tensor | None = None
    z: Tensor | None = None
    count: Tensor | None = None
    salience: Tensor | None = None
    vectors: Tensor | None = None

    def book(self) -> VisibleBook:
        """The same as the decoder takes it."""
        parts = (self.last_hidden_state, self.exact_mask, self.distance, self.M, self.z, self.count)
        return VisibleBook(*parts)  # type: ignore[arg-type]


@dataclass
class InfinisumOutput(Seq2SeqLMOutput):
    """`Seq2SeqLMOutput` with what the salience head says."""

    salience: Tensor | None = None  # [B, S, K]
    vectors: Tensor | None = None  # [B, S, K, sentence_dim]


class InfinisumForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Infini-attention encoder-decoder with a language-model head and a salience head.

    Texts are `[B, S, N]`: segments of `config.segment_length` tokens, right-padded, with their
    mask. A plain `[B, T]` text is cut into segments as it comes.
    """

    config_class = InfinisumConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True
    _keep_in_fp32_modules_strict = ["gate"]  # β of every MixingGate
    _tied_weights_keys = {"lm_head.weight": "shared.weight"}
    _no_split_modules = ["EncoderLayer", "DecoderLayer"]
    supports_gradient_checkpointing = True

    config: InfinisumConfig

    def __init__(self, config: InfinisumConfig) -> None:
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = InfiniEncoder(config)
        self.decoder = InfiniDecoder(config)
        self.salience = SalienceHead(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings both stacks share."""
        return self.shared

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embeddings."""
        self.shared = value  # type: ignore[assignment]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.initializer_range
        if isinstance(module, nn.Linear):
            init.normal_(module.weight, mean=0.0, std=std)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, SalienceHead):
            init.zeros_(module.feature_mean)
            init.ones_(module.feature_scale)
        elif isinstance(module, PlaceTable):
            init.zeros_(module.weight)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, mean=0.0, std=self.config.embedding_range)
        elif isinstance(module, RMSNorm):
            init.ones_(module.weight)
        elif isinstance(module, MixingGate):
            init.constant_(module.gate, self.config.gate_init)
            if module.norm is not None:
                init.ones_(module.norm)

    # Reading -------------------------------------------------------------------------------

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

    def visible(self, state: StreamState, before: Tensor | None = None) -> InfiniEncoderOutput:
        """What the decoder sees of the text read so far.

        Args:
            state: not changed, whatever is decoded from it.
            before: `[B]`; segments before this number are seen through reservoir and memory
                alone, so that a chapter that starts there has the window to itself.
        """
        context = state.context
        if before is not None:
            context = flush(self.decoder.writers, context, before)
        states, mask, distance = exact_states(context, state.encoder.segments)
        return InfiniEncoderOutput(
            last_hidden_state=states,
            exact_mask=mask,
            distance=distance,
            M=torch.stack([memory.M for memory in context.memories], dim=1),
            z=torch.stack([memory.z for memory in context.memories], dim=1),
            count=torch.stack([memory.count for memory in context.memories], dim=1),
        )

    def encode(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        sentence_ids: Tensor | None = None,
        sentence_features: Tensor | None = None,
        reservoir_scores: Tensor | None = None,
        window_segments: int | None = None,
        reservoir_length: int | None = None,
        remember: bool = True,
    ) -> InfiniEncoderOutput:
        """Read whole texts, layer-major; see `read_block` for the shapes.

        With `remember=False` memories are empty whenever they are read: what are they worth?
        """
        ids, mask = self._segments(input_ids, attention_mask)
        if sentence_ids is not None:
            room = ids.shape[-1] - sentence_ids.shape[-1]
            sentence_ids = F.pad(sentence_ids, (0, room), value=-1)
        given = (ids, mask, sentence_ids, sentence_features, reservoir_scores)
        empty = state = self.initial_state(ids.shape[0], window_segments, reservoir_length)
        salience, vectors = [], []
        size = self._block_segments(ids) if remember else 1
        for s in range(0, ids.shape[1], size):
            block_ids, block_mask, *rest = (
                None if part is None else part[:, s : s + size] for part in given
            )
            assert block_ids is not None and block_mask is not None
            state = state if remember else _forgetful(state, empty)
            block, state = self.read_block(block_ids, block_mask, state, *rest)
            salience.append(block.salience)
            vectors.append(block.vectors)
        output = self.visible(state if remember else _forgetful(state, empty))
        if salience[0] is not None:
            output.salience = torch.cat([part for part in salience if part is not None], dim=1)
            output.vectors = torch.cat([part for part in vectors if part is not None], dim=1)
        return output

    def _block_segments(self, ids: Tensor) -> int:
        """Segments of `[B, S, N]` read at once: all, or fewer where activations are recomputed.

        Then the backward pass holds those of one layer and one block at a time.
        """
        B, S, N = ids.shape
        recomputed = self.training and self.decoder.writers[0].gradient_checkpointing
        return max(1, RECOMPUTED_TOKENS // (B * N)) if recomputed else S

    def _segments(self, ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """`[B, T]` or `[B, S, ≤ N]` as whole segments `[B, S, N]` with a bool mask.

        Raises:
            ValueError: there is no text, or segments are longer than the config's.
        """
        N = self.config.segment_length
        if ids.shape[-1] == 0 or (ids.dim() == 3 and ids.shape[-1] > N):
            raise ValueError(f"a text needs 1 token or more, in segments of at most {N}")
        mask = torch.ones_like(ids) if mask is None else mask
        pad = -ids.shape[-1] % N
        ids, mask = F.pad(ids, (0, pad), value=self.config.pad_token_id or 0), F.pad(mask, (0, pad))
        if ids.dim() == 2:
            ids, mask = ids.unflatten(1, (-1, N)), mask.unflatten(1, (-1, N))
        return ids, mask.bool()

    # Writing -------------------------------------------------------------------------------

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: InfiniEncoderOutput | None = None,
        past_key_values: EncoderDecoderCache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        cache: EncoderDecoderCache | None = None,
        **reading: Any,
    ) -> InfinisumOutput:
        """Logits `[B, T, vocab_size]`, and the loss where `labels` `[B, T]` are given.

        Args:
            input_ids: the text, `[B, S, N]` or `[B, T]`; not needed with `encoder_outputs`.
            attention_mask: of the text, in its shape.
            decoder_input_ids: `[B, T]`; made from `labels` by shifting where absent.
            decoder_attention_mask: `[B, past + T]`.
            encoder_outputs: from `encode` or `visible`.
            past_key_values: the older name of `cache` in `transformers`.
            labels: -100 where no loss is wanted.
            use_cache: return a cache.
            cache: of earlier steps.
            reading: the other arguments of `encode` (`READING_ARGUMENTS`), and
                `num_items_in_batch`, labels of a whole step that the loss is divided by.
        """
        if encoder_outputs is None:
            if input_ids is None:
                raise ValueError("either input_ids or encoder_outputs is needed")
            known = {name: reading[name] for name in READING_ARGUMENTS if name in reading}
            encoder_outputs = self.encode(input_ids, attention_mask, **known)
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("either decoder_input_ids or labels is needed")
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        cache = past_key_values if cache is None else cache
        if use_cache and cache is None:
            cache = EncoderDecoderCache(
                DynamicCache(config=self.config), DynamicCache(config=self.config)
            )
        hidden = self.decoder(
            self.shared(decoder_input_ids),
            encoder_outputs.book(),
            decoder_attention_mask,
            cache,
        )
        if self.config.scale_decoder_outputs:
            hidden = hidden * self.config.d_model**-0.5
        logits = self.lm_head(hidden)  # [B, T, vocab_size]
        loss = None
        if labels is not None:
            loss = fixed_cross_entropy(
                logits.flatten(0, 1).float(), labels.flatten(), reading.get("num_items_in_batch")
            )
        output = InfinisumOutput(
            loss=loss,
            logits=logits,
            encoder_last_hidden_state=encoder_outputs.last_hidden_state,
            salience=encoder_outputs.salience,
            vectors=encoder_outputs.vectors,
        )
        if cache is not None:
            output[CACHE] = cache
        return output

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """Shift labels right behind the start token; -100 becomes padding."""
        shifted = torch.full_like(labels, self.config.decoder_start_token_id or 0)
        shifted[:, 1:] = labels[:, :-1]
        return shifted.masked_fill(shifted == -100, self.config.pad_token_id or 0)

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        encoder_outputs: InfiniEncoderOutput | None = None,
        **kwargs: Any,
    ) -> Any:
        """`transformers`' `generate()`: greedy, sampling, beams; the text is read once before.

        Args:
            inputs: the text, as `input_ids` of `forward`; or give `encoder_outputs`.
            encoder_outputs: from `encode` or `visible`; repeated for beams, never changed.
            kwargs: `decoder_input_ids` (the prompt), `attention_mask` and what else `encode`
                takes, and everything `GenerationMixin.generate` takes.
        """
        text = kwargs.pop("input_ids", inputs)
        known = {name: kwargs.pop(name) for name in READING_ARGUMENTS if name in kwargs}
        mask = kwargs.pop("attention_mask", None)
        if encoder_outputs is None:
            if text is None:
                raise ValueError("either a text or encoder_outputs is needed")
            encoder_outputs = self.encode(text, mask, **known)
        copy = InfiniEncoderOutput(**encoder_outputs)  # generate() repeats its entries in place
        return super().generate(encoder_outputs=copy, **kwargs)


def _forgetful(state: StreamState, empty: StreamState) -> StreamState:
    """The state with the memories of an empty one."""
    return StreamState(
        state.encoder._replace(memories=empty.encoder.memories),
        state.context._replace(memories=empty.context.memories),
    )


AutoModelForSeq2SeqLM.register(InfinisumConfig, InfinisumForConditionalGeneration, exist_ok=True)
