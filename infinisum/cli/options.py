"""Options that several commands have, and option files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from infinisum.books.limits import NAMES
from infinisum.errors import InputError, UsageError

_HIDDEN = {"config", "print_config"}


def load_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Take options from a TOML file; the command line overrules it.

    Options stand at the top or in a table named after the command, as in `words = 400` or
    `[summarize]`.

    Raises:
        InputError: the file is missing or is no TOML.
        UsageError: it has an option that the command does not have.
    """
    if path is None:
        return None
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(f"{path}: cannot read the options, {reason.lower()}.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{path}: no TOML, {error}.", "Write lines such as words = 400, or see --print-config."
        ) from error
    table = content.pop(str(ctx.command.name), {})
    values = {k: v for k, v in content.items() if not isinstance(v, dict)}
    values |= table if isinstance(table, dict) else {}
    known = {parameter.name for parameter in ctx.command.params} - _HIDDEN - {"help"}
    defaults = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UsageError(
                f"{path}: infinisum {ctx.command.name} has no option {key!r}.",
                "--print-config lists them.",
            )
        defaults[name] = value
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return path


def config_text(ctx: typer.Context) -> str:
    """The options of this call as a TOML file that `--config` takes."""
    lines = [f"[{ctx.command.name}]"]
    for parameter in ctx.command.params:
        name, value = str(parameter.name), ctx.params.get(str(parameter.name))
        if parameter.param_type_name == "option" and name not in _HIDDEN and value is not None:
            lines.append(f"{name.replace('_', '-')} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) + '"'


Device = Annotated[
    str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.", show_default=False)
]
Dtype = Annotated[
    str,
    typer.Option(metavar="NAME", help="auto, float32, bfloat16 or float16.", show_default=False),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of everything random.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on where an interrupted run stopped.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help=f"Allow a book more or less: {', '.join(NAMES)}. May be given several times.",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", callback=load_config, is_eager=True, help="Options from TOML."
    ),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print the options as TOML and stop.")
]
