"""How fast training data are loaded: tokens a second of one core, from shards to tensors.

    python benchmarks/data_loading.py --data SHARDS [--model DIR] [--objective summarize]
        [--steps N] [--segments N,N] [-o results.json]

`SHARDS` is what `infinisum finetune --prepare` wrote, or a data set, which is prepared first. For
each length of text the plan of a training run is followed: texts drawn, cut, laid out as the batch
that the network gets. Counted are tokens the encoder reads, without padding, and seconds of this
process on its core (user and system), so that others on the machine do not count. Workers share
nothing but the mapped files: eight of them load eight times as much.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from infinisum.hub import find_model
from infinisum.tokenizer import Tokenizer, load_tokenizer
from infinisum.training.batches import Collator
from infinisum.training.objectives import Objective, objectives_named
from infinisum.training.plan import Curriculum, DrawnTexts, Plan, rows_of
from infinisum.training.preparing import prepared, segment_length_of
from infinisum.training.shards import ShardDataset

CORES = 8
TARGET = 1_000_000  # tokens a second on so many cores


def measure(
    shards: ShardDataset,
    objectives: dict[Objective, float],
    tokenizer: Tokenizer,
    segments: int,
    steps: int,
) -> dict[str, Any]:
    """Load the batches of `steps` steps with texts of up to `segments` segments."""
    length = shards.index["segment_length"]
    plan = Plan(
        objectives,
        rows_of(shards),
        seed=0,
        steps=steps,
        curriculum=Curriculum(segments, segments, 0.0),
        micro_batches=1,
        batch_texts=8,
        batch_tokens=8 * segments * length + 8 * 1_024,
        segment_length=length,
    )
    texts = DrawnTexts(shards, objectives, 0)
    collate = Collator(length, tokenizer.pad_id, 1_024)
    tokens = texts_read = 0
    started = time.process_time()
    for picks in plan:
        batch = collate([texts[pick] for pick in picks])
        tokens += int(batch["attention_mask"].sum())
        texts_read += len(picks)
    seconds = time.process_time() - started
    return {
        "segments": segments,
        "texts": texts_read,
        "tokens": tokens,
        "cpu_s": round(seconds, 3),
        "tokens_per_s_per_core": round(tokens / seconds),
    }


def main() -> None:
    """Measure, print a table, and write the results where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="infinisum-base")
    parser.add_argument("--objective", default="summarize")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--segments", default="2,8,32")
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = find_model(args.model)
    tokenizer = load_tokenizer(model)
    length = segment_length_of(model, "")
    with tempfile.TemporaryDirectory() as cache:
        shards = prepared([args.data], tokenizer, length, Path(cache))
        weights = dict.fromkeys(args.objective.split(","), 1.0)
        objectives = objectives_named(weights, tokenizer, length)
        lengths = [int(part) for part in args.segments.split(",")]
        rows = [measure(shards, objectives, tokenizer, n, args.steps) for n in lengths]
    print("segments    tokens   CPU s   tokens/s a core   on 8 cores", file=sys.stderr)
    for row in rows:
        speed = row["tokens_per_s_per_core"]
        enough = "" if CORES * speed >= TARGET else "  too slow"
        print(
            f"{row['segments']:>8} {row['tokens']:>9,} {row['cpu_s']:>7.2f} {speed:>17,} "
            f"{CORES * speed:>12,}{enough}",
            file=sys.stderr,
        )
    bytes_ = {path.name: path.stat().st_size for path in sorted(args.data.glob("*.bin"))}
    result = {"segment_length": length, "objective": args.objective, "rows": rows, "bytes": bytes_}
    print(json.dumps(result))
    if args.output:
        args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
