from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import small_book


def test_a_book(cli: Cli, book: Path, tiny_model: Path) -> None:
    result = cli("info", book, "--model", tiny_model)
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0] == "The Small Harbour (html, en)"
    assert lines[1] == "783 words in 4 chapters"
    assert "to read on cpu in float32" in lines[2]
    assert lines[-1].startswith("   4  Chapter 4: The Market (194 words")


def test_another_language_than_the_default_models_is_said(cli: Cli, tmp_path: Path) -> None:
    text = "Der Wärter stieg jeden Abend die Treppe hinauf und zündete die Lampe an. Es war kalt."
    german = tmp_path / "deutsch.txt"
    german.write_text("\n\n".join([text] * 4), encoding="utf-8")
    said = cli("info", german, "--chapters").err
    assert "another language (de)" in said
    assert "writes English" in said
    assert "writes English" not in cli("info", german, "--chapters", "--model", "./mine").err


def test_chapters(cli: Cli, book: Path) -> None:
    lines = cli("info", book, "--chapters").out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == ["1", "2", "3", "4"]


def test_text_is_what_is_read(cli: Cli, book: Path) -> None:
    text = cli("info", book, "--text").out
    for chapter in small_book().chapters:
        assert chapter.text in text


def test_json(cli: Cli, book: Path, tiny_model: Path) -> None:
    facts = json.loads(cli("info", book, "--json", "--model", tiny_model).out)
    assert (facts["kind"], facts["words"]) == ("book", 783)
    assert [chapter["number"] for chapter in facts["chapters"]] == [1, 2, 3, 4]
    assert sum(chapter["words"] for chapter in facts["chapters"]) == 783
    assert facts["estimate"]["state_bytes"] > 0
    texts = json.loads(cli("info", book, "--json", "--text", "--model", tiny_model).out)
    assert texts["chapters"][0]["text"] == small_book().chapters[0].text


def test_a_model(cli: Cli, tiny_model: Path) -> None:
    from safetensors import safe_open

    facts = json.loads(cli("info", tiny_model, "--json").out)
    assert facts["kind"] == "model"
    with safe_open(tiny_model / "model.safetensors", "pt") as weights:
        names = [name for name in weights.keys() if "salience.feature_" not in name]  # noqa: SIM118
        sizes = [weights.get_slice(name).get_shape() for name in names]  # those are no parameters
    counted = 0
    for shape in sizes:
        product = 1
        for length in shape:
            product *= length
        counted += product
    assert facts["parameters"] == counted
    text = cli("info", tiny_model)
    assert text.status == 0
    assert "memory rule delta_net" in text.out


@pytest.mark.parametrize(("what", "status"), [("none.epub", 3), ("none/such", 4), ("nothing", 4)])
def test_what_is_not_there(
    cli: Cli,
    what: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = cli("info", what)
    assert (result.status, result.out) == (status, "")
    assert result.err.count("\n") == 1
    assert what in result.err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"memory_rule": "magic"}', '{"d_model": "x"}'])
def test_a_model_whose_config_is_damaged(cli: Cli, tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    result = cli("info", tmp_path)
    assert (result.status, result.out) == (3, "")
    assert result.err.count("\n") == 1


def test_text_of_a_model_is_wrong_usage(cli: Cli, tiny_model: Path) -> None:
    assert cli("info", tiny_model, "--text").status == 2
