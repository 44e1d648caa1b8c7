"""`infinisum read`, and what the other commands do with a reading."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import book_file, small_book

OPTIONS = ("--words", "40")


@pytest.fixture
def reading(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> Path:
    path = tmp_path / "harbour.infinisum"
    result = cli("read", book, "-o", path, "--model", tiny_model)
    assert (result.status, result.out) == (0, "")
    assert f"Written to {path}" in result.err
    return path


def test_a_reading_answers_like_its_book(
    cli: Cli, book: Path, reading: Path, tiny_model: Path, tmp_path: Path
) -> None:
    for number, options in enumerate([(), ("--level", "book", "--length", "short")]):
        paths = [tmp_path / f"{number}-{name}.json" for name in ("book", "reading")]
        for source, path in zip((book, reading), paths, strict=True):
            result = cli("summarize", source, "-o", path, "--model", tiny_model, *options)
            assert result.status == 0
        assert "nothing had to be read again" in result.err
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_has_to_be_read_again_is_said(cli: Cli, reading: Path, tiny_model: Path) -> None:
    result = cli("summarize", reading, "--chapters", "2", "--model", tiny_model)
    assert result.status == 0
    assert "its own text is read again" in result.err


def test_the_text_is_not_needed_from_a_file(
    cli: Cli, book: Path, reading: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.unlink()
    stdin = io.TextIOWrapper(io.BytesIO(reading.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    result = cli("summarize", "-", "--model", tiny_model)
    assert result.status == 0
    assert result.out.startswith("# The Small Harbour\n")


def test_appending_equals_reading_both_at_once(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    one = book_file(tmp_path / "one.html", chapters=2)
    two = book_file(tmp_path / "two.html", chapters=3, paragraphs=4)
    both, grown = tmp_path / "both.infinisum", tmp_path / "grown.infinisum"
    assert cli("read", one, two, "-o", both, "--model", tiny_model).status == 0
    assert cli("read", one, "-o", grown, "--model", tiny_model).status == 0
    result = cli("read", "--append", grown, two, "--model", tiny_model, "--json")
    facts = json.loads(result.out)
    assert (result.status, facts["chapters"], facts["output"]) == (0, 5, str(grown))
    assert facts["file_bytes"] == grown.stat().st_size
    assert "3 chapters after the 2 that were there" in result.err
    assert both.read_bytes() == grown.read_bytes()
    again = cli("read", "--append", grown, two, "--model", tiny_model)
    assert again.status == 2
    assert "already" in again.err


def test_a_serial_that_grew_is_read_on(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    early = book_file(tmp_path / "early.html", chapters=2)
    late = book_file(tmp_path / "late.html", chapters=3)
    grown, whole = tmp_path / "grown.infinisum", tmp_path / "whole.infinisum"
    assert cli("read", early, "-o", grown, "--model", tiny_model).status == 0
    assert cli("read", "--append", grown, late, "--model", tiny_model).status == 0
    assert cli("read", late, "-o", whole, "--model", tiny_model).status == 0
    assert grown.read_bytes() == whole.read_bytes()


def test_info(cli: Cli, reading: Path, tiny_model: Path) -> None:
    facts = json.loads(cli("info", reading, "--json").out)
    assert (facts["kind"], facts["words"], facts["model"]) == ("reading", 783, "tiny")
    assert facts["file_bytes"] == reading.stat().st_size
    model = json.loads(cli("info", tiny_model, "--json").out)
    assert facts["state_bytes"] == model["state_bytes"]
    text = cli("info", reading).out
    assert "Read by tiny 0.0.1 on cpu in float32" in text
    assert "4  Chapter 4: The Market" in text
    for chapter in small_book().chapters:
        assert chapter.text in cli("info", reading, "--text").out


@pytest.mark.parametrize("what", ["cut", "changed", "beginning", "other model"])
def test_what_cannot_be_used_is_one_line(
    cli: Cli, reading: Path, tiny_model: Path, writing_model: Path, tmp_path: Path, what: str
) -> None:
    data = bytearray(reading.read_bytes())
    model = writing_model if what == "other model" else tiny_model
    if what == "cut":
        del data[-100:]
    if what == "changed":
        data[len(data) // 2] ^= 1
    if what == "beginning":
        data[0] ^= 1
        data[9] ^= 1
    reading.write_bytes(data)
    out = tmp_path / "out.md"
    result = cli("summarize", reading, "-o", out, "--model", model, "-q")
    assert (result.status, result.out) == (3, "")
    assert result.err.count("\n") == 1
    assert str(reading) in result.err
    assert ("another model" in result.err) == (what == "other model")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["harbour.html"], 2, "-o is missing"),
        (["harbour.html", "-o", "a.md"], 2, "ends with .infinisum"),
        (["harbour.html", "-o", "no/such/a.infinisum"], 5, "no folder"),
        (["none.epub", "-o", "a.infinisum"], 3, "none.epub"),
        (["harbour.html", "--append", "none.infinisum"], 3, "none.infinisum"),
        (["harbour.html", "-o", "a.infinisum", "--model", "./none"], 4, "none"),
    ],
)
def test_wrong_calls(
    cli: Cli,
    book: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(book.parent)
    result = cli("read", *arguments[:1], "--model", tiny_model, *arguments[1:])
    assert (result.status, result.out) == (status, "")
    assert result.err.splitlines()[-1].startswith("Error: ")
    assert said in result.err
    assert not (book.parent / "a.infinisum").exists()
