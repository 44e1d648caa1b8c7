"""A small fixed batch that is read now and then: does the memory carry anything?

Its loss is taken with the memory and with the memory knocked out: every segment is then read, and
the summary written, as if nothing had ever been written to memory. Where both are the same the
memory is dead, however well the loss falls.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from infinisum.model.attention import InfiniAttention
from infinisum.model.causal.attention import CausalInfiniAttention
from infinisum.model.decoder import CrossAttention
from infinisum.training.losses import written_loss
from infinisum.training.plan import DrawnTexts, Pick, Plan

logger = logging.getLogger("infinisum.training")

TEXTS = 2
MOST_SEGMENTS = 8
SAMPLE_TOKENS = 48
LEAST_MOVEMENT = 0.01  # of the gate that moved furthest
LEAST_GAIN = 0.002  # nats a token that the memory is worth
PATIENCE = 3  # probes before there is reason to warn
BINS = 10  # of the gate histogram


class Reading(NamedTuple):
    """What one probe found."""

    values: dict[str, float]
    gates: list[float]  # every mixing gate
    histogram: list[int]  # of the gates, in tenths of 0 … 1


def gate_values(model: nn.Module) -> Tensor:
    """All mixing gates `[n]`, on the CPU."""
    gates = []
    for name, parameter in model.named_parameters():
        if name.endswith("mix.gate"):
            value = parameter.detach()
            if hasattr(value, "full_tensor"):  # sharded
                value = value.full_tensor()
            gates.append(torch.sigmoid(value.float()).cpu())
    return torch.cat(gates) if gates else torch.zeros(0)


def probe_batch(plan: Plan, texts: DrawnTexts) -> list[tuple[Any, Pick]] | None:
    """Long texts with something to write, drawn as in training; None where there is nothing."""
    best: list[Pick] = []
    for batch in islice(plan, 64):
        if batch[0].step.objective == "salience" or batch[0].row < 0:
            continue
        sizes = [plan.rows[pick.row].segments for pick in batch]
        if not best or max(sizes) > max(plan.rows[pick.row].segments for pick in best):
            best = batch
    if not best:
        return None
    best = sorted(best, key=lambda pick: -plan.rows[pick.row].segments)[:TEXTS]
    step = best[0].step._replace(segments=MOST_SEGMENTS, window=1, reservoir=False, taught=False)
    return [texts[pick._replace(step=step)] for pick in best]


class Probe:
    """Reads the fixed batch, and remembers what it found before.

    Args:
        batch: from `probe_batch`, laid out by the collator.
    """

    def __init__(self, batch: dict[str, Any]) -> None:
        self.labels: Tensor = batch["labels"]
        self.ids = batch["ids"]
        self.inputs = {
            name: value
            for name, value in batch.items()
            if name not in ("labels", "salience_labels", "salience_vectors", "objective", "ids")
        }
        self.first_gates: Tensor | None = None
        self.readings = 0

    @torch.no_grad()
    def read(self, model: nn.Module, device: torch.device) -> Reading:
        """Loss with and without memory, and the state of gates and memories.

        Args:
            model: as it is trained, wrapped or not; every process calls this at the same step.
            device: of the model.
        """
        inputs = {
            name: value.to(device) if torch.is_tensor(value) else value
            for name, value in self.inputs.items()
        }
        labels = self.labels.to(device)
        training = model.training
        model.eval()
        try:
            with _watched(model) as seen:
                loss, _ = written_loss(model, inputs, labels)
            without, _ = written_loss(model, {**inputs, "remember": False}, labels)
        finally:
            model.train(training)
        with_memory = float(loss)
        values = {
            "probe_loss": with_memory,
            "probe_loss_without_memory": float(without),
        }
        values["memory_gain"] = values["probe_loss_without_memory"] - with_memory
        values |= _memory_values(seen, inputs["attention_mask"], "decoder_input_ids" in inputs)
        gates = gate_values(model)
        if self.first_gates is None:
            self.first_gates = gates
        self.readings += 1
        if len(gates):
            values["gates_undecided"] = float(((gates > 0.45) & (gates < 0.55)).float().mean())
            values["gates_moved"] = float((gates - self.first_gates).abs().max())
        histogram = torch.histc(gates, BINS, 0, 1).int().tolist()
        return Reading(values, gates.tolist(), histogram)

    def warnings(self, values: dict[str, float]) -> list[str]:
        """What is wrong with what was found, as one line each."""
        if self.readings <= PATIENCE:
            return []
        found = []
        if values.get("gates_moved", 1.0) < LEAST_MOVEMENT:
            found.append(
                f"the gates do not move: {values['gates_moved']:.4f} at most since the start;"
                " raise --gate-learning-rate"
            )
        if values["memory_gain"] < LEAST_GAIN:
            found.append(
                f"the memory carries nothing: without it the loss is {values['memory_gain']:+.4f}"
                " nats a token higher; longer texts (--max-segments) make it needed"
            )
        return found


@contextmanager
def _watched(model: nn.Module) -> Iterator[dict[str, list[tuple[Tensor, Tensor]]]]:
    """Collect count `[B, H]` and norm of M `[B, H]` of every memory during a forward pass."""
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {"encoder": [], "cross": [], "decoder": []}

    def encoder(_: nn.Module, __: Any, output: Any) -> None:
        state = output[1]
        seen["encoder"].append((state.count, state.M.flatten(2).norm(dim=-1)))

    def decoder(_: nn.Module, __: Any, output: Any) -> None:
        state = output[2]
        seen["decoder"].append((state.count, state.M.flatten(2).norm(dim=-1)))

    def cross(module: nn.Module, arguments: Any) -> None:
        book, layer = arguments[2], module.layer
        norm = book.M[:, layer].flatten(2).norm(dim=-1)
        seen["cross"].append((book.count[:, layer], norm))

    handles = []
    for module in model.modules():
        if isinstance(module, InfiniAttention):
            handles.append(module.register_forward_hook(encoder))
        elif isinstance(module, CausalInfiniAttention):
            handles.append(module.register_forward_hook(decoder))
        elif isinstance(module, CrossAttention):
            handles.append(module.register_forward_pre_hook(cross))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _memory_values(
    seen: dict[str, list[tuple[Tensor, Tensor]]], mask: Tensor, writes: bool
) -> dict[str, float]:
    """Norms, and the share of tokens that were written of those that could have been."""
    lengths = mask.bool().sum(-1)  # [B, S]
    filled = lengths > 0
    last = filled & (filled.flip(1).cumsum(1).flip(1) == 1)  # the window of one segment
    all_of_it, all_but_last = lengths.sum(1), (lengths * ~last).sum(1)  # [B]
    possible = {
        "encoder": all_of_it,
        "cross": all_but_last,
        "decoder": all_but_last if writes else all_of_it,  # its last segment stays open
    }
    values = {}
    for name, memories in seen.items():
        if memories:
            count = torch.stack([count for count, _ in memories]).float()  # [L, B, H]
            norm = torch.stack([norm for _, norm in memories])
            share = count.mean((0, 2)) / possible[name].clamp(min=1)  # [B]
            values[f"written_{name}"] = float(share.mean())
            values[f"memory_norm_{name}"] = float(norm.mean())
    return values
