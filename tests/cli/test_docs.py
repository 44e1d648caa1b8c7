"""The site: its pages do what they say, and load nothing from elsewhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch

from infinisum.document.json import FORMAT_VERSION
from infinisum.model import rules
from infinisum.model.memory import MemoryState, advance
from infinisum.readings import file as reading_file
from infinisum.training.shards import WIDTHS
from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
COMMANDS = sorted(
    {
        re.sub(r"\s*\\\n\s*", " ", found)
        for name, text in PAGES.items()
        if name != "commands.md"
        for found in re.findall(r"^    (infinisum (?:.*\\\n)*.*)$", text, flags=re.MULTILINE)
    }
)


def blocks(page: str) -> list[str]:
    """The Python of a page."""
    return re.findall(r"^```python\n(.*?)^```$", PAGES[page], flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_rules() -> Iterator[None]:
    """Rules that a test adds are gone after it."""
    before = list(rules.MEMORY_RULES)
    yield
    rules.MEMORY_RULES[:] = before
    rules.OWN_RULES.clear()


@pytest.mark.usefixtures("own_rules")
def test_the_page_for_researchers_does_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)  # models/infinisum-base
    names: dict[str, Any] = {"__name__": "forgetful"}
    for block in blocks("researchers.md"):
        exec(compile(block, "researchers.md", "exec"), names)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGES["researchers.md"], re.M | re.S)
    assert capsys.readouterr().out == shown
    assert names["ids"].shape[0] == 1


@pytest.mark.usefixtures("own_rules")
def test_a_model_with_a_rule_of_ones_own_is_trained_and_used(
    tmp_path: Path, cli: Cli, tiny_model: Path
) -> None:
    exec(compile(blocks("researchers.md")[0], "forgetful.py", "exec"), {"__name__": "forgetful"})
    vocabulary, output = tmp_path / "vocabulary", tmp_path / "mine"
    vocabulary.mkdir()
    for path in tiny_model.glob("tokenizer*.json"):
        (vocabulary / path.name).write_bytes(path.read_bytes())
    result = cli(
        *("finetune", "--data", ROOT / "data" / "booksum-sample", "--model", vocabulary),
        *("--preset", "tiny", "--memory-rule", "forgetful", "-o", output, "--max-steps", 1),
        *("--max-segments", 2, "--batch-size", 1, "--device", "cpu", "--quiet"),
    )
    assert result.status == 0, result.err
    facts = json.loads(cli("info", output, "--json").out)
    assert facts["memory_rule"] == "forgetful"

    rules.OWN_RULES.clear()
    rules.MEMORY_RULES.remove("forgetful")
    result = cli("summarize", ROOT / "data" / "the-tide-ledger.txt", "--model", output)
    assert result.status == 3
    assert "memory_rule must be one of" in result.err


@pytest.mark.usefixtures("own_rules")
def test_a_rule_that_forgets_nothing_is_linear() -> None:
    names: dict[str, Any] = {"__name__": "forgetful"}
    exec(compile(blocks("researchers.md")[0], "forgetful.py", "exec"), names)
    names["KEEP"] = 1.0
    torch.manual_seed(0)
    keys, values = torch.randn(2, 2, 3, 2, 5, 4, dtype=torch.float64)
    mask = torch.tensor([[[1] * 5, [1, 1, 0, 0, 0], [0] * 5], [[1] * 5, [0] * 5, [1] * 5]]).bool()
    empty = MemoryState.empty(2, 2, 4, 4, like=keys)
    for one, other in zip(
        advance("forgetful", empty, keys, values, mask),
        advance("linear", empty, keys, values, mask),
        strict=True,
    ):
        for ours, theirs in zip(one, other, strict=True):
            torch.testing.assert_close(ours, theirs)
    names["KEEP"] = 0.9
    _, state = advance("forgetful", empty, keys, values, mask)
    _, whole = advance("forgetful", empty, keys[:, :2], values[:, :2], mask[:, :2])
    _, parts = advance("forgetful", whole, keys[:, 2:], values[:, 2:], mask[:, 2:])
    torch.testing.assert_close(parts.M, state.M)


@pytest.mark.parametrize("name", ["linear", "none", "two words"])
def test_names_that_a_rule_cannot_have(name: str) -> None:
    with pytest.raises(ValueError, match="rule"):
        rules.add_memory_rule(name, lambda M, z, *_: (M, z), lambda M, z, q: q @ M)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(cli: Cli, command: str) -> None:
    words = [word.replace("FOLDER_OR_HUB_ID", "x") for word in shlex.split(command)[1:]]
    if words[0] == "info":
        assert cli(*words).status in (0, 3)  # the book is missing
    else:
        result = cli(*words, "--print-config")
        assert result.status == 0, result.err


def test_formats_are_described_as_they_are() -> None:
    text = PAGES["formats.md"]
    schema = json.loads((ROOT / "infinisum/document/summary.schema.json").read_text("utf-8"))
    missing = [key for key in schema["properties"] if f"`{key}`" not in text]
    assert not missing
    assert f'`"infinisum-summary"`, {FORMAT_VERSION} ' in text
    assert (
        f'`format` (`"{reading_file.FORMAT}"`), `format_version`\n({reading_file.FORMAT_VERSION})'
        in text
    )
    assert {f"{name}.bin" for name in WIDTHS} == set(re.findall(r"^\| `(\w+\.bin)`", text, re.M))


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.formulas = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.formulas += tag == "math"
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and values.get("rel") == "canonical":
            return
        if tag in ("script", "img", "link", "iframe", "source", "object", "embed"):
            self.targets += [values[name] for name in ("src", "href", "data") if name in values]


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path)))
    pages = sorted(tmp_path.rglob("index.html"))
    assert len(pages) == len(PAGES)
    formulas = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = Loaded()
        loaded.feed(text)
        formulas += loaded.formulas
        for target in loaded.targets:
            assert not re.match(r"(?:https?:)?//", target), f"{page}: {target}"
            assert (page.parent / target.partition("?")[0]).resolve().exists(), f"{page}: {target}"
        assert "arithmatex" not in text  # every formula was made
    assert formulas == sum(len(re.findall(r"\\[(\[]", text)) for text in PAGES.values()) > 0
    for sheet in tmp_path.rglob("*.css"):
        style = sheet.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", style), sheet
