"""`infinisum finetune`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from infinisum.cli import options as opt
from infinisum.cli.console import Console, print_result, quiet_libraries
from infinisum.cli.data_table import print_data
from infinisum.config import (
    DEFAULT_MODEL,
    Embeddings,
    FinetuneOptions,
    Optimizer,
    Parallel,
    Train,
)

if TYPE_CHECKING:
    from infinisum.training.shards import ShardDataset

EXAMPLE = "Example: infinisum finetune --data data/booksum-sample -o my-model --max-steps 2"
_DEFAULT = FinetuneOptions(data=(Path(),), output=Path())


def finetune(
    ctx: typer.Context,
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH", help="BookSum in any layout, JSONL, or prepared shards; repeatable."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the new model.")
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Model to start from; a folder with a tokenizer alone starts anew."
        ),
    ] = DEFAULT_MODEL,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="Sizes of a new model.")
    ] = _DEFAULT.preset,
    memory_rule: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Of a new model: delta_net, delta, delta_paper, linear."),
    ] = None,
    encoder_rule: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Of a new model's encoder alone; none: no memory."),
    ] = None,
    embeddings: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Of a new model or head: random, or distilled from a sentence encoder.",
        ),
    ] = _DEFAULT.embeddings,
    train_what: Annotated[
        str,
        typer.Option(
            "--train",
            metavar="WHAT",
            help="all; head: what marks key sentences, alone; memory: memories and gates; "
            "lora: these, and small matrices beside the rest.",
        ),
    ] = _DEFAULT.train,
    objective: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Objectives, with weights if wanted: summarize:2,salience."
        ),
    ] = _DEFAULT.objective,
    max_steps: Annotated[
        int, typer.Option(metavar="N", min=1, help="Steps of training.")
    ] = _DEFAULT.max_steps,
    time_limit: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Minutes; ends cleanly with a loadable model."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Texts a step.")
    ] = _DEFAULT.batch_size,
    accumulate: Annotated[
        int, typer.Option(metavar="N", min=1, help="Batches a step of each process.")
    ] = _DEFAULT.accumulate,
    optimizer: Annotated[
        str, typer.Option(metavar="NAME", help="adamw, or adafactor, which needs less memory.")
    ] = _DEFAULT.optimizer,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Slower, with far less memory.")
    ] = False,
    parallel: Annotated[
        str, typer.Option(metavar="KIND", help="Of several processes: ddp, or fsdp (sharded).")
    ] = _DEFAULT.parallel,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Processes that load data.")
    ] = _DEFAULT.workers,
    learning_rate: Annotated[
        float, typer.Option(metavar="X", help="Highest.")
    ] = _DEFAULT.learning_rate,
    gate_learning_rate: Annotated[
        float, typer.Option(metavar="X", help="Of the gates between memory and attention.")
    ] = _DEFAULT.gate_learning_rate,
    write_cost: Annotated[
        float,
        typer.Option(metavar="X", help="Weight of what is written to memory, in the loss."),
    ] = _DEFAULT.write_cost,
    write_free: Annotated[
        int, typer.Option(metavar="N", min=1, help="Tokens a head may write of a text at no cost.")
    ] = _DEFAULT.write_free,
    batch_tokens: Annotated[
        int, typer.Option(metavar="N", min=1, help="Tokens a step, padding included.")
    ] = _DEFAULT.batch_tokens,
    min_segments: Annotated[
        int, typer.Option(metavar="N", min=1, help="Longest text at first, in segments.")
    ] = _DEFAULT.min_segments,
    max_segments: Annotated[
        int, typer.Option(metavar="N", min=1, help="Longest text later, in segments.")
    ] = _DEFAULT.max_segments,
    curriculum_share: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the steps, over which texts get longer.")
    ] = _DEFAULT.curriculum_share,
    fixed_window: Annotated[
        bool, typer.Option("--fixed-window", help="Every step has the largest window.")
    ] = False,
    save_minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Between two checkpoints.")
    ] = _DEFAULT.save_minutes,
    log_steps: Annotated[
        int, typer.Option(metavar="N", min=1, help="Between two lines of training.jsonl.")
    ] = _DEFAULT.log_steps,
    probe_steps: Annotated[
        int, typer.Option(metavar="N", min=1, help="Between two looks at what the memory is worth.")
    ] = _DEFAULT.probe_steps,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Write the token shards to the folder and stop.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in the folder.")
    ] = False,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Works that must stay out, in any layout of --data; repeatable."
        ),
    ] = None,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Train a model further on texts with summaries.

    The data are a checkout of BookSum's repository, kmfoda/booksum or abertsch/booksum-fullbooks
    as CSV or Parquet, JSON lines with text and summary, or what --prepare wrote.
    """
    if print_config:
        print_result(opt.config_text(ctx))
        return
    from infinisum.hub import find_model

    start = Path(model) if (Path(model) / "tokenizer.json").is_file() else find_model(model)
    options = FinetuneOptions(
        data=tuple(data),
        output=output,
        model=start,
        preset=preset,
        memory_rule=memory_rule,
        encoder_rule=encoder_rule,
        embeddings=cast(Embeddings, embeddings),
        train=cast(Train, train_what),
        objective=objective,
        max_steps=max_steps,
        time_limit_minutes=time_limit,
        batch_size=batch_size,
        learning_rate=learning_rate,
        gate_learning_rate=gate_learning_rate,
        write_cost=write_cost,
        write_free=write_free,
        batch_tokens=batch_tokens,
        min_segments=min_segments,
        max_segments=max_segments,
        curriculum_share=curriculum_share,
        fixed_window=fixed_window,
        accumulate=accumulate,
        optimizer=cast(Optimizer, optimizer),
        recompute=recompute,
        parallel=cast(Parallel, parallel),
        workers=workers,
        save_minutes=save_minutes,
        held_out=tuple(held_out or ()),
        log_steps=log_steps,
        probe_steps=probe_steps,
        seed=seed,
        resume=resume,
        device=device,
        dtype=dtype,
    )
    quiet_libraries()
    console = Console(quiet, verbose)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    told: dict[str, Any] = {}

    def tell(shards: ShardDataset) -> None:
        told.update(shards.index["report"] or {})
        if first:
            print_data(console, shards.index["report"])

    started = time.perf_counter()
    if prepare:
        from infinisum.training.preparing import prepare_for

        with console.busy("Preparing"):
            shards = prepare_for(options)
        tell(shards)
        console.note(f"{len(shards):,} examples in {output}; train on them with --data {output}")
        folder = output
    else:
        from infinisum.training.trainer import finetune as train

        if train_what == "head" and not first:
            return  # the first process says why it cannot be done in several
        folder = train(options, console.note if first else lambda _: None, tell)
    if not first:
        return
    seconds = time.perf_counter() - started
    if not prepare:
        console.note(f"Trained for {seconds / 60:.1f} minutes; model in {folder}")
    if as_json:
        run = {"total_s": round(seconds, 3)}
        print_result(json.dumps({"output": str(folder), "data": told or None, "run": run}))
