"""Encoder, cross memory and decoder of one example, one segment and one token at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.reference import attention
from tests.reference import memory as rules
from tests.reference.attention import AttentionWeights
from tests.reference.memory import HeadMemory
from tests.reference.stream import Segment, View, keep, view


@dataclass
class FeedForwardWeights:
    """`gate` is None for the plain ReLU layer."""

    kind: str
    wi: Tensor
    gate: Tensor | None
    wo: Tensor


@dataclass
class LayerWeights:
    """One layer of either stack; `cross` and its norm are the decoder's."""

    attention_norm: Tensor
    attention: AttentionWeights
    ffn_norm: Tensor
    ffn: FeedForwardWeights
    rule: str
    cross_norm: Tensor | None = None
    cross: AttentionWeights | None = None


@dataclass
class Network:
    """All parameters, and what is not a parameter."""

    embedding: Tensor
    head: Tensor
    encoder: list[LayerWeights]
    encoder_norm: Tensor
    decoder: list[LayerWeights]
    decoder_norm: Tensor
    distance: Tensor | None  # [buckets, d]
    place_max: int
    norm_eps: float
    output_scale: float
    neighbours: int


def norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm of each row."""
    return torch.stack([gain * row / torch.sqrt((row * row).mean() + eps) for row in x])


def feed_forward(weights: FeedForwardWeights, x: Tensor) -> Tensor:
    inner = x @ weights.wi.T
    if weights.gate is None:
        return torch.clamp(inner, min=0) @ weights.wo.T
    if weights.kind == "geglu":  # the tanh form, as T5 1.1 was trained with
        cubic = 0.7978845608028654 * (inner + 0.044715 * inner**3)
        active = 0.5 * inner * (1 + torch.tanh(cubic))
    else:
        active = inner * torch.sigmoid(inner)
    return (active * (x @ weights.gate.T)) @ weights.wo.T


def fresh(weights: AttentionWeights) -> list[HeadMemory]:
    d_k, d_v = (len(W) // weights.heads for W in (weights.k, weights.v))
    return [rules.empty(d_k, d_v) for _ in range(weights.heads)]


def encode(network: Network, segments: list[Tensor]) -> tuple[list[Tensor], list[list[HeadMemory]]]:
    """Embedded segments [n, d], in order -> states of each that is not empty, final memories."""
    memories: list[list[HeadMemory]] = [fresh(layer.attention) for layer in network.encoder]
    exact: list[Tensor | None] = [None] * len(network.encoder)
    out: list[Tensor] = []
    for x in segments:
        if len(x) == 0:
            continue
        for i, layer in enumerate(network.encoder):
            normed = norm(x, layer.attention_norm, network.norm_eps)
            if layer.rule == "xl":
                A, exact[i] = attention.xl_attention(layer.attention, normed, exact[i])
            elif layer.rule == "knn":
                A, exact[i] = attention.knn_attention(
                    layer.attention, normed, exact[i], network.neighbours
                )
            else:
                A, memories[i] = attention.infini_attention(
                    layer.attention, normed, memories[i], layer.rule, len(out)
                )
            x = x + A
            x = x + feed_forward(layer.ffn, norm(x, layer.ffn_norm, network.norm_eps))
        out.append(norm(x, network.encoder_norm, network.norm_eps))
    return out, memories


@dataclass
class Visible:
    """What the decoder sees: exact states with their distance, one memory a layer."""

    states: Tensor  # [X, d], reservoir before window
    distance: list[int]
    memories: list[list[HeadMemory]]
    view: View


def look(
    network: Network,
    states: list[Tensor],
    segments: list[Segment],
    window: int,
    reservoir: int,
    before: int = 0,
) -> Visible:
    """What is visible after `states` were read; segments before `before` are flushed."""
    now = view(segments, window, reservoir)
    if before:
        there = [s for s in segments if s.length]
        flushed = [i for i in now.window if i < before]
        inside = [i for i in now.window if i >= before]
        written = now.written + flushed
        from_all = [s for i in written for s in there[i].sentences]
        now = View(inside, written, keep(from_all, reservoir))
    memories = []
    for layer in network.decoder:
        assert layer.cross is not None
        memory = fresh(layer.cross)
        for index in now.written:
            memory = write_cross(layer.cross, memory, states[index], index, layer.rule)
        memories.append(memory)
    rows = [states[s.segment][t] for s in now.reservoir for t in range(s.start, s.end)]
    distance = [len(states) - 1 - s.segment for s in now.reservoir for _ in range(s.start, s.end)]
    for index in now.window:
        rows += list(states[index])
        distance += [len(states) - 1 - index] * len(states[index])
    width = network.embedding.shape[1]
    exact = torch.stack(rows) if rows else torch.zeros(0, width, dtype=torch.float64)
    return Visible(exact, distance, memories, now)


def write_cross(
    weights: AttentionWeights, memory: list[HeadMemory], states: Tensor, index: int, rule: str
) -> list[HeadMemory]:
    """One segment leaves the window: its keys and values are those of the softmax."""
    if rule not in rules.RULES:
        return memory
    after = []
    for h, head in enumerate(memory):
        K, V = (weights.project(W, states, h) for W in (weights.k, weights.v))
        V = weights.placed(V, h, index)
        after.append(rules.write(rule, head, K, V, weights.eta(states, h), weights.eps))
    return after


def cross_attention(
    weights: AttentionWeights, x: Tensor, exact: Tensor, memory: list[HeadMemory], rule: str
) -> Tensor:
    """Softmax over the exact states, gated with the memory; either alone where it is alone."""
    heads = []
    for h, head in enumerate(memory):
        Q, K, V = (
            weights.project(W, y, h)
            for W, y in ((weights.q, x), (weights.k, exact), (weights.v, exact))
        )
        A_mem = torch.zeros(len(x), len(weights.v) // weights.heads, dtype=x.dtype)
        if rule in rules.RULES:
            A_mem = attention.recall(weights, h, rule, head, Q)
        if len(exact):
            A = attention.softmax_read(weights, h, Q, K, V, None, None)
            if rule in rules.RULES:
                A = attention.mix(weights, h, A_mem, A, head.count > 0)
        elif head.count > 0:
            A = A_mem
        else:
            g = torch.sigmoid(weights.beta[h]) if weights.beta is not None else 0
            A = g * A_mem  # which is 0
        heads.append(A)
    return torch.cat(heads, 1) @ weights.o.T


def decode(network: Network, tokens: list[int], book: Visible) -> Tensor:
    """Logits [T, vocabulary] of a whole target."""
    exact = book.states
    if network.distance is not None and len(exact):
        buckets = len(network.distance)
        rows = [attention.log_bucket(d, buckets, network.place_max) for d in book.distance]
        exact = exact + torch.stack([network.distance[row] for row in rows])
    x = network.embedding[tokens]
    positions = list(range(len(tokens)))
    for layer, memory in zip(network.decoder, book.memories, strict=True):
        w = layer.attention
        normed = norm(x, layer.attention_norm, network.norm_eps)
        heads = []
        for h in range(w.heads):
            Q, K, V = (w.project(W, normed, h) for W in (w.q, w.k, w.v))
            heads.append(attention.softmax_read(w, h, Q, K, V, positions, positions, causal=True))
        x = x + torch.cat(heads, 1) @ w.o.T
        assert layer.cross is not None and layer.cross_norm is not None
        normed = norm(x, layer.cross_norm, network.norm_eps)
        x = x + cross_attention(layer.cross, normed, exact, memory, layer.rule)
        x = x + feed_forward(layer.ffn, norm(x, layer.ffn_norm, network.norm_eps))
    return norm(x, network.decoder_norm, network.norm_eps) * network.output_scale @ network.head.T
