"""Dependencies: each is explained, and all that the tests need are locked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNLOCKED = {"fuzz", "labels"}  # extras that no test needs
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    """Distributions by name; extras of our own are not among them."""
    found = {re.split(r"[\[<>=!~ ;]", text)[0] for text in requirements}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found} - {"infinisum"}


REQUIRED = {"": names(TABLE["dependencies"])} | {
    extra: names(requirements) for extra, requirements in TABLE["optional-dependencies"].items()
}


@pytest.mark.parametrize("extra", REQUIRED)
def test_every_dependency_is_explained_and_locked(extra: str) -> None:
    assert REQUIRED[extra]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    chapter = text.partition("## Dependencies")[2].partition("\n## ")[0]
    explained = set(re.findall(r"[a-z0-9-]+", chapter.partition("\n\n`constraints")[0]))
    assert not REQUIRED[extra] - explained
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()[1:]
    locked = {line.partition("==")[0] for line in lines}
    assert extra in UNLOCKED or not REQUIRED[extra] - locked
