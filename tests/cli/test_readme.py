"""What the README tells a newcomer to type is understood, and what it points to is there."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import infinisum
from infinisum.document import to_json
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (infinisum .*?)(?:\s+#.*)?$", README, flags=re.MULTILINE)
OPTIONS = set(re.findall(r"`(--[a-z-]+)", README))


def test_there_are_commands() -> None:
    assert {command.split()[1] for command in COMMANDS} == {
        *("summarize", "read", "info", "eval", "finetune", "label", "bench", "convert")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(cli: Cli, command: str) -> None:
    words = shlex.split(command)[1:]
    if words[0] == "info":  # has no options worth a config; understood, but the book is missing
        assert cli(*words).status == 3
    else:
        result = cli(*words, "--print-config")
        assert result.status == 0, result.err


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_option_exists(cli: Cli, option: str) -> None:
    names = ("summarize", "read", "eval", "finetune", "convert")
    helps = [cli(name, "--help").out for name in names]
    assert any(option in text for text in helps)


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test", "scripts/check"])
def test_a_script_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.timeout(900)  # the whole novella, twice
def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the default model, as it stands there, and its reading answers like the book."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    assert capsys.readouterr().out.count("\n") > 5
    assert (tmp_path / "tide-ledger.md").read_text(encoding="utf-8").startswith("# The Tide Ledger")
    again = infinisum.load_reading("tide-ledger.infinisum", names["model"])
    from_reading = to_json(infinisum.summarize(again, names["model"]))
    assert from_reading == to_json(infinisum.summarize(names["book"], names["model"]))
