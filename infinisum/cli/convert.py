"""`infinisum convert`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infinisum.cli import options as opt
from infinisum.cli.console import Console, peak_bytes, print_result, quiet_libraries
from infinisum.config import RESERVOIR_LENGTH, WINDOW_SEGMENTS, ConvertOptions
from infinisum.document.phrases import size

if TYPE_CHECKING:
    from infinisum.convert.conversion import Conversion

EXAMPLE = "Example: infinisum convert google/flan-t5-base -o flan-infini"
_DEFAULT = ConvertOptions(donor="", output=Path())


def convert(
    ctx: typer.Context,
    donor: Annotated[
        str, typer.Argument(metavar="MODEL", help="Folder or hub id of a pretrained model.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the new model.")
    ],
    segment_length: Annotated[
        int | None,
        typer.Option(metavar="N", help="Tokens of a segment; else what the model was trained on."),
    ] = None,
    window_segments: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=f"Segments that stay exact for the decoder; else {WINDOW_SEGMENTS}."
        ),
    ] = None,
    reservoir_length: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Tokens of salient sentences that stay exact; else {RESERVOIR_LENGTH}.",
        ),
    ] = None,
    memory_rule: Annotated[
        str, typer.Option(metavar="RULE", help="delta_net, delta, delta_paper or linear.")
    ] = _DEFAULT.memory_rule,
    dtype: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Of the new weights: auto, float32, bfloat16 or float16."
        ),
    ] = _DEFAULT.dtype,
    shard_gb: Annotated[
        float, typer.Option(metavar="GB", help="Most of one file, and of memory that is needed.")
    ] = _DEFAULT.shard_gb,
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Give a pretrained model a memory without bounds, to be trained further.

    Knows T5, T5 v1.1, Flan-T5, mT5, UMT5 and LongT5, and decoders of the Llama, Mistral, Qwen2 and
    Qwen3 families, as safetensors. On a text of one segment the new model computes what the old
    one does.
    """
    if print_config:
        print_result(opt.config_text(ctx))
        return
    options = ConvertOptions(
        donor=donor,
        output=output,
        segment_length=segment_length,
        window_segments=window_segments,
        reservoir_length=reservoir_length,
        memory_rule=memory_rule,
        dtype=dtype,
        shard_gb=shard_gb,
        seed=seed,
    )
    from infinisum.convert.conversion import convert as run

    quiet_libraries()
    console = Console(quiet, verbose)
    started = time.perf_counter()
    with console.busy(f"Converting {donor}"):
        made = run(options, lambda done, all: console.detail(f"{size(done)} of {size(all)}"))
    for note in made.notes:
        console.warning(note)
    if made.left_out:
        shown = ", ".join(made.left_out[:3]) + (", …" if len(made.left_out) > 3 else "")
        console.warning(f"{len(made.left_out)} tensors of unknown use are left out: {shown}")
    console.note(
        f"{made.parameters / 1e6:.1f} M parameters, {size(made.bytes)}: {made.carried} tensors of "
        f"{donor}, {made.new} new ones (memories, gates, salience), which want training."
    )
    console.note(f"Model in {output}; go on with infinisum finetune --model {output}")
    if as_json:
        print_result(json.dumps(_facts(made, time.perf_counter() - started)) + "\n")


def _facts(made: Conversion, seconds: float) -> dict[str, Any]:
    return {
        "output": str(made.folder),
        "family": made.family,
        "parameters": made.parameters,
        "weights_bytes": made.bytes,
        "tensors_carried": made.carried,
        "tensors_new": made.new,
        "left_out": list(made.left_out),
        "notes": list(made.notes),
        "run": {"total_s": round(seconds, 3), "peak_bytes": peak_bytes()},
    }
