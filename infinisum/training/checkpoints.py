"""Checkpoints that are whole or not there, and what a run must have in common to go on from one."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from infinisum.atomic import sync
from infinisum.config import FinetuneOptions, option_name
from infinisum.errors import UsageError
from infinisum.training.plan import Plan

RUN_FILE = "run.json"  # written last: a checkpoint that has it is whole
UNFINISHED = "unfinished"  # where a checkpoint is until it is whole
KEPT = 2
# Options that decide what a step does; the others may change when a run goes on.
FIXED_OPTIONS = (
    *("objective", "max_steps", "batch_size", "batch_tokens", "min_segments", "max_segments"),
    *("curriculum_share", "learning_rate", "gate_learning_rate", "write_cost", "write_free"),
    *("fixed_window", "optimizer", "seed", "dtype", "train"),
)


def describe_run(
    options: FinetuneOptions, data: str, plan: Plan, world_size: int
) -> dict[str, Any]:
    """What a checkpoint has to have in common with the run that goes on from it.

    Args:
        options: of the run.
        data: fingerprint of the prepared data.
        plan: of the run.
        world_size: number of processes.
    """
    chosen = {option_name(name): getattr(options, name) for name in FIXED_OPTIONS}
    return {
        "options": chosen,
        "data": data,
        "processes": world_size,
        "batches_a_step": plan.micro_batches,
    }


def fingerprint(index: dict[str, Any]) -> str:
    """Tells prepared data apart: a hash of their index."""
    return hashlib.blake2b(json.dumps(index, sort_keys=True).encode(), digest_size=8).hexdigest()


def whole_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a folder that were written to their end, the newest last."""
    found = [
        (int(path.name.rpartition("-")[2]), path)
        for path in folder.glob("checkpoint-*")
        if (path / RUN_FILE).is_file() and path.name.rpartition("-")[2].isdigit()
    ]
    return [path for _, path in sorted(found)]


def check_resumable(checkpoint: Path, run: dict[str, Any]) -> None:
    """Refuse to go on from a checkpoint of a run that did something else.

    Raises:
        UsageError: names what differs.
    """
    before = json.loads((checkpoint / RUN_FILE).read_text(encoding="utf-8"))
    wrong = [
        f"{name} was {before['options'].get(name)} and is {value}"
        for name, value in run["options"].items()
        if before["options"].get(name, value) != value  # older runs did not note all of them
    ]
    if before["data"] != run["data"]:
        wrong.append("the data are others")
    if before["processes"] != run["processes"]:
        wrong.append(
            f"it ran in {before['processes']} processes, now {run['processes']}"
            f" ({before['batches_a_step']} and {run['batches_a_step']} batches a step)"
        )
    elif before["batches_a_step"] != run["batches_a_step"]:
        accumulated = [part["batches_a_step"] // part["processes"] for part in (before, run)]
        wrong.append(f"--accumulate was {accumulated[0]} and is {accumulated[1]}")
    if wrong:
        raise UsageError(
            f"{checkpoint}: cannot go on from here: {'; '.join(wrong)}.",
            "Run it as it was, or start from the weights: --model FOLDER with a new --output.",
        )


def publish(unfinished: Path, folder: Path, run: dict[str, Any]) -> None:
    """Make a checkpoint that was written to `unfinished` the newest one of `folder`.

    Everything is on the disk before the new name appears; then older ones are removed.

    Raises:
        OSError: the disk is full, or cannot be written to.
    """
    part = unfinished / RUN_FILE
    part.write_text(json.dumps(run), encoding="utf-8")
    for path in [*sorted(unfinished.rglob("*")), unfinished]:
        sync(path)
    target = folder / unfinished.name
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    sync(folder)
    _remove(path for path in whole_checkpoints(folder)[:-KEPT])


def _remove(paths: Any) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
