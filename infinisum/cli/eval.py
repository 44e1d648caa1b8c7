"""`infinisum eval`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, cast

import typer

from infinisum.cli import options as opt
from infinisum.cli.console import Console, print_result
from infinisum.config import (
    DEFAULT_MODEL,
    Convention,
    EvalLevel,
    EvaluateOptions,
    Method,
    References,
)
from infinisum.errors import UsageError

EXAMPLE = "Example: infinisum eval --data data/booksum-sample --level chapter -o results.json"
_DEFAULT = EvaluateOptions()


def evaluate(
    ctx: typer.Context,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="booksum, pg19, arxiv-math, passkey, planted, gates, or a JSONL file.",
        ),
    ] = _DEFAULT.dataset,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the data are. Default: a folder of their name."),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="train, validation or test.")
    ] = _DEFAULT.split,
    level: Annotated[EvalLevel, typer.Option(help="What is summarised.")] = _DEFAULT.level,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only N texts, always the same.")
    ] = None,
    words: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Length of every row's summaries.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Model; may be repeated; none for rows without one."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Rows of each model; may be repeated. Default: all."),
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Other summaries to score: JSONL of id and text."),
    ] = None,
    rouge: Annotated[Convention, typer.Option(help="Convention of ROUGE.")] = _DEFAULT.rouge,
    references: Annotated[
        References, typer.Option(help="How several references of a text count.")
    ] = _DEFAULT.references,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Results, .json or .html; may be repeated."
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.json B.json", help="Paired differences of two results."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes. Default: one a core.")
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
    """Measure summaries: ROUGE beside rows that take no model, faithfulness, intervals."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    from infinisum.cli.eval_report import Evaluating, compare_files

    console = Console(quiet, verbose)
    if compare is not None:
        compare_files(compare, references, seed, as_json)
        return
    models = tuple(model or (DEFAULT_MODEL,))
    if "none" in models and len(models) > 1:
        raise UsageError("--model none stands alone.", "Name models, or none of them.")
    options = EvaluateOptions(
        dataset=dataset,
        data=data,
        split=split,
        level=level,
        limit=limit,
        words=words,
        models=() if models == ("none",) else models,
        methods=cast(tuple[Method, ...], tuple(method or _DEFAULT.methods)),
        predictions=tuple(predictions or ()),
        rouge=rouge,
        references=references,
        jobs=jobs,
        device=device,
        dtype=dtype,
        seed=seed,
    )
    started = time.perf_counter()
    evaluating = Evaluating(console, tuple(output or ()), table=not as_json)
    results = evaluating.run(options)
    if as_json:
        run = {"total_s": round(time.perf_counter() - started, 3)}
        print_result(json.dumps({**results, "run": run}, ensure_ascii=False) + "\n")
