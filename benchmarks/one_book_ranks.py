"""One long book on two devices, stood in for by two processes of one thread each.

    python benchmarks/one_book_ranks.py --segments 16 -o benchmarks/results/one-book-ranks.json

An encoder of the default model's shape reads a text of random states: alone, and shared out to
two ranks that exchange the maps of their memories in every layer (`infinisum.model.ranks`), for
`delta_net` and `linear`. Told are processor seconds (a book waits for the longest of a rank), what
crosses between ranks, and how far the results are from those of one process. With `--book` the
default model writes about the chapters of a book, and what chapters across devices could give is
reckoned from what reading and writing took: the state flows from chapter to chapter, so every
device reads, and only writing is spread. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch

import infinisum
from infinisum.atomic import write_atomically
from infinisum.bench.estimate import read_config
from infinisum.hub import find_model
from infinisum.model.encoder import InfiniEncoder
from infinisum.model.ranks import advance_across, gather_with

RULES = ("delta_net", "linear")
BLOCK = 4  # segments a process takes at a time


def encoder(rule: str) -> InfiniEncoder:
    torch.manual_seed(0)
    config = read_config(find_model())
    config.memory_rule = rule
    return InfiniEncoder(config).eval()


def text(model: InfiniEncoder, segments: int) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(1, segments, model.config.segment_length, model.config.d_model)


@torch.no_grad()
def read(model: InfiniEncoder, x: torch.Tensor, rank: int, ranks: int) -> tuple[Any, float]:
    """Read the blocks of this rank; the end of each, and processor seconds."""
    mask = torch.ones(x.shape[:3], dtype=torch.bool)
    state = model.initial_state(1, x)
    outputs = []
    started = time.process_time()
    for at in range(0, x.shape[1], BLOCK * ranks):
        mine = slice(at + rank * BLOCK, at + (rank + 1) * BLOCK)
        index = state.segments + rank * BLOCK  # the number of this rank's first segment
        hidden, _, after = model(x[:, mine], mask[:, mine], state._replace(segments=index))
        state = after._replace(segments=state.segments + BLOCK * ranks)
        outputs.append(hidden[:, -1])
    return outputs, time.process_time() - started


def by_rank(rank: int, port: int, rule: str, segments: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    crossed = 0
    exchange = gather_with()

    def counting(own: torch.Tensor) -> list[torch.Tensor]:
        nonlocal crossed
        crossed += own.numel() * own.element_size()
        return exchange(own)

    model = encoder(rule)
    x = text(model, segments)
    shared = partial(advance_across, rank=rank, gather=counting)
    with mock.patch("infinisum.model.attention.advance", shared):
        outputs, seconds = read(model, x, rank, 2)
    torch.save((outputs, seconds, crossed), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def two_threads(rule: str, segments: int) -> float:
    """Processor seconds of one process with two threads: the rival that needs nothing new."""
    torch.set_num_threads(2)
    model = encoder(rule)
    _, seconds = read(model, text(model, segments), 0, 1)
    torch.set_num_threads(1)
    return seconds


def measure(rule: str, segments: int, folder: Path) -> dict[str, Any]:
    model = encoder(rule)
    alone, seconds = read(model, text(model, segments), 0, 1)
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    torch.multiprocessing.spawn(by_rank, args=(port, rule, segments, str(folder)), nprocs=2)
    ranks = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
    together = [output for pair in zip(ranks[0][0], ranks[1][0], strict=True) for output in pair]
    far = max(float((a - b).abs().max()) for a, b in zip(alone, together, strict=True))
    return {
        "rule": rule,
        "segments": segments,
        "alone_cpu_s": round(seconds, 2),
        "two_threads_cpu_s": round(two_threads(rule, segments), 2),
        "rank_cpu_s": [round(rank[1], 2) for rank in ranks],
        "speedup": round(seconds / max(rank[1] for rank in ranks), 2),
        "extra_work": round(sum(rank[1] for rank in ranks) / seconds - 1, 3),
        "crossed_bytes_per_rank": ranks[0][2],
        "largest_difference": far,
    }


class Split:
    """Processor seconds of reading and of writing, as the pipeline tells of its progress."""

    def __init__(self) -> None:
        self.seconds = {"reading": 0.0, "writing": 0.0}
        self.texts = 0
        self._last = time.process_time()

    def _until_now(self, what: str) -> None:
        now = time.process_time()
        self.seconds[what] += now - self._last
        self._last = now

    def read(self, tokens: int, chapter: str, state_bytes: int) -> None:
        self._until_now("reading")

    def wrote(self, done: int, total: int) -> None:
        self._until_now("writing")
        self.texts = done


def chapters(path: Path) -> dict[str, Any]:
    """What two devices give if both read the book, and each writes about half of its chapters."""
    model = infinisum.load_model()
    book = infinisum.read_book(path)
    split = Split()
    options = infinisum.SummarizeOptions(level="chapters", method="abstractive", evidence=False)
    infinisum.summarize(book, model, options, split)
    reading, writing = split.seconds["reading"], split.seconds["writing"]
    return {
        "book": path.name,
        "chapters": len(book.chapters),
        "texts": split.texts,
        "reading_cpu_s": round(reading, 2),
        "writing_cpu_s": round(writing, 2),
        "speedup_writing_spread": round((reading + writing) / (reading + writing / 2), 2),
        "speedup_quoting": 1.0,  # nothing is written, and all read
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=16)
    parser.add_argument("--book", type=Path, help="whose chapters are written about")
    parser.add_argument("--work", type=Path, required=True, help="folder for results of ranks")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.segments % (2 * BLOCK):
        parser.error(f"--segments: a multiple of {2 * BLOCK}, or the shares are not equal")
    torch.set_num_threads(1)
    rows = []
    for rule in RULES:
        rows.append(measure(rule, arguments.segments, arguments.work))
        print(rows[-1], flush=True)
    result: dict[str, Any] = {"ranks": rows}
    if arguments.book:
        result["chapters"] = chapters(arguments.book)
    if arguments.output:
        write_atomically(arguments.output, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
