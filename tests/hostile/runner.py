"""Reads hostile files one after the other, each in a process of its own, and says how it went.

    python -m tests.hostile.runner epubs pdfs texts [NAME…]

`run_guarded` starts a fresh interpreter for each book; this one imports the parsers once and forks,
which takes a tenth of the time. The limits are the same and set by the same code.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
from dataclasses import replace
from typing import Any

import chardet
import ebooklib.epub
import lxml.etree
import pypdf

import infinisum.books.epub
import infinisum.books.html_book
import infinisum.books.pdf
import infinisum.books.text
from infinisum import guard
from infinisum.books.limits import DEFAULT_LIMITS
from infinisum.books.reader import parse_book
from infinisum.errors import InfinisumError

LOADED = (chardet, ebooklib.epub, lxml.etree, pypdf, infinisum.books)
MODULES = ("epubs", "pdfs", "texts")


def outcome(data: bytes, name: str) -> dict[str, Any]:
    """What reading gives: "text" or "message" or "trace", processor seconds, bytes at most."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        answer: dict[str, Any] = {}
        try:
            limits = replace(DEFAULT_LIMITS, step_seconds=3)  # 15 would be a long test
            guard._child = guard._Child(io.BytesIO(), limits.step_seconds, limits.total_seconds)
            names = ("memory_bytes", "step_seconds", "total_seconds")
            guard._limit_all({limit: getattr(limits, limit) for limit in names}, len(data))
            book = parse_book(data, name)
            text = "\n\n".join(chapter.text for chapter in book.chapters)
            answer = {
                "text": text[:20_000] + text[-20_000:],
                "longest": max(len(p.text) for c in book.chapters for p in c.paragraphs),
                "titles": [chapter.title for chapter in book.chapters][:20],
                "left_out": [[item.what, item.reason] for item in book.left_out],
                "warnings": list(book.warnings),
            }
        except InfinisumError as error:
            answer = {"message": str(error)}
        except MemoryError:
            answer = {"message": f"{name}: reading it needs more than the limit."}
        except BaseException:
            import traceback

            answer = {"trace": traceback.format_exc()}
        finally:
            with os.fdopen(write_end, "wb") as pipe:
                pipe.write(json.dumps(answer).encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read()
    _, status, usage = os.wait4(child, 0)
    answer = json.loads(said) if said else {}
    if not said:
        code = os.waitstatus_to_exitcode(status)
        late = code == -signal.SIGXCPU
        answer = {"message": f"{name}: took too long."} if late else {"trace": f"died: {code}"}
    answer["cpu_s"] = usage.ru_utime + usage.ru_stime
    answer["peak_bytes"] = usage.ru_maxrss * 1024
    return answer


def main() -> None:
    """Read what is named, or everything."""
    modules = [name for name in sys.argv[1:] if name in MODULES] or MODULES
    wanted = [name for name in sys.argv[1:] if name not in MODULES]
    for module in modules:
        cases = importlib.import_module(f"tests.hostile.{module}")
        for name, made in {**cases.ODD, **cases.HOSTILE}.items():
            if wanted and name not in wanted:
                continue
            make = made[0] if isinstance(made, tuple) else made
            file = "book.md" if "Markdown" in name else "book"
            print(json.dumps({"case": f"{module}: {name}", **outcome(make(), file)}), flush=True)


if __name__ == "__main__":
    main()
