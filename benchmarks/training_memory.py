"""Peak memory of one training step: weights, optimizer, one long text, recomputed.

    python benchmarks/training_memory.py --segments 4 8 16 --dtype bfloat16
    python benchmarks/training_memory.py --model flan-infini --segments 8 16 --dtype float32

Of a preset with random weights, or of a model in a folder, such as `infinisum convert` makes.

On a GPU it measures what was asked for; on a CPU a step of 64 segments takes long, so measure a few
shorter ones, or fewer layers: the peak grows by as many bytes with every segment and every layer.
"""

from __future__ import annotations

import argparse
import json
import os
from itertools import pairwise

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the command line does

import torch

from infinisum.bench.measure import peak_bytes, reset_peak
from infinisum.features import FEATURE_NAMES
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.presets import PRESETS
from infinisum.training.optimizer import make_optimizer, optimizer_groups


def step(
    model: InfinisumForConditionalGeneration,
    optimizer: torch.optim.Optimizer,
    segments: int,
    dtype: torch.dtype,
) -> None:
    config, device = model.config, model.device
    N, K = config.segment_length, 40
    ids = torch.randint(10, config.vocab_size, (1, segments, N), device=device)
    sentences = (torch.arange(N, device=device) * K // N).expand(1, segments, N)
    shape = (1, segments, K, config.sentence_features)
    features = torch.zeros(shape, device=device) if config.sentence_features else None
    summary = torch.randint(10, config.vocab_size, (1, 512), device=device)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        output = model(
            input_ids=ids,
            sentence_ids=sentences,
            sentence_features=features,
            decoder_input_ids=summary,
            labels=summary,
            window_segments=4,
        )
        loss = output.loss + output.salience.float().square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def make_model(arguments: argparse.Namespace) -> InfinisumForConditionalGeneration:
    """The model asked for, in float32."""
    if arguments.model:
        return InfinisumForConditionalGeneration.from_pretrained(
            arguments.model, dtype=torch.float32
        )
    sizes = dict(PRESETS[arguments.preset])
    if arguments.layers:
        sizes["encoder_layers"], sizes["decoder_layers"] = arguments.layers
    config = InfinisumConfig(**sizes, sentence_features=len(FEATURE_NAMES))
    return InfinisumForConditionalGeneration(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="base", choices=sorted(PRESETS))
    parser.add_argument("--model", help="folder of a model, instead of a preset")
    parser.add_argument("--segments", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layers", type=int, nargs=2, metavar=("ENCODER", "DECODER"))
    parser.add_argument("--keep", action="store_true", help="activations, instead of recomputing")
    arguments = parser.parse_args()
    device, dtype = torch.device(arguments.device), getattr(torch, arguments.dtype)
    model = make_model(arguments).to(device).train()
    if not arguments.keep:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    optimizer = make_optimizer("adamw", optimizer_groups(model, 1e-4, 1e-2), device)
    step(model, optimizer, 2, dtype)  # the optimizer has its state from here on
    rows = []
    for segments in arguments.segments:
        reset_peak(device)
        step(model, optimizer, segments, dtype)
        rows.append({"segments": segments, "peak_bytes": peak_bytes(device)})
        print(f"{segments:>4} segments {peak_bytes(device) / 2**30:6.2f} GiB", flush=True)
    slopes = [
        (b["peak_bytes"] - a["peak_bytes"]) / (b["segments"] - a["segments"])
        for a, b in pairwise(rows)
    ]
    length = model.config.segment_length
    print(
        json.dumps(
            {
                "rows": rows,
                "segment_length": length,
                "bytes_per_segment": slopes,
                "dtype": arguments.dtype,
            }
        )
    )


if __name__ == "__main__":
    main()
