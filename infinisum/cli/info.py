"""`infinisum info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infinisum.books.limits import parse_limits
from infinisum.cli import options as opt
from infinisum.cli.console import Console, print_result
from infinisum.cli.sources import BOOK_ENDINGS, STDIN, language_notice, open_source
from infinisum.config import DEFAULT_MODEL, SummarizeOptions
from infinisum.document.phrases import counted, size
from infinisum.errors import UsageError
from infinisum.hub import find_model, is_model, weight_files
from infinisum.lines import one_line, printable

if TYPE_CHECKING:
    from infinisum.books.book import Book

EXAMPLE = "Example: infinisum info moby-dick.epub --chapters"


def info(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A book (or -), a reading, or a model.")
    ] = DEFAULT_MODEL,
    text: Annotated[bool, typer.Option("--text", help="Print the text as it is read.")] = False,
    chapters: Annotated[
        bool, typer.Option("--chapters", help="Print the table of contents.")
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Model that time and memory are reckoned for.")
    ] = DEFAULT_MODEL,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a text file, if guessed wrong.")
    ] = None,
    limit: opt.Limit = None,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
) -> None:
    """Say what a book, a reading or a model is: chapters, what was left out, time and memory."""
    if not _is_book(what):
        if text or chapters:
            raise UsageError(f"{what} is a model; --text and --chapters are for books.")
        facts = _model_facts(find_model(what))
        print_result(_json(facts) if as_json else _model_lines(facts))
        return
    console = Console(quiet, verbose)
    with console.opening(what) as progress:
        source = open_source(what, encoding, progress, limits=parse_limits(limit or ()))
    book, more = source.book, {}
    if source.data is not None:
        from infinisum.cli.info_reading import reading_facts, reading_lines

        more = reading_facts(source.data, what)
    for warning in filter(None, [*book.warnings, language_notice(book, model)]):
        console.warning(warning)
    if as_json:
        rest = more or _estimate(book, model, device, dtype)
        print_result(_json(_book_facts(book, text) | rest))
    elif text:
        print_result(_book_text(book))
    elif chapters:
        print_result(_contents(book))
    else:
        expected = {} if more else _estimate(book, model, device, dtype)
        print_result(_book_lines(book, expected) + (reading_lines(more) if more else ""))
        print_result("\n" + _contents(book))


def _is_book(what: str) -> bool:
    """Whether a name is meant as a book; a missing one is told by its ending."""
    path = Path(what)
    return (
        what == STDIN
        or path.suffix.lower() in BOOK_ENDINGS
        or (path.exists() and not is_model(what))
    )


def _book_facts(book: Book, text: bool) -> dict[str, Any]:
    """What is known of a book, as JSON holds it."""
    return {
        "kind": "book",
        "source": book.source,
        "title": one_line(book.title),
        "author": one_line(book.author),
        "language": book.language,
        "format": book.format,
        "pages": book.pages,
        "words": book.words,
        "chapters": [
            {
                "number": number,
                "title": one_line(chapter.title),
                "parts": [one_line(part) for part in chapter.parts],
                "level": chapter.level,
                "words": chapter.words,
                "paragraphs": len(chapter.paragraphs),
                "page": next((p.page for p in chapter.paragraphs), None),
                **({"text": printable(chapter.text)} if text else {}),
            }
            for number, chapter in enumerate(book.chapters, start=1)
        ],
        "left_out": [
            {"what": one_line(item.what), "reason": item.reason, "words": item.words}
            for item in book.left_out
        ],
        "warnings": [one_line(warning) for warning in book.warnings],
    }


def _estimate(book: Book, model: str, device: str, dtype: str) -> dict[str, Any]:
    """Time and memory to expect; nothing where the default model is not installed."""
    if model == DEFAULT_MODEL and not is_model(model):
        return {}
    from infinisum.bench.estimate import estimate

    expected = estimate(book, find_model(model), device, dtype, SummarizeOptions())
    return {"estimate": {**expected.as_dict(), "sentence": expected.sentence()}}


def _book_lines(book: Book, expected: dict[str, Any]) -> str:
    by = f" by {one_line(book.author)}" if book.author else ""
    kind = ", ".join(filter(None, [book.format, one_line(book.language)]))
    pages = f", {counted(book.pages, 'page')}" if book.pages else ""
    lines = [
        f"{one_line(book.title) or 'Untitled'}{by} ({kind}{pages})",
        f"{counted(book.words, 'word')} in {counted(len(book.chapters), 'chapter')}",
    ]
    if expected:
        lines.append(f"To expect: {expected['estimate']['sentence']}")
    for item in book.left_out:
        words = f", {counted(item.words, 'word')}" if item.words else ""
        lines.append(f"Left out: {one_line(item.what)} ({item.reason}{words})")
    return "\n".join(lines) + "\n"


def _contents(book: Book) -> str:
    """Chapters with their numbers, words and pages, the parts above them as headings."""
    lines: list[str] = []
    parts: tuple[str, ...] = ()
    for number, chapter in enumerate(book.chapters, start=1):
        if chapter.parts != parts:
            parts = chapter.parts
            lines.append(" · ".join(map(one_line, parts)))
        page = next((p.page for p in chapter.paragraphs), None)
        place = f", p. {page}" if page is not None else ""
        words = counted(chapter.words, "word")
        lines.append(f"{number:>4}  {one_line(chapter.title)} ({words}{place})")
    return "\n".join(lines) + "\n"


def _book_text(book: Book) -> str:
    """The text as it is read, chapter titles between rows of blank lines."""
    return (
        "\n\n\n".join(
            f"{one_line(chapter.title)}\n\n{printable(chapter.text)}" for chapter in book.chapters
        )
        + "\n"
    )


def _model_facts(folder: Path) -> dict[str, Any]:
    """What a model is, from its config; the weights are not loaded."""
    from infinisum.bench.estimate import read_config
    from infinisum.model.cost import parameters, state_bytes
    from infinisum.model.shape import Shape

    config = read_config(folder)
    return {
        "kind": "model",
        "name": folder.resolve().name,
        "version": config.infinisum_version,
        "writes_well": config.writes_well,
        "parameters": parameters(config),
        "weights_bytes": sum(path.stat().st_size for path in weight_files(folder)),
        "state_bytes": state_bytes(config),
        "d_model": config.d_model,
        "num_heads": config.num_heads,
        "encoder_layers": getattr(config, "encoder_layers", 0),  # a decoder alone has none
        "decoder_layers": config.decoder_layers if isinstance(config, Shape) else config.num_layers,
        "memory_rule": config.memory_rule,
        "segment_tokens": config.segment_length,
        "window_segments": getattr(config, "window_segments", 1),  # the open one
        "reservoir_tokens": getattr(config, "reservoir_length", 0),
        "vocabulary_tokens": config.vocab_size,
    }


def _model_lines(facts: dict[str, Any]) -> str:
    return (
        f"{facts['name']} {facts['version']}".rstrip()
        + f"\n{facts['parameters'] / 1e6:.1f} M parameters, "
        f"{size(facts['weights_bytes'])} on disk; "
        f"{facts['encoder_layers']} encoder and {facts['decoder_layers']} decoder layers, width "
        f"{facts['d_model']}, {facts['num_heads']} heads, memory rule {facts['memory_rule']}"
        f"\nSegments of {facts['segment_tokens']:,} tokens, {facts['window_segments']} of them in "
        f"the window, reservoir of {facts['reservoir_tokens']:,} tokens"
        f"\nMemory of a book, whatever its length: {size(facts['state_bytes'])} in float32\n"
    )


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
