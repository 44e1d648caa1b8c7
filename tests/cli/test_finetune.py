from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infinisum.config import FinetuneOptions
from tests.cli.conftest import Cli


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[FinetuneOptions]:
    """Training that only notes what it was asked for."""
    from infinisum.training import trainer

    calls: list[FinetuneOptions] = []

    def finetune(options: FinetuneOptions, *_: Any) -> Path:
        calls.append(options)
        return options.output

    monkeypatch.setattr(trainer, "finetune", finetune)
    return calls


def test_options_reach_the_training(
    cli: Cli, tiny_model: Path, tmp_path: Path, trained: list[FinetuneOptions]
) -> None:
    out = tmp_path / "out"
    options = ["--data", "a.jsonl", "--data", "b", "-o", out, "--model", tiny_model]
    options += ["--objective", "summarize:2,salience", "--max-steps", 5, "--time-limit", 1.5]
    options += ["--batch-size", 2, "--learning-rate", 0.001, "--gate-learning-rate", 0.02]
    options += ["--min-segments", 1, "--batch-tokens", 999, "--curriculum-share", 0.5]
    options += ["--accumulate", 2, "--optimizer", "adafactor", "--recompute", "--workers", 1]
    options += ["--parallel", "fsdp", "--log-steps", 3, "--probe-steps", 7]
    options += ["--max-segments", 3, "--save-minutes", 2, "--seed", 9, "--resume"]
    options += ["--preset", "small", "--device", "cpu", "--dtype", "float32", "--json"]
    result = cli("finetune", *options)
    assert result.status == 0
    assert json.loads(result.out)["output"] == str(out)
    assert trained == [
        FinetuneOptions(
            data=(Path("a.jsonl"), Path("b")),
            output=out,
            model=tiny_model,
            preset="small",
            objective="summarize:2,salience",
            max_steps=5,
            time_limit_minutes=1.5,
            batch_size=2,
            learning_rate=0.001,
            gate_learning_rate=0.02,
            batch_tokens=999,
            min_segments=1,
            max_segments=3,
            curriculum_share=0.5,
            accumulate=2,
            optimizer="adafactor",
            recompute=True,
            workers=1,
            parallel="fsdp",
            log_steps=3,
            probe_steps=7,
            save_minutes=2.0,
            seed=9,
            resume=True,
            device="cpu",
            dtype="float32",
        )
    ]


def test_defaults_are_those_of_the_options(
    cli: Cli, tiny_model: Path, tmp_path: Path, trained: list[FinetuneOptions]
) -> None:
    cli("finetune", "--data", "a", "-o", tmp_path, "--model", tiny_model)
    assert trained == [FinetuneOptions(data=(Path("a"),), output=tmp_path, model=tiny_model)]


def test_a_tokenizer_alone_starts_a_new_model(
    cli: Cli, tiny_model: Path, tmp_path: Path, trained: list[FinetuneOptions]
) -> None:
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    cli("finetune", "--data", "a", "-o", tmp_path / "out", "--model", tmp_path)
    assert trained[0].model == tmp_path


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["-o", "out"], 2),
        (["--data", "a", "-o", "out", "--objective", ""], 2),
        (["--data", "a", "-o", "out", "--max-steps", "0"], 2),
        (["--data", "a", "-o", "out", "--model", "./none"], 4),
    ],
)
def test_wrong_use(
    cli: Cli, tiny_model: Path, trained: list[FinetuneOptions], options: list[str], status: int
) -> None:
    result = cli("finetune", "--model", tiny_model, *options)
    assert (result.status, result.out) == (status, "")
    assert result.err.count("\n") == 1
    assert not trained


SAMPLE = Path(__file__).parents[2] / "data" / "booksum-sample"


def test_prepared_shards_of_the_sample_can_be_trained_on(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    shards, out = tmp_path / "shards", tmp_path / "out"
    for folder in (shards, tmp_path / "again"):
        result = cli("finetune", "--data", SAMPLE, "-o", folder, "--model", tiny_model, "--prepare")
        assert (result.status, result.out) == (0, "")
    lines = [line.split() for line in result.err.splitlines()]
    assert " ".join(lines[0]) == "split level documents works tokens median tokens p95 tokens"
    assert [line[:4] for line in lines[1:5]] == [
        ["train", "chapter", "9", "1"],
        ["validation", "book", "1", "1"],
        ["validation", "chapter", "3", "1"],
        ["test", "chapter", "2", "1"],
    ]
    assert "15 rows read, 9 to train on, 0 duplicates, 0 refused." in result.err
    assert "The Tide Ledger is in several splits: train, validation, test." in result.err
    for path in shards.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()

    options = ["--model", tiny_model, "--max-steps", 1, "--max-segments", 1, "--min-segments", 1]
    result = cli("finetune", "--data", shards, "-o", out, *options, "--batch-size", 1, "--json")
    assert result.status == 0, result.err
    assert "to train on" in result.err
    told = json.loads(result.out.splitlines()[-1])["data"]
    assert [(d["split"], d["level"], d["documents"]) for d in told["documents"]] == [
        ("train", "chapter", 9),
        ("validation", "book", 1),
        ("validation", "chapter", 3),
        ("test", "chapter", 2),
    ]
    assert told["documents"][0]["tokens_median"] <= told["documents"][0]["tokens_p95"]
    assert (out / "model.safetensors").is_file()


def test_data_that_are_not_there_stop_at_once(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "none"):
        result = cli("finetune", "--data", path, "-o", tmp_path / "o", "--model", tiny_model)
        assert (result.status, result.out) == (4, "")
        assert result.err.count("\n") == 1
        assert "kmfoda/booksum" in result.err
        assert not (tmp_path / "o").exists()


def test_a_folder_with_something_else_is_not_replaced(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "novel.txt").write_text("mine")
    options = ["--data", SAMPLE, "-o", tmp_path, "--model", tiny_model, "--prepare"]
    result = cli("finetune", *options)
    assert result.status == 5
    assert (tmp_path / "novel.txt").read_text() == "mine"
