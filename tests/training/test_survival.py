"""A run that was cut off goes on as if it had not been; what goes wrong loses little."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from infinisum.errors import InfinisumError, OutputError, UsageError
from infinisum.loading import load_model
from infinisum.training import book_trainer, checkpoints, trainer
from infinisum.training.callbacks import Clock
from infinisum.training.checkpoints import whole_checkpoints
from infinisum.training.trainer import finetune
from tests.training.texts import options, training_log

STEPS = 6
RUN: dict[str, Any] = {
    "max_steps": STEPS,
    "log_steps": 1,
    "objective": "summarize,salience,pretrain",
    "save_minutes": 1e-6,
    "probe_steps": 3,
}


class Killed(BaseException):
    """Stands for a power cut: nothing of ours catches it."""


def curve(output: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in training_log(output) if "loss" in line}


@pytest.fixture(scope="module")
def undisturbed(network: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed")
    finetune(options(network, data, output, **RUN))
    return output


def cut_off(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the power fail in the middle of step `step`, after the log but before the checkpoint."""
    save = book_trainer.BookTrainer._save_checkpoint

    def failing(self: book_trainer.BookTrainer, model: Any, trial: Any) -> None:
        if self.state.global_step == step:
            folder = Path(str(self.args.output_dir)) / checkpoints.UNFINISHED
            (folder / f"checkpoint-{step}").mkdir(parents=True)
            (folder / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"half")
            raise Killed
        save(self, model, trial)

    monkeypatch.setattr(book_trainer.BookTrainer, "_save_checkpoint", failing)


def test_a_resumed_run_is_the_undisturbed_one(
    undisturbed: Path, network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = options(network, data, tmp_path, **RUN)
    with monkeypatch.context() as patch:
        cut_off(patch, 4)
        with pytest.raises(Killed):
            finetune(run)
    assert [path.name for path in whole_checkpoints(tmp_path / "checkpoints")] == [
        *("checkpoint-2", "checkpoint-3")
    ]
    finetune(replace(run, resume=True))
    before, after = curve(undisturbed), curve(tmp_path)
    assert sorted(after) == sorted(before) == list(range(1, STEPS + 1))
    assert [after[step] for step in after] == pytest.approx(list(before.values()), abs=1e-6)
    one = load_model(undisturbed, "cpu", "float32").model.state_dict()
    other = load_model(tmp_path, "cpu", "float32").model.state_dict()
    for name, value in one.items():
        assert torch.allclose(value, other[name], atol=1e-6), name


def test_bfloat16_trains_and_goes_on(
    network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_trainer, "matmul_peak", lambda *_: 1e12)  # slow in bfloat16
    run = {**RUN, "objective": "summarize", "max_steps": 20, "probe_steps": 100}
    run |= {"dtype": "bfloat16", "learning_rate": 0.01}
    whole = options(network, data, tmp_path / "whole", **{**run, "save_minutes": 9.0})
    finetune(whole)
    losses = curve(whole.output)
    first, last = (sum(losses[step] for step in steps) for steps in (range(1, 6), range(16, 21)))
    assert last < 0.9 * first
    weights = load_model(whole.output, "cpu", "float32").model.state_dict()
    assert all(value.isfinite().all() for value in weights.values())

    cut = replace(whole, output=tmp_path / "cut", save_minutes=1e-6)
    with monkeypatch.context() as patch:
        cut_off(patch, 12)
        with pytest.raises(Killed):
            finetune(cut)
    finetune(replace(cut, resume=True))
    resumed = curve(cut.output)
    assert list(resumed) == list(losses)
    assert list(resumed.values()) == pytest.approx(list(losses.values()), abs=1e-6)


def test_a_finished_run_leaves_a_model_and_a_log(undisturbed: Path) -> None:
    assert len(whole_checkpoints(undisturbed / "checkpoints")) == 2
    lines = training_log(undisturbed)
    speeds = [line for line in lines if "loss" in line]
    assert all(line["tokens_per_s"] > 0 and 0 < line["share_of_peak"] < 1 for line in speeds)
    probes = [line for line in lines if "memory_gain" in line]
    assert [line["step"] for line in probes] == [1, 3, 6]
    for line in probes:
        assert sum(line["gate_histogram"]) == len(line["gates"]) == 4
        assert line["memory_gain"] == pytest.approx(
            line["probe_loss_without_memory"] - line["probe_loss"]
        )
        assert 0 <= line["written_encoder"] <= 1 and 0 <= line["written_cross"] <= 1
        assert line["memory_norm_encoder"] > 0 and isinstance(line["sample"], str)
    assert list((undisturbed / "tensorboard").iterdir())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"learning_rate": 1e-4}, "--learning-rate was 0.003 and is 0.0001"),
        ({"accumulate": 2}, "--accumulate was 1 and is 2"),
        ({"objective": "salience"}, "--objective was summarize,salience,pretrain and is salience"),
    ],
)
def test_another_run_cannot_go_on_from_it(
    undisturbed: Path, network: Path, data: Path, changes: dict[str, Any], reason: str
) -> None:
    run = options(network, data, undisturbed, **{**RUN, "resume": True, **changes})
    with pytest.raises(UsageError, match=reason):
        finetune(run)


def test_other_data_or_processes_cannot_go_on_from_it(undisturbed: Path) -> None:
    (last,) = whole_checkpoints(undisturbed / "checkpoints")[-1:]
    run = json.loads((last / "run.json").read_text())
    checkpoints.check_resumable(last, run)
    with pytest.raises(UsageError, match="the data are others"):
        checkpoints.check_resumable(last, {**run, "data": "x"})
    with pytest.raises(UsageError, match="it ran in 1 processes, now 2"):
        checkpoints.check_resumable(last, {**run, "processes": 2, "batches_a_step": 2})


def test_a_run_does_not_mix_with_an_earlier_one(
    undisturbed: Path, network: Path, data: Path
) -> None:
    with pytest.raises(UsageError, match="has checkpoints of an earlier run"):
        finetune(options(network, data, undisturbed, **RUN))


def test_a_full_disk_costs_one_checkpoint(
    network: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    torch_save, full = torch.save, {2, 3}

    def save(value: Any, path: Any) -> None:
        step = int(Path(path).parent.name.rpartition("-")[2])
        if step in full and Path(path).name == "optimizer.pt":
            Path(path).write_bytes(b"a part of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        torch_save(value, path)

    monkeypatch.setattr(torch, "save", save)
    finetune(options(network, data, tmp_path, **{**RUN, "max_steps": 3}))
    folder = tmp_path / "checkpoints"
    assert [path.name for path in folder.iterdir()] == ["checkpoint-1"]
    assert "No space left" in caplog.text and "checkpoint-1" in caplog.text
    load_model(tmp_path, "cpu", "float32")


def test_a_full_disk_at_the_end_names_the_checkpoint(
    undisturbed: Path, network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainer, "replace_files", full)
    with pytest.raises(OutputError, match=r"No space left.*checkpoint-2"):
        finetune(options(network, data, tmp_path, **{**RUN, "max_steps": 2}))
    assert not (tmp_path / ".model").exists() and not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("value", [float("nan"), 1e4])
def test_a_loss_out_of_hand_stops_the_run(
    network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    written_loss = book_trainer.written_loss
    calls = []

    def broken(*arguments: Any) -> tuple[torch.Tensor, Any]:
        calls.append(1)
        loss, outputs = written_loss(*arguments)
        return loss * (value if len(calls) == 3 else 1), outputs

    monkeypatch.setattr(book_trainer, "written_loss", broken)
    run = {**RUN, "objective": "summarize", "probe_steps": 100}
    with pytest.raises(InfinisumError, match=r"Step 3: the loss is .*s\d.*checkpoint-2"):
        finetune(options(network, data, tmp_path, **run))


def test_the_time_limit_leaves_a_model_and_a_checkpoint(
    network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("infinisum.training.callbacks.time.monotonic", lambda: now[0])
    step_end = Clock.on_step_end

    def later(self: Clock, *arguments: Any, **rest: Any) -> Any:
        now[0] += 40
        return step_end(self, *arguments, **rest)

    monkeypatch.setattr(Clock, "on_step_end", later)
    run = {**RUN, "save_minutes": 5.0, "time_limit_minutes": 1.0}
    finetune(options(network, data, tmp_path, **run))
    assert training_log(tmp_path)[-1]["step"] == 2
    assert [p.name for p in whole_checkpoints(tmp_path / "checkpoints")] == ["checkpoint-2"]
    load_model(tmp_path, "cpu", "float32")


def test_killed_at_any_moment(network: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infinisum", "finetune", "--data", data, "-o", tmp_path]
    command += ["--model", network, "--max-steps", "100000", "--save-minutes", "0.0001"]
    command += ["--max-segments", "2", "--batch-size", "1", "--device", "cpu", "--log-steps", "1"]
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    folder = tmp_path / "checkpoints"
    deadline = time.monotonic() + 240
    while len(whole_checkpoints(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    last = whole_checkpoints(folder)[-1]
    step = int(last.name.rpartition("-")[2])
    assert curve(tmp_path) and max(curve(tmp_path)) - step <= 2
    assert load_model_weights(last)


def load_model_weights(checkpoint: Path) -> int:
    from safetensors.torch import load_file

    state = json.loads((checkpoint / "trainer_state.json").read_text())
    assert f"checkpoint-{state['global_step']}" == checkpoint.name
    torch.load(checkpoint / "optimizer.pt", weights_only=True)
    return len(load_file(checkpoint / "model.safetensors"))
