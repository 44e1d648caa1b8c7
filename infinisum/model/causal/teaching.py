"""What the decoder-only network is taught: to write behind a text, or the text itself.

The sequence is the one it writes with: the last segment stays open, a prompt and what is to be
written go on in it, and everything before is seen from memory. Gradients go back through memory
over all segments of a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers.modeling_outputs import CausalLMOutputWithPast

from infinisum.model.causal.state import (
    CausalContext,
    behind,
    last_segment,
    layer_memory,
    tokens_first,
)
from infinisum.model.layers import RECOMPUTED_TOKENS

if TYPE_CHECKING:
    from infinisum.model.causal.modeling import InfinisumForCausalLM

IGNORED = -100  # label without a loss
LOGITS_AT_ONCE = 1_024  # tokens whose logits are held; those of a book would not fit


def taught(
    model: InfinisumForCausalLM,
    ids: Tensor,
    mask: Tensor | None,
    written: Tensor | None,
    labels: Tensor | None,
    items: Tensor | None,
    remember: bool,
) -> CausalLMOutputWithPast:
    """Read texts in segments; logits or loss of what is written behind them, or of themselves.

    Args:
        model: the network.
        ids: `[B, S, N]`.
        mask: `[B, S, N]`, right-padded; None for no padding.
        written: `[B, T]`, prompt and what is written, right-padded; None: the text itself.
        labels: `[B, T]`, `written`, or the text with all padding behind its tokens; -100 where no
            loss is wanted. Given, there are no logits: those of a book would not fit.
        items: labels of a whole step that the loss is divided by; None: of this batch.
        remember: with False memories are empty whenever they are read.
    """
    mask = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    if written is None:
        hidden = text_states(model, ids, mask, remember)
    else:
        hidden = written_states(model, opened(model, ids, mask, remember), written)
    if labels is None:
        return CausalLMOutputWithPast(logits=model.lm_head(hidden))
    return CausalLMOutputWithPast(loss=next_token_loss(model.lm_head, hidden, labels, items))


def text_states(
    model: InfinisumForCausalLM, ids: Tensor, mask: Tensor, remember: bool = True
) -> Tensor:
    """States `[B, S · N, D]` of texts `[B, S, N]`, all padding behind the tokens."""
    B, S, N = ids.shape
    if remember:
        size = _segments_at_once(model, ids)
        state, parts = model.initial_state(B), []
        for at in range(0, S, size):
            block, state = model.read_block(ids[:, at : at + size], mask[:, at : at + size], state)
            parts.append(block.hidden)
        hidden = torch.cat(parts, dim=1).flatten(1, 2)
    else:
        alone = ids.reshape(B * S, 1, N), mask.reshape(B * S, 1, N)
        block, _ = model.read_block(*alone, model.initial_state(B * S))
        hidden = block.hidden.reshape(B, S * N, -1)
    _, _, order = tokens_first(ids.flatten(1), mask.flatten(1))
    return hidden.gather(1, order[..., None].expand_as(hidden))


def opened(
    model: InfinisumForCausalLM, ids: Tensor, mask: Tensor, remember: bool = True
) -> CausalContext:
    """What is seen of texts `[B, S, N]` when writing behind them, as `visible` says it.

    The last segment of each is not read: what is written reads it.
    """
    state = empty = model.initial_state(len(ids))
    tail, tail_mask, number = last_segment(ids, mask, state)
    here = torch.arange(ids.shape[1], device=ids.device)
    before = mask & (here < number[:, None])[..., None]
    size = _segments_at_once(model, ids)
    for at in range(0, ids.shape[1] - 1 if remember else 0, size):
        end = min(at + size, ids.shape[1] - 1)
        _, state = model.read_block(ids[:, at:end], before[:, at:end], state)
    return model.visible(
        empty._replace(before=state.after, after=state.after, tail=tail, tail_mask=tail_mask)
    )


def written_states(model: InfinisumForCausalLM, context: CausalContext, written: Tensor) -> Tensor:
    """States `[B, T, D]` of what is written `[B, T]` behind a context."""
    assert context.M is not None and context.z is not None and context.count is not None
    ids, mask = behind(context, written)
    memories = [
        layer_memory(context.M, context.z, context.count, i) for i in range(len(model.layers))
    ]
    places = (mask.cumsum(1) - 1).clamp(min=0)
    hidden = model.go_on(model.embedding(ids), mask.long(), places, memories, None)
    return hidden[:, -written.shape[1] :]


def next_token_loss(
    head: Callable[[Tensor], Tensor], hidden: Tensor, labels: Tensor, items: Tensor | None
) -> Tensor:
    """Cross-entropy of the token after each state, logits of a few at a time.

    Args:
        head: states to logits.
        hidden: `[B, ≥ T, D]`.
        labels: `[B, T]`, the token at each place; -100 where no loss is wanted.
        items: what the sum is divided by; None: how many there are.
    """
    targets = labels[:, 1:]
    chosen = targets != IGNORED
    states, targets = hidden[:, : targets.shape[1]][chosen], targets[chosen]  # [n, D], [n]
    total = head(hidden[:, :1]).float().sum() * 0  # every weight has a part in every step
    for some, wanted in zip(
        states.split(LOGITS_AT_ONCE), targets.split(LOGITS_AT_ONCE), strict=True
    ):
        total = total + checkpoint(_cross_entropy, head, some, wanted, use_reentrant=False)
    return total / (max(1, len(targets)) if items is None else items)


def _cross_entropy(head: Callable[[Tensor], Tensor], states: Tensor, targets: Tensor) -> Tensor:
    logits = head(states)
    precise = logits if logits.dtype == torch.float64 else logits.float()
    return F.cross_entropy(precise, targets, reduction="sum")


def _segments_at_once(model: InfinisumForCausalLM, ids: Tensor) -> int:
    """Segments of `[B, S, N]` read at once: all, or fewer where activations are recomputed."""
    recomputed = model.training and model.layers[0].gradient_checkpointing
    return max(
        1, RECOMPUTED_TOKENS // (ids.shape[0] * ids.shape[2]) if recomputed else ids.shape[1]
    )
