"""A decoder with Infini-attention, one text, one segment and one token at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.reference import memory as rules
from tests.reference.attention import rotate
from tests.reference.memory import HeadMemory
from tests.reference.network import FeedForwardWeights, feed_forward, norm


@dataclass
class CausalLayerWeights:
    """Matrices in the shape of `torch.nn.Linear.weight`; heads are slices of their rows."""

    attention_norm: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    bias: dict[str, Tensor]  # of "q", "k", "v", "o", where there is one
    q_norm: Tensor | None
    k_norm: Tensor | None
    beta: Tensor  # [query heads]
    eta_w: Tensor | None  # [heads of keys, d]
    eta_b: Tensor | None
    ffn_norm: Tensor
    ffn: FeedForwardWeights


@dataclass
class CausalNetwork:
    """All parameters, and what is not a parameter."""

    embedding: Tensor
    layers: list[CausalLayerWeights]
    norm: Tensor
    head: Tensor
    rule: str
    d: int
    heads: int
    kv_heads: int
    base: float
    norm_eps: float
    eps: float


def read_text(
    net: CausalNetwork, segments: list[Tensor]
) -> tuple[Tensor, list[list[list[HeadMemory]]]]:
    """Logits [tokens, vocabulary], and memories [time][layer][head]: before all, after each."""
    memories = [[[rules.empty(net.d, net.d) for _ in range(net.kv_heads)] for _ in net.layers]]
    out = []
    for ids in segments:
        x, after = net.embedding[ids], []
        for layer, before in zip(net.layers, memories[-1], strict=True):
            x, now = _layer(net, layer, x, before)
            after.append(now)
        memories.append(after)
        out.append(norm(x, net.norm, net.norm_eps) @ net.head.T)
    return torch.cat(out), memories


def _layer(
    net: CausalNetwork, w: CausalLayerWeights, x: Tensor, before: list[HeadMemory]
) -> tuple[Tensor, list[HeadMemory]]:
    normed = norm(x, w.attention_norm, net.norm_eps)
    keys = [_head(net, w, "k", normed, h) for h in range(net.kv_heads)]
    values = [_head(net, w, "v", normed, h) for h in range(net.kv_heads)]
    turned = [torch.stack([rotate(k, s, net.base) for s, k in enumerate(K)]) for K in keys]
    answers = []
    for h in range(net.heads):
        shared = h // (net.heads // net.kv_heads)
        queries = _head(net, w, "q", normed, h)
        rows = []
        for t, query in enumerate(queries):
            scores = turned[shared][: t + 1] @ rotate(query, t, net.base) / net.d**0.5
            A = torch.softmax(scores, 0) @ values[shared][: t + 1]
            if before[shared].count > 0:
                g = torch.sigmoid(w.beta[h])
                A = g * rules.read(net.rule, before[shared], query, net.eps) + (1 - g) * A
            rows.append(A)
        answers.append(torch.stack(rows))
    after = []
    for h in range(net.kv_heads):
        eta = torch.ones(len(x), dtype=x.dtype)
        if w.eta_w is not None and w.eta_b is not None:
            eta = torch.stack([rules.write_strength(t, w.eta_w[h], w.eta_b[h]) for t in normed])
        after.append(rules.write(net.rule, before[h], keys[h], values[h], eta, net.eps))
    x = x + torch.cat(answers, 1) @ w.o.T + w.bias.get("o", torch.zeros(len(w.o), dtype=x.dtype))
    return x + feed_forward(w.ffn, norm(x, w.ffn_norm, net.norm_eps)), after


def _head(net: CausalNetwork, w: CausalLayerWeights, which: str, x: Tensor, head: int) -> Tensor:
    """Queries, keys or values of one head, [n, d], without positions."""
    rows = slice(head * net.d, (head + 1) * net.d)
    matrix: Tensor = getattr(w, which)
    projected = x @ matrix[rows].T
    if which in w.bias:
        projected = projected + w.bias[which][rows]
    gain = {"q": w.q_norm, "k": w.k_norm}.get(which)
    return projected if gain is None else norm(projected, gain, net.norm_eps)
