"""Where the time of one summary goes: processor seconds of each stage, per book.

    python benchmarks/stages.py BOOK… --work DIR -o benchmarks/results/stages.json

Stages: the process starts and loads the model (once), the book is opened, its text becomes tokens
and features, the network reads, the summary is composed (selection, people, evidence), the document
is made, the file is written. With `--ray N`, N short books go through `infinisum summarize --ray
local`, and what the process that hands them out spends on each is told as well. The last line is
one JSON document, the input of `benchmarks/scale.py`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from infinisum.atomic import write_atomically


class Clock:
    """Processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, call: Any, *args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        try:
            return call(*args, **kwargs)
        finally:
            spent = time.process_time() - started
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


def start() -> tuple[Any, float]:
    """The model, and what it took from the start of the process until it is there."""
    import torch

    import infinisum

    torch.set_num_threads(1)
    return infinisum.load_model(), time.process_time()


def stages(path: Path, model: Any, work: Path) -> dict[str, Any]:
    """One book."""
    import infinisum
    from infinisum.document import to_json, to_markdown
    from infinisum.model.reading import ReadingNetwork as Network

    clock = Clock()
    book = clock.timed("open", infinisum.read_book, path)
    read_block = Network.read_block

    def timed_block(self: Any, *args: Any, **kwargs: Any) -> Any:
        return clock.timed("network", read_block, self, *args, **kwargs)

    with mock.patch.object(Network, "read_block", timed_block):
        reading = clock.timed("read", infinisum.read, book, model)
    clock.seconds["tokens"] = clock.seconds.pop("read") - clock.seconds["network"]
    summary = clock.timed("compose", infinisum.summarize, reading, model)
    markdown = clock.timed("document", to_markdown, summary)
    clock.timed("write", write_atomically, work / "summary.md", markdown)
    return {
        "book": path.name,
        "words": book.words,
        "tokens": summary.source_tokens,
        "book_bytes": path.stat().st_size,
        "markdown_bytes": len(markdown.encode()),
        "json_bytes": len(to_json(summary).encode()),
        "cpu_s": {name: round(seconds, 4) for name, seconds in clock.seconds.items()},
    }


def handing_out(count: int, work: Path) -> float:
    """Processor seconds a book costs the process that hands it out, beyond the first few."""
    spent = []
    for books in (count // 10, count):
        folder = work / f"short-{books}"
        folder.mkdir()
        for number in range(books):
            text = f"Chapter 1\n\nNumber {number} waited for the boat. It did not come.\n"
            (folder / f"{number:04}.txt").write_text(text * 3)
        command = [sys.executable, "-m", "infinisum", "summarize", str(folder), "--quiet"]
        command += ["--ray", "local", "--level", "book", "-o", str(work / f"out-{books}/")]
        measured = (
            "import resource, sys; from infinisum.cli.app import run; status = run(sys.argv[1:]);"
            "used = resource.getrusage(resource.RUSAGE_SELF);"
            "print(used.ru_utime + used.ru_stime if status == 0 else sys.exit(status))"
        )
        command[1:3] = ["-c", measured]
        spent.append(float(subprocess.check_output(command, text=True).split()[-1]))
    return (spent[1] - spent[0]) / (count - count // 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("books", nargs="*", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="a folder for what is written")
    parser.add_argument("--ray", type=int, default=0, metavar="N", help="short books by Ray")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    if arguments.output and arguments.output.exists():
        result = json.loads(arguments.output.read_text())
    if arguments.books:
        model, seconds = start()
        rows = []
        for path in arguments.books:
            rows.append(stages(path, model, arguments.work))
            print(rows[-1], flush=True)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        result |= {"model": model.name, "start_cpu_s": round(seconds, 2), "peak_bytes": peak}
        result["books"] = rows
    if arguments.ray:
        result["hand_out_cpu_s"] = round(handing_out(arguments.ray, arguments.work), 4)
    if arguments.output:
        write_atomically(arguments.output, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
