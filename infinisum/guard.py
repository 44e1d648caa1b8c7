"""Work on a stranger's file in a child process with limits on memory and time.

Parsers of other people's formats cannot be bounded from inside: a regular expression, a C library
or a page that draws itself takes what it takes. So the file is read by a process of its own. The
kernel holds its limits (`setrlimit`): processor time, address space, no file may be written, no
process started, no core dumped. It has the file as its standard input and nothing else, imports
no torch, and answers in JSON, which is checked like everything that comes from outside.

Where the system has no `resource` module (Windows), only time by the clock is limited.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from infinisum.errors import InfinisumError, InputError

# Times the limit on processor time that may pass by the clock before a process that says nothing is
# given up: a busy machine may give it little, so the kernel counts where it can.
_CLOCK: Final = 200 if importlib.util.find_spec("resource") else 4
_BEAT_S: Final = 0.2  # between two messages of progress
_SLOW: Final = "It is damaged, or made to waste time; --limit step_seconds=N allows more."
_LARGE: Final = "It is damaged, or made to exhaust memory; --limit memory_bytes=N allows more."
_BROKEN: Final = "It is damaged, or made to do harm."
# Run by a bare interpreter, which finds modules where this one does and nowhere else.
_START: Final = (
    "import json,sys;sys.path[:]=json.loads(sys.argv[1]);"
    "from infinisum.guard import serve;serve(sys.argv[2])"
)


class Budget(Protocol):
    """Limits of the child process."""

    @property
    def memory_bytes(self) -> int:
        """Of address space, beside the size of the file."""

    @property
    def step_seconds(self) -> int:
        """Of processor time between two calls of `step`."""

    @property
    def total_seconds(self) -> int:
        """Of processor time in all."""


def step(done: int = 0, total: int = 0) -> None:
    """Say that a part of the work is done: in a child process the time for the next begins."""
    if _child is not None:
        _child.step(done, total)


def run_guarded(
    target: str,
    source: bytes | IO[bytes],
    name: str,
    arguments: dict[str, Any],
    budget: Budget,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Call a function on the bytes of a file in a child process.

    Args:
        target: "module:function"; the function takes the bytes, the name and the arguments, and
            gives what JSON can hold.
        source: the bytes, or the open file itself.
        name: of the file, for messages.
        arguments: more arguments by their names, as JSON can hold them.
        budget: the limits.
        progress: called with what is done and all there is, as `step` is told.

    Raises:
        InputError: over a limit, or the process died of the file.
        InfinisumError: whatever the function raised of that kind.
    """
    task = {
        "target": target,
        "name": name,
        "arguments": arguments,
        "memory_bytes": budget.memory_bytes,
        "step_seconds": budget.step_seconds,
        "total_seconds": budget.total_seconds,
    }
    paths = [str(Path(__file__).resolve().parents[1]), *(str(Path(p).resolve()) for p in sys.path)]
    bare = ["-I", "-S"] if _can_write() else ["-I", "-S", "-B"]
    command = [sys.executable, *bare, "-c", _START, json.dumps(paths), json.dumps(task)]
    with _as_file(source) as file:
        process = subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        answer = _Answer(process, budget)
        with process:
            try:
                answer.read(progress)
            except BaseException:  # Ctrl-C, or what the progress bar raises
                process.kill()
                raise
    return answer.result(name, budget)


def _can_write() -> bool:
    """Whether files may grow; Python keeps bytecode that it wrote in part, and dies of it later."""
    try:
        import resource
    except ImportError:  # Windows
        return True
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


class _Answer:
    """What a child process says, line by line."""

    def __init__(self, process: subprocess.Popen[bytes], budget: Budget) -> None:
        self._process = process
        self._budget = budget
        self._last: Any = None
        self._alive = time.monotonic()
        self._late = False
        self._over = threading.Event()

    def read(self, progress: Callable[[int, int], None] | None) -> None:
        """Take the messages until there are no more."""
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._alive = time.monotonic()
                with contextlib.suppress(ValueError):  # cut off: it died
                    self._last = json.loads(line)
                if progress is not None and isinstance(self._last, dict):
                    done, total = self._last.get("done"), self._last.get("total")
                    if isinstance(done, int) and isinstance(total, int) and total:
                        progress(done, total)
        finally:
            self._over.set()
            watch.join()

    def _watch(self) -> None:
        """Kill a process that says nothing for far too long by the clock."""
        longest = _CLOCK * self._budget.step_seconds
        while not self._over.wait(1.0):
            if time.monotonic() - self._alive > longest:
                self._late = True
                self._process.kill()

    def result(self, name: str, budget: Budget) -> Any:
        """The result, or the error that there was instead."""
        last = self._last if isinstance(self._last, dict) else {}
        if "result" in last:
            return last["result"]
        if "error" in last:
            raise _error_of(last["error"])
        if self._late or self._process.returncode == -getattr(signal, "SIGXCPU", 0):
            raise InputError(
                f"{name}: reading took more than {budget.step_seconds} s for one part of it, or "
                f"{budget.total_seconds} s in all.",
                _SLOW,
            )
        if "memory" in last:
            size = budget.memory_bytes / 2**20
            raise InputError(f"{name}: reading it needs more than {size:,.0f} MiB.", _LARGE)
        code = self._process.returncode
        if code == -signal.SIGINT:  # Ctrl-C, which the child process got too
            raise KeyboardInterrupt
        with contextlib.suppress(ValueError):
            raise InputError(
                f"{name}: the process that read it died of {signal.Signals(-code).name}.", _BROKEN
            )
        raise InfinisumError(f"{name}: the process that read it ended with status {code}.")


def _error_of(content: Any) -> InfinisumError:
    """The error that a child process named."""
    fields = content if isinstance(content, dict) else {}
    kinds: list[type[InfinisumError]] = [InfinisumError, *InfinisumError.__subclasses__()]
    named = (kind for kind in kinds if kind.__name__ == fields.get("kind"))
    kind = next(named, InputError)
    error = kind(str(fields.get("message")), str(fields.get("hint") or ""))
    if trace := fields.get("trace"):
        error.add_note(str(trace))  # shown by --debug
    return error


@contextlib.contextmanager
def _as_file(source: bytes | IO[bytes]) -> Iterator[IO[bytes]]:
    """A file that a child process can have as its standard input."""
    if not isinstance(source, bytes):
        yield source
        return
    in_memory = getattr(os, "memfd_create", None)
    with os.fdopen(in_memory(""), "w+b") if in_memory else tempfile.TemporaryFile() as file:
        file.write(source)
        file.flush()
        file.seek(0)
        yield file


# The child process.


@dataclass(slots=True)
class _Child:
    """The process that works on the file."""

    out: IO[bytes]
    step_seconds: int
    total_seconds: int
    beat: float = 0.0

    def step(self, done: int, total: int) -> None:
        """Begin the time of the next part, and tell from time to time."""
        _limit_time(self.step_seconds, self.total_seconds)
        now = time.monotonic()
        if now - self.beat >= _BEAT_S or (total and done == total):
            self.beat = now
            self.say({"done": done, "total": total})

    def say(self, message: dict[str, Any]) -> None:
        """Send one line."""
        self.out.write(json.dumps(message).encode() + b"\n")
        self.out.flush()


_child: _Child | None = None  # in the child process: itself


def serve(text: str) -> None:
    """Do in this process what `run_guarded` was asked for, and end it.

    Args:
        text: the task as JSON.
    """
    global _child
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    task = json.loads(text)
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints is no message
    _child = _Child(out, task["step_seconds"], task["total_seconds"])
    status = 0
    try:
        module, _, function = task["target"].partition(":")
        work = getattr(importlib.import_module(module), function)
        size = os.fstat(0).st_size
        _limit_all(task, size)
        with os.fdopen(0, "rb", closefd=False) as file:
            data = file.read()
        message = {"result": work(data, task["name"], **task["arguments"])}
    except MemoryError:
        message, status = {"memory": True}, 1
    except Exception as error:
        message, status = {"error": _error_fields(error, task["name"])}, 1
    with contextlib.suppress(BrokenPipeError):
        _say_at_end(_child, message)
    os._exit(status)  # nothing is left to tidy up, and freeing a large tree takes time


def _say_at_end(child: _Child, message: dict[str, Any]) -> None:
    try:
        child.say(message)
    except MemoryError:
        child.say({"memory": True})


def _error_fields(error: Exception, name: str) -> dict[str, str]:
    """An error as JSON: ours as it is, any other as one line about the file, with its trace."""
    if isinstance(error, InfinisumError):
        return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return {
        "kind": "InputError",
        "message": f"{name}: cannot be read, {what}.",
        "hint": "It is damaged, or infinisum has a fault; --debug shows where.",
        "trace": "".join(traceback.format_exception(error)),
    }


def _limit_all(task: dict[str, Any], size: int) -> None:
    """Set the limits of this process."""
    _limit_time(task["step_seconds"], task["total_seconds"])
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = task["memory_bytes"] + 2 * size
    limits = {"RLIMIT_AS": memory, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NPROC": 0}
    for name, value in limits.items():
        # macOS knows no limit on address space; a lower limit may be set already.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))


def _limit_time(step_seconds: int, total_seconds: int) -> None:
    """Allow that much processor time from now on; SIGXCPU ends the process after it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = min(math.ceil(time.process_time()) + step_seconds, total_seconds)
    with contextlib.suppress(ValueError, OSError):  # a lower limit may be set already
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
