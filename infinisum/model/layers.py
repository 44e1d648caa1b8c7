"""Pieces both stacks use: normalisation, feed-forward, the mixing gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.memory import state_dtype

RECOMPUTED_TOKENS = 8_192  # whose activations in a layer are held at once where they are recomputed


class LayerSizes(Protocol):
    """What these layers ask of a config; the configs of both networks have it."""

    d_model: int
    d_ff: int
    ffn: str
    dropout: float
    num_heads: int
    d_kv: int
    gate_init: float
    memory_norm: bool
    norm_epsilon: float


class Embedding(nn.Embedding):
    """An embedding that draws nothing on the meta device, where weights will come from a file.

    To draw normal numbers there torch imports its compiler, which takes as long as torch itself.
    """

    def reset_parameters(self) -> None:
        """Draw the weights, where there is anything to draw."""
        if not self.weight.is_meta:
            super().reset_parameters()


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with gain, computed in fp32 or better."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of `x`."""
        precise = x.to(state_dtype(x))
        length = torch.linalg.vector_norm(precise, dim=-1, keepdim=True)
        scale = torch.rsqrt(length.square() / x.shape[-1] + self.epsilon)
        return self.weight * (precise * scale).to(x.dtype)


class FeedForward(nn.Module):
    """SwiGLU, GEGLU or ReLU feed-forward layer without biases."""

    def __init__(self, config: LayerSizes) -> None:
        super().__init__()
        self.kind = config.ffn
        self.wi = nn.Linear(config.d_model, config.d_ff, bias=False)
        if self.kind != "relu":
            self.wi_linear = nn.Linear(config.d_model, config.d_ff, bias=False)
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`[…, D] → […, D]`."""
        if self.kind == "relu":
            hidden = F.relu(self.wi(x))
        elif self.kind == "geglu":
            hidden = F.gelu(self.wi(x), approximate="tanh") * self.wi_linear(x)
        else:
            hidden = self.wi(x)
            if torch.is_grad_enabled():
                hidden = F.silu(hidden) * self.wi_linear(x)
            else:
                hidden = F.silu(hidden, inplace=True).mul_(self.wi_linear(x))
        return self.wo(self.dropout(hidden))  # type: ignore[no-any-return]


class Recomputed(nn.Module):
    """A part of the network that can recompute its activations instead of keeping them.

    `gradient_checkpointing_enable()` of `transformers` sets both attributes; it looks for the
    first.
    """

    gradient_checkpointing = False
    _gradient_checkpointing_func: Callable[..., Any]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of this part, in training so that nothing in it is kept."""
        if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(function, *arguments)
        return function(*arguments)


class MixingGate(nn.Module):
    """A = g ⊙ A_mem + (1 - g) ⊙ A_dot with g = sigmoid(β), one β a head (paper Eq. 10).

    A head that has nothing in memory, or nothing exact to attend to, takes the other ungated.
    """

    def __init__(self, config: LayerSizes) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.full((config.num_heads,), config.gate_init))  # β
        self.norm = (
            nn.Parameter(torch.ones(config.num_heads, config.d_kv)) if config.memory_norm else None
        )
        self.epsilon = config.norm_epsilon

    def forward(
        self, A_mem: Tensor, A_dot: Tensor, written: Tensor, exact: Tensor | None = None
    ) -> Tensor:
        """Mix the two answers.

        Args:
            A_mem: `[…, H, N, d_v]` read from memory, in the memory's dtype.
            A_dot: `[…, H, N, d_v]` from softmax attention.
            written: `[…, H]` bool, whether anything was written to the memory.
            exact: `[…, 1]` bool, whether there was anything to attend to; None means yes.

        Returns:
            `[…, H, N, d_v]` in the dtype of `A_dot`.
        """
        if self.norm is not None:
            scale = torch.rsqrt(A_mem.square().mean(-1, keepdim=True) + self.epsilon)
            A_mem = A_mem * scale * self.norm[:, None, :]
        g = torch.sigmoid(self.gate.to(A_mem.dtype)).expand(written.shape)
        if exact is not None:
            g = torch.where(written & ~exact, 1, g)
        # While nothing is written A_mem is 0. It is added all the same: its gradient is what lets
        # a write gate that closed on every token open again.
        rest = 1 - torch.where(written, g, 0)[..., None, None]
        g = g[..., None, None]  # [..., H, 1, 1]
        # A_dot first: the sum then lies in memory as it does, and heads merge without a copy.
        return torch.addcmul(A_dot * rest, A_mem, g).to(A_dot.dtype)  # Eq. 10


def split_heads(x: Tensor, d_kv: int) -> Tensor:
    """`[…, N, H·d] → […, H, N, d]`. The reshape comes first: the other order mixes up tokens."""
    return x.reshape(*x.shape[:-1], x.shape[-1] // d_kv, d_kv).transpose(-2, -3)


def merge_heads(x: Tensor) -> Tensor:
    """`[…, H, N, d] → […, N, H·d]`."""
    return x.transpose(-2, -3).flatten(-2)


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None, scale: float | None
) -> Tensor:
    """Softmax attention; rows whose bias masks every key return a finite value to be ignored."""
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, scale=scale)
