"""`InfinisumForCausalLM`: the decoder-only network as `transformers` knows models."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.loss.loss_utils import fixed_cross_entropy
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import CausalLMOutputWithPast

from infinisum.model.causal.attention import CausalInfiniAttention, Table, at_last
from infinisum.model.causal.config import InfinisumCausalConfig
from infinisum.model.causal.positions import rotary_table
from infinisum.model.causal.state import (
    CausalContext,
    CausalState,
    behind,
    last_segment,
    layer_memory,
    tokens_first,
    tokens_last,
)
from infinisum.model.causal.teaching import opened, taught
from infinisum.model.compat import CACHE
from infinisum.model.layers import FeedForward, MixingGate, RMSNorm
from infinisum.model.memory import BlockMemory, MemoryState
from infinisum.model.reading import BlockOutput


class CausalLayer(GradientCheckpointingLayer):
    """Infini-attention and feed-forward, each with pre-normalisation and residual."""

    def __init__(self, config: InfinisumCausalConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.attention = CausalInfiniAttention(config, layer)
        self.ffn_norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.ffn = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        memory: MemoryState | BlockMemory,
        table: Table,
        cache: Cache | None = None,
    ) -> tuple[Tensor, BlockMemory | None, MemoryState | None]:
        """Read a block `[B, S, N, D]`, or go on in the open segment `[B, T, D]`.

        Args:
            x: states.
            mask: as `CausalInfiniAttention.forward` or `write` takes it.
            memory: before the block, or, to go on, before the open segment.
            table: of positions.
            cache: of the open segment.

        Returns:
            States, the memory before each segment, the memory after the block.
        """
        normed = self.attention_norm(x)
        if isinstance(memory, BlockMemory):
            return (
                self._add(x, self.attention.write(normed, mask, memory, table, cache)),
                None,
                None,
            )
        attended, before, after = self.attention(normed, mask, memory, table)
        return self._add(x, attended), before, after

    def _add(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.dropout(attended)
        return x + self.dropout(self.ffn(self.ffn_norm(x)))  # type: ignore[no-any-return]


class InfinisumForCausalLM(PreTrainedModel, GenerationMixin):
    """Decoder-only language model with Infini-attention.

    It reads texts `[B, S, N]` in segments of at most `config.segment_length` tokens, as
    `InfinisumForConditionalGeneration` does, and writes on in the last of them.
    """

    config_class = InfinisumCausalConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True
    _keep_in_fp32_modules_strict = ["gate"]  # β of every MixingGate
    _tied_weights_keys = {"lm_head.weight": "embedding.weight"}
    _no_split_modules = ["CausalLayer"]
    supports_gradient_checkpointing = True

    config: InfinisumCausalConfig

    def __init__(self, config: InfinisumCausalConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(CausalLayer(config, i) for i in range(config.num_layers))
        self.norm = RMSNorm(config.d_model, config.norm_epsilon)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings."""
        return self.embedding

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the token embeddings."""
        self.embedding = value  # type: ignore[assignment]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            init.normal_(module.weight, mean=0.0, std=self.config.initializer_range)
            if isinstance(module, nn.Linear) and module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, RMSNorm):
            init.ones_(module.weight)
        elif isinstance(module, MixingGate):
            init.constant_(module.gate, self.config.gate_init)
            if module.norm is not None:
                init.ones_(module.norm)

    # Reading -------------------------------------------------------------------------------

    def initial_state(self, batch: int = 1) -> CausalState:
        """The state before the first segment of `batch` texts."""
        config, like = self.config, self.embedding.weight.detach()
        empty = tuple(
            MemoryState.empty(batch, config.num_kv_heads, config.d_kv, config.d_kv, like)
            for _ in range(config.num_layers)
        )
        tail = torch.zeros(batch, config.segment_length, dtype=torch.long, device=like.device)
        return CausalState(empty, empty, tail, tail.bool(), tail.new_zeros(batch))

    def read_block(
        self,
        input_ids: Tensor,
        mask: Tensor,
        state: CausalState,
        sentence_ids: Tensor | None = None,
        features: Tensor | None = None,
    ) -> tuple[BlockOutput, CausalState]:
        """Read a block of segments.

        Args:
            input_ids: `[B, S, N]`, N at most `config.segment_length`.
            mask: `[B, S, N]` bool, True for tokens; right-padded; empty segments are skipped.
            state: before the block; it is not changed.
            sentence_ids, features: not looked at; nothing here scores sentences.
        """
        N = self.config.segment_length
        if input_ids.shape[-1] > N:
            raise ValueError(f"segments have at most {N} tokens, not {input_ids.shape[-1]}")
        x = self.embedding(input_ids)
        here = torch.arange(x.shape[2], device=x.device)
        table = rotary_table(self.config, here, x)  # [N, d]
        befores, afters = [], []
        for layer, last, memory in zip(self.layers, state.before, state.after, strict=True):
            x, before, after = layer(x, mask, memory, table)
            befores.append(last if before is None else at_last(before, last, mask))
            afters.append(after)
        tail, tail_mask, _ = last_segment(input_ids, mask, state)
        segments = state.segments + mask.any(-1).long().sum(1)
        after_block = CausalState(tuple(befores), tuple(afters), tail, tail_mask, segments)
        return BlockOutput(self.norm(x), None, None), after_block

    def visible(self, state: CausalState, before: Tensor | None = None) -> CausalContext:
        """What is seen of the text read so far: the last segment exactly, the rest from memory.

        Args:
            state: not changed, whatever is written from it.
            before: `[B]`; where the last segment comes before this number, it too is seen from
                memory alone.
        """
        gone = torch.zeros_like(state.segments, dtype=torch.bool)
        if before is not None:
            gone = state.segments <= before

        def stacked(name: str) -> Tensor:
            before_last, after_all = (
                torch.stack([getattr(memory, name) for memory in memories], dim=1)
                for memories in (state.before, state.after)
            )
            return torch.where(gone.view(-1, *[1] * (after_all.dim() - 1)), after_all, before_last)

        return CausalContext(
            tail=state.tail,
            tail_mask=state.tail_mask & ~gone[:, None],
            M=stacked("M"),
            z=stacked("z"),
            count=stacked("count"),
        )

    def encode(self, input_ids: Tensor, mask: Tensor) -> tuple[Tensor, CausalState]:
        """Read whole texts `[B, T]`, tokens first, in one block: states `[B, T, D]` and state."""
        T, N = input_ids.shape[1], self.config.segment_length
        pad = -T % min(N, max(T, 1))
        ids, mask = F.pad(input_ids, (0, pad)), F.pad(mask, (0, pad))
        size = min(N, ids.shape[1])
        block, state = self.read_block(
            ids.unflatten(1, (-1, size)),
            mask.unflatten(1, (-1, size)),
            self.initial_state(len(ids)),
        )
        return block.hidden.flatten(1, 2)[:, :T], state

    # Writing -------------------------------------------------------------------------------

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        cache: Cache | None = None,
        memory_M: Tensor | None = None,
        memory_z: Tensor | None = None,
        memory_count: Tensor | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        remember: bool = True,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Logits `[B, T, vocab_size]`, and the loss where `labels` `[B, T]` are given.

        Without a memory the text `[B, T]` is read as it comes, in segments of
        `config.segment_length`. With one, as `generate` calls it, the tokens go on in the open
        segment and see everything before it through the memory. A text `[B, S, N]` in segments is
        what training gives; see `taught`.

        Args:
            input_ids: `[B, T]` or `[B, S, N]`.
            attention_mask: `[B, T]`, or `[B, past + T]` with a memory; 0 for padding.
            position_ids: `[B, T]` in the open segment, with a memory.
            past_key_values: the older name of `cache` in `transformers`.
            inputs_embeds: `[B, T, D]` instead of `input_ids`, with a memory.
            labels: `[B, T]`, the input ids themselves; -100 where no loss is wanted.
            use_cache: return a cache, with a memory.
            cache: keys and values of the open segment so far.
            memory_M, memory_z, memory_count: see `CausalContext`.
            logits_to_keep: only the last so many, or 0 for all.
            num_items_in_batch: labels of a whole step that the loss is divided by.
            decoder_input_ids: `[B, T]`, what is written behind a text in segments.
            remember: with False such a text is read without memory.
        """
        if input_ids is not None and input_ids.dim() == 3:
            given = (attention_mask, decoder_input_ids, labels, num_items_in_batch, remember)
            return taught(self, input_ids, *given)
        if memory_M is not None and memory_z is not None and memory_count is not None:
            cache = past_key_values if cache is None else cache
            if use_cache and cache is None:
                cache = DynamicCache(config=self.config)
            x = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
            memories = [
                layer_memory(memory_M, memory_z, memory_count, i) for i in range(len(self.layers))
            ]
            hidden = self.go_on(x, attention_mask, position_ids, memories, cache)
        elif input_ids is None:
            raise ValueError("input_ids are needed to read a text")
        else:
            hidden = self._read_text(input_ids, attention_mask)
        logits = self.lm_head(hidden[:, -logits_to_keep:])  # [B, T, vocab_size]
        loss = None
        if labels is not None:
            loss = fixed_cross_entropy(
                logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), num_items_in_batch
            )
        output = CausalLMOutputWithPast(loss=loss, logits=logits)
        if cache is not None:
            output[CACHE] = cache
        return output

    def _read_text(self, ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """States `[B, T, D]` of whole texts, wherever their padding is."""
        if attention_mask is None:
            return self.encode(ids, torch.ones_like(ids, dtype=torch.bool))[0]
        ids, mask, order = tokens_first(ids, attention_mask.bool())
        hidden, _ = self.encode(ids, mask)
        back = order.argsort(dim=1)[..., None].expand_as(hidden)
        return hidden.gather(1, back)

    def go_on(
        self,
        x: Tensor,
        attention_mask: Tensor | None,
        position_ids: Tensor | None,
        memories: list[BlockMemory],
        cache: Cache | None,
    ) -> Tensor:
        """States `[B, T, D]` of tokens that go on in the open segment."""
        past = 0 if cache is None else int(cache.get_seq_length())
        if position_ids is None:
            position_ids = torch.arange(past, past + x.shape[1], device=x.device)[None]
        mask: Any = create_causal_mask(
            config=self.config, inputs_embeds=x, attention_mask=attention_mask, **{CACHE: cache}
        )
        cosine, sine = rotary_table(self.config, position_ids, x)  # [B, T, d]
        table = (cosine[:, None], sine[:, None])
        for layer, memory in zip(self.layers, memories, strict=True):
            x, _, _ = layer(x, mask, memory, table, cache)
        normed: Tensor = self.norm(x)
        return normed

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        encoder_outputs: CausalContext | None = None,
        **kwargs: Any,
    ) -> Any:
        """`transformers`' `generate()`: greedy, sampling, beams; the text is read once before.

        Args:
            inputs: the text `[B, T]`, as `input_ids` too; what is returned begins with it. Or
                `[B, S, N]` in segments; what is returned then begins with `decoder_input_ids`.
            encoder_outputs: or a context from `visible`; what is returned begins with
                `decoder_input_ids`, the prompt that is put behind the text.
            kwargs: `attention_mask` of the text, and what `GenerationMixin.generate` takes.
        """
        ids = kwargs.pop("input_ids", inputs)
        given = kwargs.pop("attention_mask", None)
        if encoder_outputs is not None:
            return self._write_from(encoder_outputs, kwargs.pop("decoder_input_ids"), kwargs)
        if ids is None:
            raise ValueError("either a text or encoder_outputs is needed")
        mask = torch.ones_like(ids) if given is None else given
        if ids.dim() == 3:
            context = opened(self, ids, mask.bool())
            return self._write_from(context, kwargs.pop("decoder_input_ids"), kwargs)
        sorted_ids, sorted_mask, _ = tokens_first(ids, mask.bool())
        context = self.visible(self.encode(sorted_ids, sorted_mask)[1])
        assert context.tail is not None and context.tail_mask is not None
        tail, tail_mask = tokens_last(context.tail, context.tail_mask)
        written = super().generate(
            input_ids=tail, attention_mask=tail_mask.long(), **_memories(context), **kwargs
        )
        return _behind(ids, written, tail.shape[1])

    def _write_from(self, context: CausalContext, prompt: Tensor, options: dict[str, Any]) -> Any:
        """Write behind a context and a prompt `[B, P]`.

        They go in as embeddings, so that penalties on repetition look at what is written alone.
        """
        ids, mask = behind(context, prompt)
        with warnings.catch_warnings():  # it warns of just that
            warnings.filterwarnings("ignore", message="Passing .* with `inputs_embeds`")
            written = super().generate(
                inputs_embeds=self.embedding(ids),
                attention_mask=mask.long(),
                **_memories(context),
                **options,
            )
        return _behind(prompt, written, 0)


def _memories(context: CausalContext) -> dict[str, Tensor | None]:
    return {"memory_M": context.M, "memory_z": context.z, "memory_count": context.count}


def _behind(ids: Tensor, written: Any, skip: int) -> Any:
    """What `generate()` returned, without its first `skip` columns, behind `ids` `[B, T]`."""
    new = (written if isinstance(written, Tensor) else written.sequences)[:, skip:]
    whole = torch.cat([ids.repeat_interleave(len(new) // len(ids), dim=0), new], dim=1)
    if isinstance(written, Tensor):
        return whole
    written.sequences = whole
    return written


AutoModelForCausalLM.register(InfinisumCausalConfig, InfinisumForCausalLM, exist_ok=True)
