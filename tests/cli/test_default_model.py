"""The default model on the project's own book: what a newcomer's first command gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.hub import find_model
from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "data"
SOURCE = DATA / "source"


def titles() -> list[str]:
    """Chapter titles as the author wrote them."""
    files = sorted((SOURCE / "chapters").glob("*.md"))
    return [file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for file in files]


def test_the_first_command(cli: Cli, tmp_path: Path) -> None:
    first, second = tmp_path / "summary.md", tmp_path / "again.md"
    for path in (first, second):
        assert cli("summarize", DATA / "the-tide-ledger.epub", "-o", path).status == 0
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text(encoding="utf-8")
    assert text.startswith("# The Tide Ledger\n")
    for title in titles():
        assert title in text
    assert text.count("Ruth") > 10
    assert 600 < len(text.split()) < 6_000


@pytest.mark.parametrize("ending", ["pdf", "txt"])
def test_the_other_formats_have_the_same_chapters(cli: Cli, ending: str) -> None:
    book = DATA / f"the-tide-ledger.{ending}"
    result = cli("summarize", book, "--level", "chapters", "--length", "short", "--json")
    (summary,) = json.loads(result.out)["summaries"]
    found = [chapter["title"] for chapter in summary["chapters"]]
    assert len(found) == len(titles())
    for title, expected in zip(found, titles(), strict=True):
        assert expected.casefold() in title.casefold()
    assert all(chapter["passages"] or chapter["text"] for chapter in summary["chapters"])


def test_better_than_the_beginning_of_the_book(cli: Cli) -> None:
    from infinisum.books.reader import read_book
    from infinisum.rouge import rouge

    book, reference = DATA / "the-tide-ledger.epub", SOURCE / "summaries.json"
    result = cli("summarize", book, "--reference", reference, "--words", "400", "--json")
    (summary,) = json.loads(result.out)["summaries"]
    of_book, of_chapters = summary["rouge"]
    assert of_chapters["texts"] == len(titles())
    text = " ".join(chapter.text for chapter in read_book(book).chapters)
    lead = " ".join(text.split()[:400])
    wanted = json.loads(reference.read_text(encoding="utf-8"))["book"]
    assert of_book["mean"] > rouge(lead, wanted, lsum=False).geometric_mean


def test_what_it_is(cli: Cli) -> None:
    facts = json.loads(cli("info", "--json").out)
    assert facts["name"] == "infinisum-base"
    assert facts["weights_bytes"] == (find_model() / "model.safetensors").stat().st_size
    expected = json.loads(cli("info", DATA / "the-tide-ledger.epub", "--json").out)["estimate"]
    assert expected["state_bytes"] == facts["state_bytes"]
