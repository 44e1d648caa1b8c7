"""What each part of the network is worth: variants trained alike, on the same tokens.

    python benchmarks/ablation.py prepare BOOKS.jsonl.xz... --books 60 -o work
    python benchmarks/ablation.py train work --variants delta_net,none --max-steps 500
    python benchmarks/ablation.py table work -o benchmarks/results/ablation.json

`prepare` draws books to train on and others to measure on, and trains a small vocabulary; `train`
takes the variants in turn, each from new weights, and skips those that are done; `table` compares
them. A variant is the preset with some sizes changed. Measured is what the decoder makes of 512
tokens of a held-out book after 4,096 before them: with this book's memory, with nothing in memory,
and with another book's (`infinisum.evaluation.continuation`), and how the loss differs from the
first variant's on the same tokens, with paired intervals over books.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

CONTEXT = 4_096  # tokens before a passage
HELD = 24  # books to measure on
MOST_CHARACTERS = 600_000  # of a book
FIRST = "delta_net"
TOY: dict[str, Any] = {
    "embedding_range": 0.25,
    "scale_decoder_outputs": True,
    "d_model": 128,
    "d_kv": 32,
    "num_heads": 4,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "d_ff": 256,
    "segment_length": 128,
    "window_segments": 4,
    "reservoir_length": 128,
    "salience_hidden": 32,
    "sentence_words": 16,
}
RULES = ("linear", "delta", "delta_paper")
BASELINES = ("none", "xl", "knn")  # of the encoder; the decoder then has no memory
VARIANTS: dict[str, dict[str, Any]] = {
    FIRST: {},
    **{rule: {"memory_rule": rule, "cross_memory_rule": rule} for rule in RULES},
    **{rule: {"memory_rule": rule, "cross_memory_rule": "none"} for rule in BASELINES},
    "window 1": {"window_segments": 1},
    "window 4 fixed": {},
    "window 1 fixed": {"window_segments": 1},
    "no reservoir": {"reservoir_length": 0},
    "memory norm": {"memory_norm": True},
}


def prepare(arguments: argparse.Namespace) -> None:
    from infinisum.datasets.jsonl import read_json_lines
    from infinisum.training.tokenizer_training import train_tokenizer

    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str] = {}
    for file in arguments.files:
        for row in read_json_lines(file):
            text = row["text"]
            if len(text) > 20 * CONTEXT:
                texts[f"{row['author']}: {row['title']}"] = text[:MOST_CHARACTERS]
    # One book of an author at most: no name is known from another book.
    one = {name.partition(":")[0]: name for name in sorted(texts)}
    names = sorted(one.values())
    random.Random(0).shuffle(names)
    names = names[: arguments.books + HELD]
    for part, own in (("held", names[:HELD]), ("train", names[HELD:])):
        lines = [json.dumps({"id": name, "title": name, "text": texts[name]}) for name in own]
        (folder / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sample = [texts[name][: MOST_CHARACTERS // 4] for name in names[HELD:]]
    train_tokenizer(sample, folder / "vocabulary", vocab_size=arguments.vocabulary)
    print(f"{len(names) - HELD} books to train on, {HELD} to measure on")


def train(arguments: argparse.Namespace) -> None:
    from infinisum.config import FinetuneOptions
    from infinisum.model.presets import PRESETS
    from infinisum.training.preparing import prepare_for
    from infinisum.training.trainer import finetune

    folder: Path = arguments.folder
    sizes = TOY if arguments.preset == "toy" else PRESETS[arguments.preset]
    options = FinetuneOptions(
        data=(folder / "train.jsonl",),
        output=folder,
        model=folder / "vocabulary",
        objective=arguments.objective,
        max_steps=arguments.max_steps,
        batch_size=arguments.batch_size,
        batch_tokens=arguments.batch_tokens,
        max_segments=arguments.max_segments,
        learning_rate=arguments.learning_rate,
        save_minutes=1_000,
        probe_steps=1_000_000,
        device=arguments.device,
        dtype=arguments.dtype,
    )
    for name in arguments.variants.split(",") if arguments.variants else VARIANTS:
        output = folder / "variants" / name.replace(" ", "-")
        if (output / "passages.json").is_file():
            continue
        PRESETS[name] = {**sizes, **VARIANTS[name]}
        started = time.process_time()
        if not (output / "model.safetensors").is_file():
            data = folder / "shards"  # the same of all variants: what is trained on is the same
            if not data.is_dir():
                prepare_for(replace(options, output=data, preset=name))
            own = replace(
                options,
                data=(data,),
                output=output,
                preset=name,
                fixed_window=name.endswith("fixed"),
            )
            finetune(own, print)
        cpu = time.process_time() - started
        passages = measured(folder, output, arguments)
        config = json.loads((output / "config.json").read_text(encoding="utf-8"))
        content = {
            "variant": name,
            "cpu_s": round(cpu),
            "context_tokens": arguments.context,
            "window_tokens": config["window_segments"] * config["segment_length"],
            "passages": passages,
        }
        (output / "passages.json").write_text(json.dumps(content), encoding="utf-8")


def measured(
    folder: Path, model: Path, arguments: argparse.Namespace
) -> dict[str, list[dict[str, Any]]]:
    """Passages of every held-out book; the next book takes its place under "other"."""
    from infinisum.datasets.jsonl import read_json_lines
    from infinisum.evaluation import continuation
    from infinisum.evaluation.tokenbook import TokenBook
    from infinisum.loading import load_model

    loaded = load_model(model, arguments.device, "float32")
    rows = list(read_json_lines(folder / "held.jsonl"))
    books = [TokenBook(row["text"], loaded.tokenizer) for row in rows]
    return {
        row["id"]: continuation.measure_text(loaded, book, other, (arguments.context,))
        for row, book, other in zip(rows, books, [*books[1:], books[0]], strict=True)
    }


def table(arguments: argparse.Namespace) -> None:
    """Nats a token of every variant and what its memory is worth, with paired intervals."""
    from infinisum.evaluation.statistics import Clusters

    found = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((arguments.folder / "variants").glob("*/passages.json"))
    ]
    found.sort(key=lambda content: list(VARIANTS).index(content["variant"]))
    assert found and found[0]["variant"] == FIRST, "the first variant is what others are held to"
    first = losses(found[0]["passages"], "own")
    # Names that the largest window no longer holds, the same of all variants.
    gone = max(content["window_tokens"] for content in found)
    rows = []
    for content in found:
        own = losses(content["passages"], "own")
        clusters = Clusters(list(own), 0)
        row = {"variant": content["variant"], "cpu_s": content["cpu_s"]}
        row["loss_nats"] = round(sum(map(sum, own.values())) / sum(map(len, own.values())), 4)
        row["loss_over_first"] = gain(first, own, clusters)
        for condition in ("none", "other"):
            row[f"gain_over_{condition}"] = gain(
                own, losses(content["passages"], condition), clusters
            )
            row[f"name_gain_over_{condition}"] = gain(
                losses(content["passages"], "own", gone),
                losses(content["passages"], condition, gone),
                clusters,
            )
        rows.append(row)
        print(json.dumps(row))
    result = {
        "context_tokens": found[0]["context_tokens"],
        "books": HELD,
        "first": FIRST,
        "rows": rows,
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def losses(
    passages: dict[str, Sequence[dict[str, Any]]], condition: str, gone: int | None = None
) -> dict[str, list[float]]:
    """Losses of the tokens of every book; or of names last seen more than `gone` tokens ago."""
    found: dict[str, list[float]] = {}
    for book, own in passages.items():
        found[book] = []
        for passage in own:
            runs = {run.partition("/")[::2]: values for run, values in passage["losses"].items()}
            ((context, values),) = [
                (int(c), v) for (c, kind), v in runs.items() if kind == condition
            ]
            found[book] += [
                loss
                for loss, gap in zip(values, passage["gaps"], strict=True)
                if gone is None or gone < gap <= context
            ]
    return found


def gain(
    ours: dict[str, list[float]], theirs: dict[str, list[float]], clusters: Any
) -> dict[str, Any]:
    """Nats a token that the first saves against the second, with its interval."""
    import numpy as np

    sums = np.array([[sum(theirs[b]) - sum(ours[b]), len(ours[b])] for b in ours])
    mean, drawn = clusters.means(sums)
    drawn = drawn[drawn[:, 1] > 0]  # a draw may hold no such token
    difference: dict[str, Any] = clusters.difference(
        float(mean[0] / mean[1]), drawn[:, 0] / drawn[:, 1]
    )
    return {**difference, "tokens": int(sums[:, 1].sum())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("prepare")
    one.add_argument("files", type=Path, nargs="+", help="JSON lines with author, title, text")
    one.add_argument("--books", type=int, default=60)
    one.add_argument("--vocabulary", type=int, default=4_096)
    one.add_argument("-o", "--output", type=Path, required=True)
    one.set_defaults(run_command=prepare)
    two = commands.add_parser("train")
    two.add_argument("folder", type=Path)
    two.add_argument("--variants", help="names, with commas; all of them without")
    two.add_argument("--preset", default="toy", help="toy, or a preset of infinisum")
    two.add_argument("--objective", default="continue:2,gaps")
    two.add_argument("--max-steps", type=int, default=500)
    two.add_argument("--batch-size", type=int, default=8)
    two.add_argument("--batch-tokens", type=int, default=8_192)
    two.add_argument("--max-segments", type=int, default=32)
    two.add_argument("--learning-rate", type=float, default=2e-3)
    two.add_argument("--context", type=int, default=CONTEXT, help="tokens; more than the window")
    two.add_argument("--device", default="auto")
    two.add_argument("--dtype", default="auto")
    two.set_defaults(run_command=train)
    three = commands.add_parser("table")
    three.add_argument("folder", type=Path)
    three.add_argument("-o", "--output", type=Path, required=True)
    three.set_defaults(run_command=table)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    arguments.run_command(arguments)


if __name__ == "__main__":
    main()
