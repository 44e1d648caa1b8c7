"""`infinisum summarize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infinisum.books.limits import parse_limits
from infinisum.cli import options as opt
from infinisum.cli.batch import Batch
from infinisum.cli.console import Console, print_result
from infinisum.cli.sources import expand_sources, plan_outputs
from infinisum.cli.work import Work
from infinisum.config import (
    DEFAULT_MODEL,
    DecodingOptions,
    LengthName,
    Level,
    Method,
    Strategy,
    SummarizeOptions,
)
from infinisum.errors import UsageError

EXAMPLE = "Example: infinisum summarize moby-dick.epub --until 40% --length long -o moby-dick.md"


def summarize(
    ctx: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Books (EPUB, PDF, text, Markdown, HTML), readings, folders, or -.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A .md, .html, .json or .txt file, or a folder/."
        ),
    ] = None,
    level: Annotated[Level, typer.Option(help="What gets a summary.")] = "both",
    length: Annotated[LengthName, typer.Option(help="How long.")] = "medium",
    words: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Words of the book's summary (or each chapter's)."),
    ] = None,
    chapters: Annotated[str, typer.Option(metavar="RANGES", help="Only these: 3-7,12.")] = "",
    until: Annotated[
        str,
        typer.Option(metavar="PLACE", help='Stop reading at 40%, 12, "Chapter 12" or page:210.'),
    ] = "",
    method: Annotated[Method, typer.Option(help="Written, quoted, or both.")] = "hybrid",
    strategy: Annotated[
        Strategy, typer.Option(help="Book summary from memory, or from the chapter summaries.")
    ] = "memory",
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence/--no-evidence", help="Name the passage behind each written sentence."
        ),
    ] = True,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Summary to compare with by ROUGE: text or JSON."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Folder, name or hub id.")
    ] = DEFAULT_MODEL,
    num_beams: Annotated[int, typer.Option(metavar="N", min=1, help="Beams of the search.")] = 1,
    temperature: Annotated[float, typer.Option(metavar="X", min=0, help="Above 0: sample.")] = 0.0,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="Probability that sampling draws from.")
    ] = 0.95,
    any_names: Annotated[
        bool,
        typer.Option(
            "--any-names", help="Let the model write names and numbers the book does not have."
        ),
    ] = False,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of text files, if guessed wrong.")
    ] = None,
    limit: opt.Limit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say time and memory to expect, and stop.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave summaries alone that are there.")
    ] = False,
    resume: opt.Resume = True,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Books at once, each in its own process.")
    ] = None,
    ray: Annotated[
        str,
        typer.Option(
            metavar="CLUSTER", help="Spread books over a Ray cluster: auto, local or HOST:PORT."
        ),
    ] = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    seed: opt.Seed = 0,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
    config: opt.Config = None,
    print_config: opt.PrintConfig = False,
) -> int:
    """Summarise books, as a whole and chapter by chapter."""
    if print_config:
        print_result(opt.config_text(ctx))
        return 0
    options = SummarizeOptions(
        level=level,
        length=length,
        words=words,
        chapters=chapters,
        until=until,
        method=method,
        strategy=strategy,
        evidence=evidence,
        decoding=DecodingOptions(num_beams, temperature, top_p, seed, any_names),
    )
    sources = expand_sources(source, output)
    if reference is not None and len(sources) > 1:
        raise UsageError("--reference compares one book, and several are named.")
    if ray and reference is not None:
        raise UsageError("--reference compares one book; leave out --ray.")
    if ray and device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {device}: with --ray it is auto, cpu or cuda.")
    work = Work(
        console=Console(quiet, verbose),
        options=options,
        model=model,
        device=device,
        dtype=dtype,
        encoding=encoding,
        reference=reference,
        resume=resume,
        limits=parse_limits(limit or ()),
    )
    batch = Batch(work, as_json, jobs, ray)
    if dry_run:
        return batch.expect(sources)
    several = len(sources) > 1 or any(Path(name).is_dir() for name in source)
    return batch.run(sources, plan_outputs(sources, output, several), skip_existing)
