"""`infinisum bench writing`: a batch of texts written greedily, against what memory could feed.

Every step reads the decoder's weights once and the keys and values of every text once; the time
that takes at the speed of this machine's memory is the floor of a step.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch

from infinisum.bench.measure import synchronize
from infinisum.errors import UsageError
from infinisum.loading import LoadedModel
from infinisum.model.cache import writing_cache
from infinisum.model.config import InfinisumConfig
from infinisum.model.cost import writing_bytes_per_step
from infinisum.model.modeling import InfiniEncoderOutput, InfinisumForConditionalGeneration

NO_REPEAT_NGRAM = 4  # as summaries are written
BANDWIDTH_BYTES = {"cpu": 2**28, "cuda": 2**31}  # read at once; more than any cache holds


@dataclass(frozen=True, slots=True)
class WritingRow:
    """One batch written."""

    batch: int
    states: int  # exact encoder states each text looks at
    length_tokens: int  # written of each text
    start_s: float  # up to the first token: keys and values of all states are projected, once
    seconds_s: float  # in all
    cpu_s: float
    tokens_per_s: float  # of all texts of the batch, behind the first token
    bytes_per_step: int  # weights, keys and values that a step has to read
    floor_tokens_per_s: float  # if memory were all that took time
    share_of_floor: float


@torch.no_grad()
def run(
    loaded: LoadedModel, states: int = 2_048, batch: int = 8, tokens: int = 64, seed: int = 0
) -> dict[str, Any]:
    """Write `tokens` (2 or more) for each of `batch` texts of which `states` states are visible.

    Raises:
        UsageError: the model is no encoder-decoder.

    Returns:
        `{"model", "device", "dtype", "threads", "bandwidth_bytes_per_s", "rows": [WritingRow]}`.
    """
    if not loaded.model.config.is_encoder_decoder:
        raise UsageError(
            f"{loaded.name} is a decoder alone; what is measured here is an encoder-decoder.",
            "Name another model with --model.",
        )
    model = cast("InfinisumForConditionalGeneration", loaded.model)
    context = random_context(model, batch, states, seed)
    bandwidth = read_bandwidth(model.device)
    _write(model, context, 1)  # warms up
    begin = time.perf_counter()
    _write(model, context, 1)
    middle, cpu_middle = time.perf_counter(), time.process_time()
    _write(model, context, tokens)
    seconds, cpu_seconds = time.perf_counter() - middle, time.process_time() - cpu_middle
    start = middle - begin
    per_step = writing_bytes_per_step(
        model.config, batch, states, tokens // 2, torch.finfo(model.dtype).bits // 8
    )
    speed = batch * (tokens - 1) / max(seconds - start, 1e-9)
    floor = batch * bandwidth / per_step
    row = WritingRow(
        batch=batch,
        states=states,
        length_tokens=tokens,
        start_s=round(start, 3),
        seconds_s=round(seconds, 3),
        cpu_s=round(cpu_seconds, 3),
        tokens_per_s=round(speed, 1),
        bytes_per_step=per_step,
        floor_tokens_per_s=round(floor, 1),
        share_of_floor=round(speed / floor, 4),
    )
    return {
        "model": loaded.name,
        "device": loaded.device,
        "dtype": loaded.dtype,
        "threads": torch.get_num_threads(),
        "bandwidth_bytes_per_s": round(bandwidth),
        "rows": [asdict(row)],
    }


def random_context(
    model: InfinisumForConditionalGeneration, batch: int, states: int, seed: int
) -> InfiniEncoderOutput:
    """What the decoder would see of `batch` long texts; random, on the model's device."""
    config: InfinisumConfig = model.config
    generator = torch.Generator().manual_seed(seed)
    layers, H, d = config.decoder_layers, config.num_heads, config.d_kv

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(model.device)

    return InfiniEncoderOutput(
        last_hidden_state=random(batch, states, config.d_model).to(model.dtype),
        exact_mask=torch.ones(batch, states, dtype=torch.bool, device=model.device),
        distance=torch.zeros(batch, states, dtype=torch.long, device=model.device),
        M=random(batch, layers, H, d, d) * d**-0.5,
        z=torch.ones(batch, layers, H, d, device=model.device),
        count=torch.ones(batch, layers, H, dtype=torch.long, device=model.device),
    )


def read_bandwidth(device: torch.device, seconds: float = 0.5) -> float:
    """Bytes a second of reading a tensor no cache holds: the best of as many as fit."""
    size = BANDWIDTH_BYTES.get(device.type, 2**28)
    data = torch.ones(size // 4, device=device)
    best, end = 0.0, time.perf_counter() + seconds
    while best == 0 or time.perf_counter() < end:
        synchronize(device)
        start = time.perf_counter()
        data.sum()
        synchronize(device)
        best = max(best, size / (time.perf_counter() - start))
    return best


def _write(
    model: InfinisumForConditionalGeneration, context: InfiniEncoderOutput, tokens: int
) -> None:
    start = torch.full(
        (len(context["last_hidden_state"]), 1),
        model.config.decoder_start_token_id or 0,
        device=model.device,
    )
    model.generate(
        encoder_outputs=context,
        decoder_input_ids=start,
        max_new_tokens=tokens,
        min_new_tokens=tokens,  # no end before
        do_sample=False,
        no_repeat_ngram_size=NO_REPEAT_NGRAM,
        pad_token_id=model.config.pad_token_id,
        **writing_cache(model.config.decoder_layers),
    )
    synchronize(model.device)
