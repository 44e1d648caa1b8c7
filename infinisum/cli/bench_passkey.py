"""`infinisum bench passkey`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infinisum.cli import options as opt
from infinisum.cli.console import Console, print_result, quiet_libraries
from infinisum.config import PASSKEY_MODEL
from infinisum.errors import UsageError
from infinisum.passkey import FILLERS, POSITIONS, Filler

EXAMPLE = "Example: infinisum bench passkey --lengths 32768,131072 --trials 20"


def passkey(
    ctx: typer.Context,
    lengths: Annotated[
        str, typer.Option(metavar="N,N", help="Tokens, separated by commas.")
    ] = "32768,131072",
    trials: Annotated[
        int, typer.Option(metavar="N", min=1, help="Keys at each position of each length.")
    ] = 20,
    fillers: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="repeated (the paper's sentence), prose (varied), or both."
        ),
    ] = ",".join(FILLERS),
    prose: Annotated[
        Path | None,
        typer.Option(metavar="BOOK", help="Weave this book into the generated prose."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Folder, name or hub id.")
    ] = PASSKEY_MODEL,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> None:
    """How often a five-digit number, said once, is found at start, middle and end of a text."""
    if print_config:
        print_result(opt.config_text(ctx))
        return
    tokens, chosen = parse_lengths(lengths), _fillers(fillers)
    from infinisum.evaluation.passkey import Cell, evaluate_passkey
    from infinisum.hub import find_model
    from infinisum.loading import load_model

    quiet_libraries()
    console = Console(quiet)
    started = time.perf_counter()
    book = _paragraphs(prose) if prose is not None else ()

    def show(cell: Cell) -> None:
        console.note(
            f"{cell.filler}, {cell.length_tokens:,} tokens, {cell.position}: {cell.exact:.0%} exact"
        )

    result = evaluate_passkey(
        load_model(find_model(model), device, dtype),
        tokens,
        trials=trials,
        fillers=chosen,
        book=book,
        seed=seed,
        on_cell=show,
    )
    result["run"] = {"total_s": round(time.perf_counter() - started, 3)}
    if not as_json:
        print_result(table(result["rows"]) + "\n")
    print_result(json.dumps(result) + "\n")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The paper's table: a line a filler, a column a length, start/middle/end in percent."""
    lengths = sorted({row["length_tokens"] for row in rows})
    fillers = list(dict.fromkeys(row["filler"] for row in rows))
    lines = [["start/middle/end, %", *(f"{length:,}" for length in lengths)]]
    for name, key in (("exact", "exact"), ("digits", "per_digit")):
        for filler in fillers:
            cells = [
                "/".join(f"{100 * value:.0f}" for value in _values(rows, filler, length, key))
                for length in lengths
            ]
            lines.append([f"{filler}, {name}", *cells])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _values(rows: Iterable[dict[str, Any]], filler: str, length: int, key: str) -> Iterable[float]:
    found = {
        row["position"]: row[key]
        for row in rows
        if row["filler"] == filler and row["length_tokens"] == length
    }
    return [found[position] for position in POSITIONS if position in found]


def parse_lengths(text: str) -> list[int]:
    """Numbers of tokens, as `--lengths` takes them."""
    parts = [part.strip().replace("_", "") for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--lengths {text}: not numbers of tokens.", "Write 32768,131072.")
    return [int(part) for part in parts]


def _fillers(text: str) -> list[Filler]:
    names = [part.strip() for part in text.split(",")]
    unknown = [name for name in names if name not in FILLERS]
    if unknown:
        raise UsageError(f"--fillers {text}: unknown.", f"Known: {', '.join(FILLERS)}.")
    return [name for name in FILLERS if name in names]


def _paragraphs(path: Path) -> list[list[str]]:
    """Paragraphs of a book as sentences."""
    from infinisum.books.reader import read_book
    from infinisum.books.sentences import split_sentences
    from infinisum.tokenizer import plain_typography

    return [
        [plain_typography(sentence) for sentence in split_sentences(paragraph.text)]
        for chapter in read_book(path).chapters
        for paragraph in chapter.paragraphs
    ]
