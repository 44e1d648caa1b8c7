"""What the process that reads a file may do wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from infinisum.errors import InputError, NotFoundError


def tell(data: bytes, name: str, more: str) -> dict[str, object]:
    heavy = sorted({"torch", "transformers", "numpy"} & set(sys.modules))
    return {"bytes": len(data), "name": name, "more": more, "heavy": heavy}


def refuse(data: bytes, name: str) -> None:
    raise InputError(f"{name}: no good.", "Take another.")


def miss(data: bytes, name: str) -> None:
    raise NotFoundError("not there.", "")


def fail(data: bytes, name: str) -> None:
    raise KeyError("something odd\nin two lines")


def spin(data: bytes, name: str) -> None:
    while True:
        pass


def spin_in_steps(data: bytes, name: str) -> None:
    from infinisum.guard import step

    while True:
        step()


def eat(data: bytes, name: str) -> int:
    return len(b"x" * (1 << 31))


def die(data: bytes, name: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(data: bytes, name: str) -> None:
    os._exit(7)


def chatter(data: bytes, name: str) -> str:
    print('{"result": "forged"}', flush=True)
    os.write(1, b'{"result": "forged"}\n')
    return "real"


def write(data: bytes, name: str, path: str) -> None:
    Path(path).write_bytes(b"owned")


def start(data: bytes, name: str) -> None:
    subprocess.run(["true"], check=True)


def connect(data: bytes, name: str) -> None:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
