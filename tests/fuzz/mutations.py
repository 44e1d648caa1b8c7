"""Mutations without guidance: what can be done to a file where atheris is not installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_TOKENS = (
    *(b"<", b">", b"</", b"/>", b"&", b"&#0;", b"&#x110000;", b"]]>", b"<!--", b"<![CDATA["),
    *(b"[", b"]", b"<<", b">>", b"(", b")", b"\\", b"/", b"R", b"obj", b"endstream", b"null"),
    *(b"0", b"-1", b"99999999999", b"1e999", b"NaN", b"{", b"}", b'"', b"'", b":", b","),
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\x1b[2J", b"\n", b"\r\n", b" "),
    *(b"true", b"id", b"href", b"..", b"%2e", b"#", b"xlink", b"html", b"p", b"br"),
)


def mutated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """The data with a few of its bytes changed, moved, doubled, cut, or taken from another file."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 8, 32))):
        at = random.randrange(len(out) + 1)
        end = min(len(out), at + random.choice((1, 1, 2, 8, 64, 512)))
        kind = random.randrange(6)
        if kind == 0 and at < len(out):
            out[at] = random.randrange(256)
        elif kind == 1:
            out[at:at] = random.choice(_TOKENS)
        elif kind == 2:
            del out[at:end]
        elif kind == 3:
            out[at:at] = out[at:end] * random.choice((1, 2, 16))
        elif kind == 4:
            out[at:end] = random.choice(_TOKENS)
        else:
            other = random.choice(others)
            start = random.randrange(len(other) + 1)
            out[at:end] = other[start : start + random.choice((4, 64, 512))]
    return bytes(out)


def mutate_for(
    run: Callable[[bytes], None], seeds: Sequence[bytes], seconds: float, seed: int
) -> dict[str, Any]:
    """Run a reader on mutations for so many seconds of processor time.

    Returns:
        executions, cpu_s, and finds: what went wrong, and the bytes in hexadecimal.
    """
    random, started = Random(seed), time.process_time()
    finds: dict[str, str] = {}
    executions = 0
    pool = list(seeds)
    while (spent := time.process_time() - started) < seconds:
        data = mutated(random.choice(pool), pool, random)
        executions += 1
        try:
            run(data)
        except (Exception, RecursionError) as error:
            import traceback

            place = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} in {place.filename}:{place.lineno}"
            finds.setdefault(key, data.hex())
        if len(pool) < 200 and random.random() < 0.05:
            pool.append(data)
    return {"executions": executions, "cpu_s": round(spent, 1), "finds": finds}
