"""Several processes train as one does: the same losses, gradients and weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.training.checkpoints import whole_checkpoints
from infinisum.training.trainer import finetune
from tests.training.texts import options, training_log

ROOT = Path(__file__).parents[2]
RUN: dict[str, Any] = {
    "max_steps": 2,
    "batch_size": 2,
    "max_segments": 3,
    "log_steps": 1,
    "probe_steps": 2,
    "objective": "summarize,salience,pretrain",
    "seed": 1,
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--nproc-per-node", "2", "--master-port"],
    "accelerate": [
        # Only this launcher of accelerate's starts processes without MPI; --device cpu holds.
        *("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port"),
    ],
}


@pytest.fixture(scope="module")
def alone(network: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process that accumulates two batches a step."""
    output = tmp_path_factory.mktemp("alone")
    finetune(options(network, data, output, accumulate=2, **RUN))
    return output


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def command_of(launcher: str, network: Path, data: Path, output: Path, *more: str) -> list[str]:
    """The command that trains with two processes on the CPU."""
    command = [sys.executable, "-m", *LAUNCHERS[launcher], free_port()]
    command += ["-m", "infinisum", "finetune", "--data", str(data), "--model", str(network)]
    command += ["-o", str(output), "--device", "cpu", "--dtype", "float32", "--save-minutes", "9"]
    command += ["--learning-rate", "0.003"]
    for name, value in RUN.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return [*command, *more]


def launch(launcher: str, network: Path, data: Path, output: Path, *more: str) -> str:
    """Train with two processes; what they said."""
    command = command_of(launcher, network, data, output, *more)
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == ""
    return done.stderr


def losses(output: Path, steps: int = 2) -> list[tuple[float, float]]:
    lines = [line for line in training_log(output) if "loss" in line]
    assert [line["step"] for line in lines] == list(range(1, steps + 1))
    return [(line["loss"], line["grad_norm"]) for line in lines]


def same_run(output: Path, alone: Path, steps: int = 2) -> None:
    """The losses, gradients and weights of a run are those of one process."""
    for (loss, norm), (expected, its_norm) in zip(
        losses(output, steps), losses(alone, steps), strict=True
    ):
        assert loss == pytest.approx(expected, rel=1e-4)
        assert norm == pytest.approx(its_norm, rel=1e-3)
    one = load_model(alone, "cpu", "float32").model.state_dict()
    other = load_model(output, "cpu", "float32").model.state_dict()
    for name, value in one.items():
        assert torch.allclose(value, other[name], atol=1e-4), name


@pytest.mark.parametrize(("launcher", "parallel"), [("torchrun", "ddp"), ("accelerate", "fsdp")])
def test_two_processes_train_as_one(
    alone: Path, network: Path, data: Path, tmp_path: Path, launcher: str, parallel: str
) -> None:
    said = launch(launcher, network, data, tmp_path, "--parallel", parallel)
    assert said.count("model in") == 1  # one of them speaks for both
    same_run(tmp_path, alone)
    if parallel == "ddp":
        run = options(network, data, tmp_path, accumulate=2, resume=True, **RUN)
        with pytest.raises(UsageError, match="it ran in 2 processes, now 1"):
            finetune(run)


def test_sharded_processes_that_were_killed_go_on(
    network: Path, data: Path, tmp_path: Path
) -> None:
    steps = 8
    finetune(options(network, data, tmp_path / "one", accumulate=2, **{**RUN, "max_steps": steps}))
    output = tmp_path / "two"
    more = ("--parallel", "fsdp", "--max-steps", str(steps), "--save-minutes", "0.00001")
    command = command_of("torchrun", network, data, output, *more)
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 600
        while not whole_checkpoints(output / "checkpoints"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        parent = psutil.Process(process.pid)
        for child in (*parent.children(recursive=True), parent):
            child.kill()
        process.wait()
    done = whole_checkpoints(output / "checkpoints")[-1]
    assert done.name != f"checkpoint-{steps}"  # it was cut off
    launch("torchrun", network, data, output, *more, "--resume")
    same_run(output, tmp_path / "one", steps)


def test_a_head_is_fitted_by_one_process(network: Path, data: Path, tmp_path: Path) -> None:
    command = command_of("torchrun", network, data, tmp_path / "head", "--train", "head")
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert said == ["Error: --train head runs in one process, not in 2. Start it without torchrun."]
    assert not (tmp_path / "head").exists()
