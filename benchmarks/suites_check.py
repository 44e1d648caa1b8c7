"""Files of other projects' test suites, valid, odd and hostile, through `infinisum info --text`.

    python benchmarks/suites_check.py FOLDER... -o benchmarks/results/suites.json

Every file ends in one of three ways: its text (status 0, something on standard output), one line
that says what is wrong with it (status 3), or wrong: any other status, a second line, a traceback,
a fault of infinisum's own. The suites are not part of this project; Debian's source packages and
the source distributions on PyPI carry them. Only counts, times and the names of wrong files are
kept.

To save time the process that reads a book is forked here with everything imported, and the command
runs in it, under the same limits; files that end wrong or at a limit are run again by the command
itself.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ebooklib.epub
import lxml.etree
import pypdf

import infinisum.books.epub
import infinisum.books.pdf
import infinisum.books.text
import infinisum.readings.file
from infinisum import guard
from infinisum.books import reader
from infinisum.cli.app import run
from infinisum.errors import InfinisumError, InputError

ENDINGS = (".pdf", ".epub")
FAULT = "infinisum has a fault"
LOADED = (ebooklib.epub, lxml.etree, pypdf, infinisum.books.epub, infinisum.books.text)


def outcome(path: Path) -> dict[str, Any]:
    """What the command gives for one file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    result = forked(path)
    if result is None or judged(path, *result) == "wrong":
        result = by_command(path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    status, characters, errors = result
    return {
        "kind": judged(path, *result),
        "status": status,
        "message": errors[0].replace(str(path), "FILE") if errors else "",
        "cpu_s": round(cpu, 2),
        "wall_s": round(time.monotonic() - started, 2),
        "characters": characters,
    }


def judged(path: Path, status: int, characters: int, errors: Sequence[str]) -> str:
    """In which of the three ways a file ended."""
    if status == 0 and characters > 1 and not errors:
        return "text"
    one_line = len(errors) == 1 and errors[0].startswith(f"Error: {path}: ")
    if status == 3 and one_line and FAULT not in errors[0] and not characters:
        return "clear error"
    return "wrong"


def forked(path: Path) -> tuple[int, int, list[str]] | None:
    """Status, characters of text and error lines; None where the process died."""
    read_end, write_end = os.pipe()
    if (child := os.fork()) == 0:
        try:
            reader.run_guarded = inline
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
            status = run(["info", "--text", str(path)])
            sys.stdout.flush()
            sys.stderr.flush()
            text, said = sys.stdout.buffer.getvalue(), sys.stderr.buffer.getvalue()  # type: ignore
            answer = [status, len(text), problems(said.decode("utf-8", "replace"))]
            os.write(write_end, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return tuple(json.loads(answer)) if answer else None


def inline(target: str, source: Any, name: str, arguments: Any, budget: Any, progress: Any) -> Any:
    """What `run_guarded` does, in this process."""
    data = source if isinstance(source, bytes) else source.read()
    names = ("memory_bytes", "step_seconds", "total_seconds")
    task = {limit: getattr(budget, limit) for limit in names}
    guard._child = guard._Child(io.BytesIO(), budget.step_seconds, budget.total_seconds)
    guard._limit_all(task, len(data))
    try:
        return json.loads(json.dumps(reader.parse_to_dict(data, name, **arguments)))
    except MemoryError:
        raise InputError(f"{name}: reading it needs more memory than the limit.", "") from None
    except InfinisumError:
        raise
    except Exception as error:
        raise guard._error_of(guard._error_fields(error, name)) from error


def by_command(path: Path) -> tuple[int, int, list[str]]:
    """The same by the command itself."""
    command = [sys.executable, "-m", "infinisum", "info", "--text", str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, len(done.stdout), problems(done.stderr.decode("utf-8", "replace"))


def problems(said: str) -> list[str]:
    """Lines on standard error that are no warnings."""
    return [line for line in said.strip().splitlines() if not line.startswith("Warning: ")]


def main() -> None:
    """Run every file of the folders."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--details", type=Path, help="one JSON line a file; not for publication")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth file")
    arguments = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    reader.read_book(io.BytesIO(b"Everything is imported."), name="a.txt")  # once, not by each fork
    result: dict[str, Any] = {"suites": {}, "largest_process_bytes": 0}
    if arguments.output and arguments.output.exists():  # suites of other names stay
        result = json.loads(arguments.output.read_text(encoding="utf-8"))
    suites = result["suites"]
    for folder in arguments.folders:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        rows = []
        for path in files[:: arguments.every]:
            row = outcome(path)
            rows.append((path, row))
            if arguments.details:
                with arguments.details.open("a", encoding="utf-8") as details:
                    details.write(json.dumps({"file": str(path), **row}) + "\n")
        counts = Counter(row["kind"] for _, row in rows)
        suites[folder.name] = {
            "files": len(files),
            "tried": len(rows),
            **{kind: counts[kind] for kind in ("text", "clear error", "wrong")},
            "longest_cpu_s": max((row["cpu_s"] for _, row in rows), default=0.0),
            "wrong_files": [str(p.relative_to(folder)) for p, r in rows if r["kind"] == "wrong"],
        }
        print(folder.name, json.dumps(suites[folder.name]), flush=True)
        if arguments.output:
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            result["largest_process_bytes"] = max(peak, result["largest_process_bytes"])
            arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
