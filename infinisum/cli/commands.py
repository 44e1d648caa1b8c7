"""The commands and where they are: a command is imported when it is asked for, and no other."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

# Of each command the function behind it, and what `infinisum --help` says of it: the beginning of
# its own help.
COMMANDS: Final = {
    "summarize": ("summarize", "Summarise books, as a whole and chapter by chapter."),
    "read": ("read", "Read a book once and keep the reading."),
    "info": ("info", "Say what a book, a reading or a model is."),
    "eval": ("evaluate", "Measure summaries: ROUGE beside rows that take no model."),
    "finetune": ("finetune", "Train a model further on texts with summaries."),
    "convert": ("convert", "Give a pretrained model a memory without bounds."),
    "label": ("label", "Mark what each sentence of a text has in common with its summaries."),
    "bench": ("app", "Measure memory, speed and recall over the length of the text."),
}


class Commands(TyperGroup):
    """A group whose help needs none of its commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _WhenAsked()

    def list_commands(self, ctx: Context) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the part of the help that lists them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


class _WhenAsked(MutableMapping[str, "Command"]):
    """The commands by name, each made when it is first taken."""

    def __init__(self) -> None:
        self._made: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._made and name in COMMANDS:
            self._made[name] = _command(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __setitem__(self, name: str, command: Command) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(name: str) -> Command:
    """Import a command, or a group of them."""
    module = import_module(f"infinisum.cli.{name}")
    found = getattr(module, COMMANDS[name][0])
    app = found
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, epilog=module.EXAMPLE)(found)
    command: Command = typer.main.get_command(app)
    return command
