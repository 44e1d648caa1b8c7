"""`infinisum read`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infinisum.atomic import check_writable, write_atomically
from infinisum.books.joining import joined
from infinisum.books.limits import Limits, parse_limits
from infinisum.cli import options as opt
from infinisum.cli.console import Console, SummaryBars, print_result
from infinisum.cli.sources import READING_ENDING, STDIN, open_source
from infinisum.cli.work import Work, kept
from infinisum.config import DEFAULT_MODEL, TOKENS_PER_WORD, SummarizeOptions
from infinisum.document.phrases import counted, size
from infinisum.errors import InputError, UsageError
from infinisum.hub import find_model

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.readings.reading import Reading

EXAMPLE = "Example: infinisum read moby-dick.epub -o moby-dick.infinisum"


def read(
    ctx: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="A book, its volumes in order, or -."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The reading: BOOK.infinisum."),
    ] = None,
    append: Annotated[
        Path | None,
        typer.Option(metavar="READING", help="Go on in this one; written back to it without -o."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Folder, name or hub id.")
    ] = DEFAULT_MODEL,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of text files, if guessed wrong.")
    ] = None,
    limit: opt.Limit = None,
    resume: opt.Resume = True,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> int:
    """Read a book once and keep the reading; infinisum summarize answers from it."""
    if print_config:
        print_result(opt.config_text(ctx))
        return 0
    target = _target(source, output, append)
    find_model(model)
    console = Console(quiet, verbose)
    limits = parse_limits(limit or ())
    options = SummarizeOptions()
    work = Work(console, options, model, device, dtype, encoding, resume=resume, limits=limits)
    facts = _read(work, source, append, target)
    if as_json:
        print_result(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    return 0


def _target(sources: list[str], output: Path | None, append: Path | None) -> Path:
    """Where the reading goes.

    Raises:
        UsageError: nowhere, or over a book.
        InputError: what is to be continued is not there.
        OutputError: it cannot be written there.
    """
    if append is not None and not append.is_file():
        raise InputError(
            f"{append}: no such reading.", "Make one with infinisum read BOOK -o FILE."
        )
    target = output or append
    if target is None:
        raise UsageError("-o is missing: where does the reading go?", f"Name a {READING_ENDING}.")
    if target.suffix.lower() != READING_ENDING:
        raise UsageError(f"{target}: a reading's name ends with {READING_ENDING}.")
    if target.resolve() in {Path(name).resolve() for name in sources if name != STDIN}:
        raise UsageError(f"{target}: the reading would replace its source.", "Name another -o.")
    check_writable(target)
    return target


def _read(work: Work, sources: list[str], append: Path | None, target: Path) -> dict[str, Any]:
    """Read the sources as one book, onto what is there already, and keep the reading."""
    from infinisum.pipeline import read
    from infinisum.readings.file import part_bytes, reading_bytes

    book = work.open(sources[0]).book
    for name in sources[1:]:
        book = joined(book, work.open(name).book)
    onto: Reading | None = None
    loaded = work.load()
    if append is not None:
        onto = _continued(append, loaded, work.limits)
    bars = SummaryBars(work.console, round(TOKENS_PER_WORD * book.words))
    with bars.shown(), kept(work.resume, work.console) as snapshots:
        reading = read(book, loaded, work.options, bars, onto=onto, snapshots=snapshots)
    data = reading_bytes(reading)
    write_atomically(target, data)
    parts = part_bytes(data)
    run = bars.run()
    before = len(onto.chapters) if onto is not None else 0
    work.console.note(
        f"{reading.book.title}: {bars.tokens_read:,} tokens read in {run['reading_s']:.1f} s, "
        f"{counted(len(reading.chapters) - before, 'chapter')}"
        + (f" after the {before} that were there" if before else "")
    )
    work.console.note(
        f"Written to {target}: {size(len(data))}, of it {size(_state_bytes(parts))} memory and "
        f"{size(parts['text'])} text"
    )
    return {
        "source": sources,
        "output": str(target),
        "title": reading.book.title,
        "author": reading.book.author,
        "words": reading.book.words,
        "chapters": len(reading.chapters),
        "tokens": reading.tokens,
        "file_bytes": len(data),
        "state_bytes": _state_bytes(parts),
        "text_bytes": parts["text"],
        "run": run | {"device": loaded.device, "dtype": loaded.dtype},
    }


def _continued(path: Path, loaded: LoadedModel, limits: Limits) -> Reading:
    content = open_source(str(path), limits=limits).content(loaded)
    from infinisum.readings.reading import Reading

    if not isinstance(content, Reading):
        raise InputError(f"{path}: this is no reading.", "Make one with infinisum read.")
    return content


def _state_bytes(parts: dict[str, int]) -> int:
    return parts.get("state", 0) + parts.get("settled", 0)
