"""What happens beside training: a time limit, checkpoints by the clock, logs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from infinisum.atomic import write_atomically


class Clock(TrainerCallback):
    """Ends training cleanly after a time limit, and saves by the clock, not by steps.

    The first process decides for all of them.

    Args:
        limit_minutes: None for no limit; the last step is saved, so that it can be gone on from.
        save_minutes: between two checkpoints.
    """

    def __init__(self, limit_minutes: float | None, save_minutes: float) -> None:
        self.start = self.saved = time.monotonic()
        self.limit = None if limit_minutes is None else 60 * limit_minutes
        self.save = 60 * save_minutes

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Save when it is time; stop when the limit is reached."""
        now = time.monotonic()
        stop = self.limit is not None and now - self.start > self.limit
        save = stop or now - self.saved > self.save or state.global_step == state.max_steps
        if args.world_size > 1:
            decision = torch.tensor([save, stop], device=args.device, dtype=torch.int32)
            dist.broadcast(decision, 0)
            save, stop = (bool(part) for part in decision.tolist())
        if save:
            self.saved = now
            control.should_save = True
        if stop:
            control.should_training_stop = control.should_log = True
        return control


class JsonLog(TrainerCallback):
    """Appends what is logged to `training.jsonl`, one object a line.

    Lines of steps that a killed run made after its last checkpoint are dropped when it goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keep the lines up to the step that training begins with."""
        if state.is_world_process_zero and self.path.is_file():
            kept = [
                line
                for line in self.path.read_text(encoding="utf-8").splitlines()
                if _step_of(line) <= state.global_step
            ]
            write_atomically(self.path, "".join(line + "\n" for line in kept))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write one line."""
        if state.is_world_process_zero:
            line = {"step": state.global_step, **(logs or {})}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _step_of(line: str) -> float:
    """The step of a line; one that was cut off belongs to no step."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


class TensorBoardLog(TrainerCallback):
    """Numbers, the histogram of the gates and sample summaries, for TensorBoard.

    Args:
        folder: of the event files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Open the event file; what a killed run wrote after its last checkpoint is hidden."""
        if state.is_world_process_zero:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder), purge_step=state.global_step or None)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write what was logged."""
        if self.writer is None:
            return
        step = state.global_step
        for name, value in (logs or {}).items():
            if name == "gates":
                if value:  # networks without memory have none
                    self.writer.add_histogram(name, torch.tensor(value), step)
            elif isinstance(value, str):
                self.writer.add_text(name, value, step)
            elif isinstance(value, int | float):
                self.writer.add_scalar(name, value, step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Close the event file."""
        if self.writer is not None:
            self.writer.close()


class Report(TrainerCallback):
    """Says how it goes, a line at a time.

    Args:
        say: takes the lines.
    """

    SHOWN = ("loss", "memory_gain", "tokens_per_s", "learning_rate")

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """One line of the most telling numbers."""
        if state.is_world_process_zero and logs:
            shown = [f"{name} {logs[name]:.4g}" for name in self.SHOWN if name in logs]
            if shown:
                self.say(f"step {state.global_step}: {', '.join(shown)}")
