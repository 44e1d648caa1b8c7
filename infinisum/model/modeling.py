"""`InfinisumForConditionalGeneration`: the whole network as `transformers` knows models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoModelForSeq2SeqLM,
    GenerationConfig,
    GenerationMixin,
    PreTrainedModel,
)
from transformers import initialization as init
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.loss.loss_utils import fixed_cross_entropy
from transformers.masking_utils import create_causal_mask
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from infinisum.model.attention import PlaceTable
from infinisum.model.compat import CACHE
from infinisum.model.config import InfinisumConfig
from infinisum.model.context import exact_states, flush
from infinisum.model.decoder import VisibleBook
from infinisum.model.layers import RECOMPUTED_TOKENS, MixingGate, RMSNorm
from infinisum.model.reading import KEPT_IN_FP32, EncoderDecoder, ReadingNetwork, StreamState
from infinisum.model.salience import SalienceHead

READING_ARGUMENTS = (
    "sentence_ids",
    "sentence_features",
    "reservoir_scores",
    "window_segments",
    "reservoir_length",
    "remember",
)


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


class InfinisumForConditionalGeneration(EncoderDecoder, PreTrainedModel, GenerationMixin):
    """Infini-attention encoder-decoder with a language-model head and a salience head.

    Texts are `[B, S, N]`: segments of `config.segment_length` tokens, right-padded, with their
    mask. A plain `[B, T]` text is cut into segments as it comes.
    """

    config_class = InfinisumConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True
    _keep_in_fp32_modules_strict = list(KEPT_IN_FP32)
    _tied_weights_keys = {"lm_head.weight": "shared.weight"}
    _no_split_modules = ["EncoderLayer", "DecoderLayer"]
    supports_gradient_checkpointing = True

    config: InfinisumConfig

    def __init__(self, config: InfinisumConfig) -> None:
        super().__init__(config)
        self.add_parts(config)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings both stacks share."""
        return self.shared

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embeddings."""
        self.shared = value  # type: ignore[assignment]

    @classmethod
    def around(
        cls,
        network: ReadingNetwork,
        config: Mapping[str, Any],
        generation: Mapping[str, Any] | None = None,
    ) -> InfinisumForConditionalGeneration:
        """A network that was loaded to read, as `transformers` knows it; both share the weights.

        Args:
            network: from `load_network`.
            config: all that config.json says.
            generation: what generation_config.json says; None: what follows from the config.

        Raises:
            ValueError, TypeError: `transformers` refuses what one of them says.
        """
        try:
            whole = InfinisumConfig.from_dict(dict(config), dtype=network.dtype)
        except StrictDataclassError as error:
            raise ValueError(str(error)) from error
        with torch.device("meta"):
            model = cls(whole)
        model.load_state_dict(network.state_dict(keep_vars=True), assign=True)
        model.tie_weights()
        if generation is not None:
            model.generation_config = GenerationConfig.from_dict(dict(generation))
        model.train(network.training)
        return model

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
        embedded = self.shared(decoder_input_ids)
        mask = create_causal_mask(
            config=self.config,
            inputs_embeds=embedded,
            attention_mask=decoder_attention_mask,
            **{CACHE: None if cache is None else cache.self_attention_cache},
        )
        hidden = self.decoder(embedded, encoder_outputs.book(), mask, cache)
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
