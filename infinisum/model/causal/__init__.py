"""The paper's own setting: one decoder that reads a text segment by segment and then writes.

Every layer attends causally inside a segment, with rotary positions, and reads a compressive
memory of all earlier segments, without positions: queries and keys go into it as they are before
rotation. Weights of the Llama and Qwen families fit (`infinisum.convert`).

Axis names as in `infinisum.model`; `G` query heads share one head of keys and values, and so one
memory: `H = G · H_kv`.
"""

from typing import Final

CAUSAL_MODEL_TYPE: Final = "infinisum_causal"
