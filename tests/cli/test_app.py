from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

import infinisum
from infinisum.cli.app import app
from infinisum.cli.commands import COMMANDS as COMMANDS_THERE
from infinisum.cli.commands import Commands
from tests.cli.conftest import Cli
from tests.tiny_model import book_file

COMMANDS = (
    ["summarize"],
    ["info"],
    ["read"],
    ["eval"],
    ["finetune"],
    ["convert"],
    ["label"],
    ["bench", "memory"],
    ["bench", "speed"],
)
NEEDS_MODEL = ("--device", "--dtype", "--model")
WITHOUT_MODEL = (["info"], ["label"], ["convert"])


def start(*args: object, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "infinisum", *map(str, args)]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_has_an_example_and_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom infinisum.cli.app import run\n"
        f"status = run({[*command, '--help']!r})\n"
        "heavy = {'torch', 'transformers', 'numpy', 'lxml', 'rouge_score'} & set(sys.modules)\n"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    example = "infinisum " + " ".join(command)
    assert example in " ".join(result.stdout.split("Options:")[-1].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_every_start_imports(option: str) -> None:
    """Help and version stay quick: no command, no dataclass of books or summaries, no library."""
    code = (
        "import sys\nfrom infinisum.cli.app import run\n"
        f"status = run([{option!r}])\nprint(*sys.modules, file=sys.stderr)\nsys.exit(status)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(result.stderr.split())
    ours = {name for name in modules if name.split(".")[0] == "infinisum"}
    assert ours == {
        "infinisum",
        "infinisum.automodel",
        "infinisum.cli",
        "infinisum.cli.app",
        "infinisum.cli.commands",
        "infinisum.cli.console",
        "infinisum.errors",
        "infinisum.lines",
    }
    heavy = {"torch", "transformers", "numpy", "rich", "lxml", "importlib.metadata", "logging"}
    assert not heavy & modules


def test_the_list_of_commands_says_what_each_says_of_itself(cli: Cli) -> None:
    listed = " ".join(cli("--help").out.split())
    group = typer.main.get_command(app)
    assert isinstance(group, Commands)
    for name, (_, line) in COMMANDS_THERE.items():
        own = " ".join((group.commands[name].help or "").split())
        assert own.startswith(line.rstrip("."))
        assert f"{name} {line}" in listed


def test_no_command_is_a_question_for_help(cli: Cli) -> None:
    assert cli().out == cli("--help").out
    assert cli("bench").err == "Error: Missing command. See infinisum bench --help.\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_options_have_one_meaning_everywhere(cli: Cli, command: list[str]) -> None:
    text = cli(*command, "--help").out
    for option in ("--device", "--dtype", "--json", "--debug", "--model"):
        assert option in text or (command in WITHOUT_MODEL and option in NEEDS_MODEL)


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"infinisum {infinisum.__version__}\n"


def test_an_unknown_command_is_wrong_usage(cli: Cli) -> None:
    result = cli("sumarize")
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1


def test_a_bug_of_ours_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom\nboom")

    monkeypatch.setattr("infinisum.cli.info.open_source", broken)
    result = cli("info", "a.epub")
    assert result.status == 1
    assert result.err == "Error: internal error, RuntimeError: boom boom Run with --debug.\n"
    assert "Traceback" in cli("info", "a.epub", "--debug").err


def test_ctrl_c_while_a_module_is_imported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 makes a RuntimeError of it when a class is being made."""

    class Slow:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    def importing(*_: object, **__: object) -> None:
        type("Imported", (), {"field": Slow()})

    monkeypatch.setattr("infinisum.cli.info.open_source", importing)
    result = cli("info", "a.epub")
    assert result.status == 130
    assert result.err.startswith("Error: interrupted.")


def test_ctrl_c_inside_exec_of_a_string_ends_with_130(tmp_path: Path) -> None:
    """`python -m` would die of the signal at its end, however well the exception was handled."""
    (tmp_path / "interrupting.py").write_text(
        "import infinisum.cli.app as app\n"
        "from infinisum.errors import StoppedError\n"
        "app.Console().error(StoppedError('first'))  # imports whatever it needs\n"
        "app.app = lambda **_: exec('raise KeyboardInterrupt')\n"
        "app.main()\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(infinisum.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "interrupting"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith(b"Error: interrupted.")


def test_out_of_memory_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("infinisum.cli.info.open_source", hungry)
    result = cli("info", "a.epub")
    assert (result.status, result.err.count("\n")) == (1, 1)


def test_interrupted_while_it_runs(tmp_path: Path, tiny_model: Path) -> None:
    book, out = book_file(tmp_path / "long.html", chapters=60, paragraphs=200), tmp_path / "a.md"
    process = start(
        *("summarize", book, "-o", out, "--model", tiny_model), stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stderr is not None
    said = b""
    while b"Model" not in said:  # it is loaded, reading begins
        said += process.stderr.read(1) or pytest.fail("ended too early")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    said += process.stderr.read()
    assert process.wait(60) == 130
    assert said.splitlines()[-1].startswith(b"Error: interrupted.")
    assert b"Traceback" not in said
    assert sorted(tmp_path.iterdir()) == [book]


def test_a_reader_that_goes_away(book: Path, tiny_model: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*("info", book, "--text"), stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 5
    assert said.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_stdout(book: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        process = start("info", book, "--text", stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 5
    assert b"no space left" in said


def test_the_page_of_commands_is_fresh() -> None:
    """Stale: `python scripts/commands_page.py`."""
    path = Path(__file__).parents[2] / "scripts" / "commands_page.py"
    script = runpy.run_path(str(path))
    written = script["PAGE"].read_text(encoding="utf-8")
    assert written == script["page"](), "docs/commands.md is stale: python scripts/commands_page.py"
