"""Books side by side in processes of their own: `--jobs N`.

Every process has its own copy of the model and computes as this one would, so that each summary
has the same bytes as if the books were summarised one after the other. A process that dies fails
the book it had; a new one takes the next.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, cast

from infinisum.cli.console import Collected, Console
from infinisum.cli.sources import STDIN, source_bytes
from infinisum.cli.work import Done, Task, Work
from infinisum.errors import InfinisumError, StoppedError

STOP_SECONDS = 20.0  # that a process has for keeping what it read


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    index: int  # of its task


def side_by_side(
    work: Work, tasks: Sequence[Task], jobs: int, console: Console
) -> Generator[tuple[int, Done | InfinisumError]]:
    """Summarise books in `jobs` processes.

    Args:
        work: what is done with each book.
        tasks: sources and outputs.
        jobs: how many at once.
        console: for the messages of the processes.

    Yields:
        Index of a task and what became of it, as they are done.
    """
    waiting = iter(range(len(tasks)))
    workers: dict[Connection, _Worker] = {}

    def give(worker: _Worker | None) -> None:
        """Give a worker, or a new one, the next task; send it home if there is none."""
        index = next(waiting, None)
        if index is None:
            if worker is not None:
                worker.pipe.send(None)
                worker.process.join(STOP_SECONDS)
            return
        if worker is None:
            worker = _start(work, index)
        worker.index = index
        workers[worker.pipe] = worker
        name, output = tasks[index]
        data = (
            source_bytes(name, work.limits) if name == STDIN else None
        )  # a process of ours has none
        worker.pipe.send((name, output, data))

    try:
        for _ in range(min(jobs, len(tasks))):
            give(None)
        while workers:
            for pipe in connection.wait(list(workers)):
                worker = workers.pop(cast(Connection, pipe))
                index = worker.index
                try:
                    result, messages = worker.pipe.recv()
                except (EOFError, OSError):
                    yield index, _died(worker, tasks[index][0])
                    give(None)
                    continue
                console.pass_on(messages)
                give(worker)  # another book, before this one is written
                yield index, result
    finally:
        _stop(workers.values())


def _start(work: Work, index: int) -> _Worker:
    context = get_context("spawn")  # a forked copy of a process with threads may hang
    ours, theirs = context.Pipe()
    loud = (work.console.quiet, work.console.verbose)
    process = context.Process(target=_serve, args=(work.settings(), loud, theirs), daemon=True)
    # Ctrl-C in a terminal reaches all processes; this one decides for all what to do.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Worker(process, ours, index)


def _serve(settings: dict[str, Any], loud: tuple[bool, bool], pipe: Connection) -> None:
    """The life of a process: take a book, give back what became of it."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Collected(*loud)
    work = Work(console=console, **settings)
    try:
        while (task := pipe.recv()) is not None:
            result = work.attempt(*task)
            pipe.send((result, console.taken()))
            if isinstance(result, StoppedError):
                break
    except (EOFError, OSError, KeyboardInterrupt):
        pass


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop(workers: Any) -> None:
    """End processes that are still at work, each after keeping what it read."""
    still = list(workers)
    for worker in still:
        worker.process.terminate()
    for worker in still:
        worker.process.join(STOP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _died(worker: _Worker, source: str) -> InfinisumError:
    worker.process.join(STOP_SECONDS)
    code = worker.process.exitcode
    how = f"was killed (signal {-code})" if code is not None and code < 0 else f"ended ({code})"
    return InfinisumError(
        f"{source}: the process that summarised it {how}.",
        "If memory ran out, try fewer --jobs.",
    )
