"""Attention of one example: local attention with positions, memory without, and the gate.

Weights are plain tensors in the shape of `torch.nn.Linear.weight`, [out, in]; heads are consecutive
slices of the rows. A segment is [n, d]: the tokens that are there and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tests.reference import memory as rules
from tests.reference.memory import HeadMemory


@dataclass
class AttentionWeights:
    """The parameters of one attention and what it is told about itself."""

    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    heads: int
    scale: float
    eps: float
    beta: Tensor | None = None  # [heads], the gate's logits
    eta_w: Tensor | None = None  # [heads, d], the write gate
    eta_b: Tensor | None = None  # [heads]
    rope_base: float | None = None
    bias: Tensor | None = None  # [buckets, heads], T5's table
    bias_max_distance: int = 128
    memory_gain: Tensor | None = None  # [heads, d_v], RMSNorm of what is read from memory
    memory_norm_eps: float = 1e-6
    place: Tensor | None = None  # [buckets, out of v], added to values written to memory
    place_max: int = 4096

    def project(self, W: Tensor, x: Tensor, head: int) -> Tensor:
        """Head `head` of `x` [n, d] -> [n, d_head]."""
        size = W.shape[0] // self.heads
        return x @ W[head * size : (head + 1) * size].T

    def eta(self, x: Tensor, head: int) -> Tensor:
        """Write strengths of the tokens `x` [n, d] -> [n]; 1 without a write gate."""
        if self.eta_w is None or self.eta_b is None or len(x) == 0:
            return torch.ones(len(x), dtype=x.dtype)
        return torch.stack(
            [rules.write_strength(token, self.eta_w[head], self.eta_b[head]) for token in x]
        )

    def placed(self, V: Tensor, head: int, segment: int) -> Tensor:
        """Values of one head with the place embedding of their segment's index."""
        if self.place is None:
            return V
        size = V.shape[1]
        row = self.place[log_bucket(segment, len(self.place), self.place_max)]
        return V + row[head * size : (head + 1) * size]


def rotate(x: Tensor, position: int, base: float) -> Tensor:
    """Rotary embedding of one vector: pair (i, i + d/2) turns by position / base^(2i/d)."""
    a, b = x.chunk(2)
    angle = torch.tensor(
        [position / base ** (2 * i / len(x)) for i in range(len(a))], dtype=x.dtype
    )
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()])


def log_bucket(distance: int, buckets: int, max_distance: int) -> int:
    """The first half of the buckets are exact, the rest logarithmic up to `max_distance`."""
    exact = buckets // 2
    if distance < exact:
        return distance
    far = math.log(distance / exact) / math.log(max_distance / exact) * (buckets - exact)
    return min(exact + int(far), buckets - 1)


def bucket(relative: int, buckets: int, max_distance: int, bidirectional: bool) -> int:
    """T5's bucket of key position minus query position (Raffel et al., section 2.1)."""
    if not bidirectional:
        return log_bucket(max(-relative, 0), buckets, max_distance)
    half = buckets // 2
    return (half if relative > 0 else 0) + log_bucket(abs(relative), half, max_distance)


def softmax_read(
    weights: AttentionWeights,
    head: int,
    Q: Tensor,
    K: Tensor,
    V: Tensor,
    query_positions: list[int] | None,
    key_positions: list[int] | None,
    causal: bool = False,
) -> Tensor:
    """Softmax attention of one head, one query at a time; positions of None: no positions."""
    if query_positions is None or key_positions is None:
        return torch.stack([torch.softmax((K @ q) * weights.scale, 0) @ V for q in Q])
    if weights.rope_base is not None:
        base = weights.rope_base
        Q = torch.stack([rotate(q, i, base) for q, i in zip(Q, query_positions, strict=True)])
        K = torch.stack([rotate(k, j, base) for k, j in zip(K, key_positions, strict=True)])
    out = []
    for q, i in zip(Q, query_positions, strict=True):
        seen = [s for s, j in enumerate(key_positions) if not causal or j <= i]
        scores = (K[seen] @ q) * weights.scale
        if weights.bias is not None:
            size, reach = len(weights.bias), weights.bias_max_distance
            rows = [bucket(key_positions[s] - i, size, reach, not causal) for s in seen]
            scores = scores + weights.bias[rows, head]
        out.append(torch.softmax(scores, 0) @ V[seen])
    return torch.stack(out)


def nearest_read(
    weights: AttentionWeights, Q: Tensor, K: Tensor, V: Tensor, neighbours: int
) -> Tensor:
    """Softmax over the `neighbours` stored keys with the largest dot product, without positions."""
    out = []
    for q in Q:
        scores = (K @ q) * weights.scale
        nearest = sorted(range(len(K)), key=scores.tolist().__getitem__)[-neighbours:]
        out.append(torch.softmax(scores[nearest], 0) @ V[nearest])
    return torch.stack(out)


def recall(
    weights: AttentionWeights, head: int, rule: str, memory: HeadMemory, Q: Tensor
) -> Tensor:
    """What one head's memory answers to queries [n, d_k] -> [n, d_v]."""
    return normed(weights, head, torch.stack([rules.read(rule, memory, q, weights.eps) for q in Q]))


def normed(weights: AttentionWeights, head: int, A_mem: Tensor) -> Tensor:
    """Per-head RMSNorm with gain, where it is switched on."""
    if weights.memory_gain is None:
        return A_mem
    size = torch.sqrt((A_mem * A_mem).mean(-1, keepdim=True) + weights.memory_norm_eps)
    return A_mem / size * weights.memory_gain[head]


def mix(
    weights: AttentionWeights, head: int, A_mem: Tensor, A_dot: Tensor, written: bool
) -> Tensor:
    """A = g A_mem + (1 - g) A_dot; A_dot alone while nothing was written.

    A_mem is 0 then. It is added all the same, so that write gates which closed on every token get
    a gradient and can open again.
    """
    assert weights.beta is not None
    g = torch.sigmoid(weights.beta[head])
    return g * A_mem + (1 - g) * A_dot if written else A_dot + g * A_mem


def infini_attention(
    weights: AttentionWeights, x: Tensor, state: list[HeadMemory], rule: str, index: int
) -> tuple[Tensor, list[HeadMemory]]:
    """Segment number `index` [n, d]: read, mix, then write -> ([n, d], state after)."""
    heads, after = [], []
    positions = list(range(len(x)))
    for h in range(weights.heads):
        Q, K, V = (weights.project(W, x, h) for W in (weights.q, weights.k, weights.v))
        A = softmax_read(weights, h, Q, K, V, positions, positions)
        if rule in rules.RULES:
            A = mix(weights, h, recall(weights, h, rule, state[h], Q), A, state[h].count > 0)
            V = weights.placed(V, h, index)
            after.append(rules.write(rule, state[h], K, V, weights.eta(x, h), weights.eps))
        heads.append(A)
    return torch.cat(heads, 1) @ weights.o.T, after


def xl_attention(
    weights: AttentionWeights, x: Tensor, previous: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Transformer-XL: the previous segment's tokens stand at positions -n ... -1."""
    heads = []
    both = x if previous is None else torch.cat([previous, x])
    before = len(both) - len(x)
    for h in range(weights.heads):
        Q = weights.project(weights.q, x, h)
        K, V = (weights.project(W, both, h) for W in (weights.k, weights.v))
        keys_at = list(range(-before, len(x)))
        heads.append(softmax_read(weights, h, Q, K, V, list(range(len(x))), keys_at))
    return torch.cat(heads, 1) @ weights.o.T, x


def knn_attention(
    weights: AttentionWeights, x: Tensor, stored: Tensor | None, neighbours: int
) -> tuple[Tensor, Tensor]:
    """Memorizing Transformers: all earlier tokens `stored` [m, d] are searched, then gated."""
    heads = []
    positions = list(range(len(x)))
    for h in range(weights.heads):
        Q, K, V = (weights.project(W, x, h) for W in (weights.q, weights.k, weights.v))
        A = softmax_read(weights, h, Q, K, V, positions, positions)
        if stored is not None:
            K_old, V_old = (weights.project(W, stored, h) for W in (weights.k, weights.v))
            A_mem = nearest_read(weights, Q, K_old, V_old, neighbours)
            A = mix(weights, h, normed(weights, h, A_mem), A, written=True)
        heads.append(A)
    return torch.cat(heads, 1) @ weights.o.T, x if stored is None else torch.cat([stored, x])
