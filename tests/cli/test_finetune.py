from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.config import FinetuneOptions
from tests.cli.conftest import Cli


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[FinetuneOptions]:
    """Training that only notes what it was asked for."""
    from infinisum.training import trainer

    calls: list[FinetuneOptions] = []

    def finetune(options: FinetuneOptions, _: object) -> Path:
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
