"""What happens beside training: a time limit, checkpoints by the clock, a readable log."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Clock(TrainerCallback):
    """Ends training cleanly after a time limit, and saves by the clock, not by steps.

    Args:
        limit_minutes: None for no limit.
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
        if now - self.saved > self.save:
            self.saved = now
            control.should_save = True
        if self.limit is not None and now - self.start > self.limit:
            control.should_training_stop = True
        return control


class JsonLog(TrainerCallback):
    """Appends what is logged to `training.jsonl`, one object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write one line."""
        line = {"step": state.global_step, **(logs or {})}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
