"""Kill `infinisum summarize` at random moments and let the same command go on.

    python -m tests.reliability.kill_and_resume --kills 50

Runs are forked from a process that has loaded everything, so that a kill falls into the reading
and not into imports; snapshots are written after every group of chapters, so that kills fall into
those too. Every summary must have the bytes of one that nobody disturbed. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        counts = stress(Path(folder), options.kills, random.Random(options.seed))
    print(json.dumps(counts))
    return 0 if counts["same"] == counts["kills"] else 1


def stress(folder: Path, kills: int, rng: random.Random) -> dict[str, int]:
    """Half of the kills for a model that quotes, half for one that writes."""
    import torch

    from infinisum.readings import snapshots
    from tests.tiny_model import book_file, make_tiny_model

    torch.set_num_threads(1)  # threads do not survive a fork
    snapshots.LEAST_SECONDS = snapshots.LEAST_RATIO = 0  # type: ignore[misc]
    counts = {"kills": 0, "before_the_end": 0, "left_a_snapshot": 0, "same": 0}
    for writes in (False, True):
        model = make_tiny_model(folder / f"model-{writes}" / "tiny", writes_well=writes)
        book = book_file(folder / "book.html", chapters=20, paragraphs=24)
        out, cache = folder / "out.json", folder / "cache" / "infinisum" / "interrupted"
        command = ["summarize", book, "-o", out, "--model", model, "--words", "60", "-q"]
        started = time.monotonic()
        assert finished(command) == 0
        usual = time.monotonic() - started
        expected = out.read_bytes()
        for _ in range((kills + 1 - writes) // 2):
            out.unlink()
            process = start(command)
            time.sleep(rng.uniform(0, usual))
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            counts["kills"] += 1
            counts["before_the_end"] += not out.exists()
            assert not out.exists() or out.read_bytes() == expected  # whole or not there
            counts["left_a_snapshot"] += any(cache.glob("*.infinisum"))
            assert finished(command) == 0
            counts["same"] += out.read_bytes() == expected
            assert not any(cache.glob("*.infinisum"))  # removed at the end
    return counts


def start(command: list[object]) -> int:
    """A process that runs the command; its id."""
    process = os.fork()
    if process == 0:
        from infinisum.cli.app import run

        status = 70
        try:
            status = run([str(part) for part in command])
        finally:
            os._exit(status)
    return process


def finished(command: list[object]) -> int:
    """The exit status of the command."""
    _, status = os.waitpid(start(command), 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
