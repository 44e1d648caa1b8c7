"""Examples and plans for the tests of training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from infinisum.config import FinetuneOptions
from infinisum.segments import Segment, Sentence, SentenceSpan
from infinisum.training.datasets import IGNORED, Example
from infinisum.training.plan import Pick, Step

N = 4  # tokens a segment


def example(segments: int, *, summary: bool = True, labels: bool = True) -> Example:
    """Two sentences of two tokens in each segment; token ids count up from 10."""
    sentences = tuple(Sentence(f"s{i}", i, 1, [float(i), -float(i)]) for i in range(2 * segments))
    return Example(
        id="x",
        title="X",
        segments=tuple(
            Segment(
                0,
                np.arange(10 + N * s, 10 + N * (s + 1), dtype=np.int32),
                (SentenceSpan(2 * s, 0, 2), SentenceSpan(2 * s + 1, 2, 4)),
            )
            for s in range(segments)
        ),
        sentences=sentences,
        decoder_ids=np.array([2, 5, 7, 8, 1] if summary else [], dtype=np.int32),
        labels=np.array([IGNORED, IGNORED, 7, 8, 1] if summary else [], dtype=np.int32),
        salience=np.linspace(0, 1, 2 * segments, dtype=np.float32) if labels else np.array([]),
        vectors=np.ones((2 * segments, 3), np.float16) if labels else np.zeros((0, 3), np.float16),
    )


def step(**changes: object) -> Step:
    base = Step(number=0, objective="summarize", segments=8, window=1, reservoir=True, taught=False)
    return base._replace(**changes)


def pick(**changes: object) -> Pick:
    return Pick(row=0, place=0, step=step(**changes))


def small_network(tiny_model: Path, folder: Path) -> Path:
    """A folder like `tiny_model` with a network of which a step takes a tenth of a second."""
    import torch

    from infinisum.model.config import InfinisumConfig
    from infinisum.model.modeling import InfinisumForConditionalGeneration

    shutil.copytree(tiny_model, folder)
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sizes = {"d_model": 32, "d_kv": 8, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    sizes |= {"d_ff": 32, "segment_length": 32, "reservoir_length": 32, "sentence_words": 16}
    torch.manual_seed(2)
    config = InfinisumConfig(**{**content, **sizes})
    InfinisumForConditionalGeneration(config).save_pretrained(folder)
    return folder


def options(model: Path, data: Path, output: Path, **changes: Any) -> FinetuneOptions:
    """Options of a short run on the CPU."""
    values: dict[str, Any] = {
        "data": (data,),
        "output": output,
        "model": model,
        "max_steps": 4,
        "batch_size": 4,
        "max_segments": 4,
        "learning_rate": 3e-3,
        "device": "cpu",
        "dtype": "float32",
    }
    return FinetuneOptions(**{**values, **changes})


def training_log(output: Path) -> list[dict[str, Any]]:
    """The lines of `training.jsonl`."""
    lines = (output / "training.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
