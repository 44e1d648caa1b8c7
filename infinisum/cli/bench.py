"""`infinisum bench memory`, `speed` and `writing`; `passkey` is in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from infinisum.cli import options as opt
from infinisum.cli.bench_passkey import EXAMPLE as PASSKEY_EXAMPLE
from infinisum.cli.bench_passkey import parse_lengths, passkey
from infinisum.cli.console import print_result, quiet_libraries
from infinisum.config import DEFAULT_MODEL

EXAMPLE = "Example: infinisum bench memory --lengths 16384,65536"

app = typer.Typer(
    help="Measure memory, speed and recall over the length of the text.",
    add_completion=False,
    rich_markup_mode=None,
)
app.command(epilog=PASSKEY_EXAMPLE)(passkey)
Lengths = Annotated[str, typer.Option(metavar="N,N", help="Tokens, separated by commas.")]
Model = Annotated[str, typer.Option(metavar="NAME", help="Folder, name or hub id.")]


@app.command(epilog=EXAMPLE)
def memory(
    ctx: typer.Context,
    lengths: Lengths = "16384,65536,262144",
    model: Model = DEFAULT_MODEL,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Peak memory and size of the state: both stay the same, whatever the length."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    columns = ("length_tokens", "peak_bytes", "state_bytes", "seconds_s")
    _measure(lengths, model, device, dtype, seed, as_json, columns)


@app.command(epilog=EXAMPLE.replace("memory", "speed"))
def speed(
    ctx: typer.Context,
    lengths: Lengths = "16384,65536",
    model: Model = DEFAULT_MODEL,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Tokens read a second, and the share of this machine's peak."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    columns = ("length_tokens", "seconds_s", "cpu_s", "tokens_per_s", "share_of_peak")
    _measure(lengths, model, device, dtype, seed, as_json, columns)


@app.command(epilog="Example: infinisum bench writing --batch 8 --states 2048")
def writing(
    ctx: typer.Context,
    batch: Annotated[int, typer.Option(min=1, help="Texts written at once.")] = 8,
    states: Annotated[int, typer.Option(min=1, help="Exact states each looks at.")] = 2_048,
    tokens: Annotated[int, typer.Option(min=2, help="Tokens written of each.")] = 64,
    model: Model = DEFAULT_MODEL,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """Tokens written a second, and how many memory could feed at most."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    from infinisum.bench.writing import run
    from infinisum.hub import find_model
    from infinisum.loading import load_model

    quiet_libraries()
    loaded = load_model(find_model(model), device, dtype)
    columns = ("batch", "states", "start_s", "tokens_per_s", "floor_tokens_per_s")
    _print(run(loaded, states, batch, tokens, seed), columns, as_json)


def _measure(
    lengths: str,
    model: str,
    device: str,
    dtype: str,
    seed: int,
    as_json: bool,
    columns: Sequence[str],
) -> None:
    """Read texts of the lengths; a table, and everything as JSON on the last line."""
    tokens = parse_lengths(lengths)
    from infinisum.bench.reading import run
    from infinisum.hub import find_model
    from infinisum.loading import load_model

    quiet_libraries()
    result = run(load_model(find_model(model), device, dtype), tokens, seed=seed)
    _print(result, columns, as_json)


def _print(result: dict[str, Any], columns: Sequence[str], as_json: bool) -> None:
    if not as_json:
        rows = [[row[column] for column in columns] for row in result["rows"]]
        print_result(_table(columns, rows) + "\n")
    print_result(json.dumps(result) + "\n")


def _table(columns: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
    """Numbers under the names of their columns."""
    lines = [list(columns), *([f"{value:,}" for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
