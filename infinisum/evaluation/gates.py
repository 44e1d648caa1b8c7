"""Which heads use their memory: the paper's Figure 3 for a checkpoint.

A head's gate g = sigmoid(β) is the weight of what it reads from memory. Heads near 0 or 1 have
specialised in local attention or in memory; those between mix both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from infinisum.model.modeling import InfinisumForConditionalGeneration

LOCAL_BELOW: Final = 0.1
MEMORY_ABOVE: Final = 0.9
STACKS: Final = {"encoder": "attention", "decoder": "cross_attention"}


def gates_of(model: InfinisumForConditionalGeneration, name: str) -> list[dict[str, Any]]:
    """The gates of every layer that has a memory, encoder first.

    Args:
        model: the network.
        name: how results call it.
    """
    rows = []
    for stack, attention in STACKS.items():
        for number, layer in enumerate(getattr(model, stack).layers, start=1):
            mix = getattr(getattr(layer, attention), "mix", None)
            if mix is None:  # a layer without memory
                continue
            values = mix.gate.detach().double().sigmoid().tolist()
            row = {"model": name, "stack": stack, "layer": number}
            rows.append({**row, "gates": [round(g, 4) for g in values], **kinds(values)})
    return rows


def kinds(gates: list[float]) -> dict[str, int]:
    """How many heads have specialised, and in what."""
    local = sum(g < LOCAL_BELOW for g in gates)
    memory = sum(g > MEMORY_ABOVE for g in gates)
    return {"local": local, "memory": memory, "mixed": len(gates) - local - memory}
