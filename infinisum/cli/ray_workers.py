"""Books spread over a Ray cluster: `--ray`.

Each worker is an actor with a model of its own and computes as this process would. Ray could
restart actors and repeat their calls by itself (`max_restarts`, `max_task_retries`), but on the
same actor, however often that book kills it, and its ActorPool takes a dead actor for an idle one.
So both are off, and what is done about deaths is here: a book whose worker died is given once more,
to a worker on another node if there is one, and fails with the second. A node that dies takes its
workers along; their books start anew elsewhere, and that is not held against them. Books that are
finished are written here at once, so nothing that happens to a node touches them.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import infinisum
from infinisum.cli.console import Console
from infinisum.cli.ray_cluster import Share, share
from infinisum.cli.ray_worker import CONTROL, Started, Worker, model_files
from infinisum.cli.sources import STDIN, source_bytes
from infinisum.cli.work import Done, Task, Work
from infinisum.cli.workers import STOP_SECONDS
from infinisum.document.phrases import counted
from infinisum.errors import InfinisumError
from infinisum.hub import find_model

LOOK_SECONDS: Final = 2.0  # between two looks at the nodes
WAIT_SECONDS: Final = 30.0  # until it is said that no worker is ready yet
PATIENCE_SECONDS: Final = 60.0  # that a cluster without a place for any worker is waited for
MOST_KILLED: Final = 2  # workers a book may kill before it is given up
MOST_LOST: Final = 5  # times a book may start anew because its node died
MOST_FAILED_STARTS: Final = 3  # workers in a row that may die before they are ready

Result = tuple[int, Done | InfinisumError]


@dataclass(slots=True, eq=False)
class _Worker:
    actor: Any
    node: str = ""  # known once it is ready
    host: str = ""
    task: int | None = None  # index


class RayPool:
    """Workers on a cluster, as many as there is room and work for.

    Args:
        ray: the connected module.
        work: what is done with each book.
        tasks: sources and outputs.
        jobs: most workers; None: as many as fit.
        console: for the messages of the workers.
    """

    def __init__(
        self, ray: Any, work: Work, tasks: Sequence[Task], jobs: int | None, console: Console
    ) -> None:
        from infinisum.loading import model_fingerprint

        self._ray = ray
        self._tasks = tasks
        self._jobs = jobs or len(tasks)
        self._console = console
        self._waiting = deque(range(len(tasks)))
        self._avoid: dict[int, str] = {}  # task → node it failed on
        self._killed: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()
        self._under_way: dict[Any, _Worker] = {}  # by the reference of what each is doing
        self._idle: list[_Worker] = []
        self._nodes: list[dict[str, Any]] = []
        self._began = time.monotonic()
        self._had_room = self._looked = self._began - LOOK_SECONDS
        self._said_waiting = False
        self._failed_starts = 0  # since a worker was ready
        self._why_failed = ""
        self._ready = 0  # workers that ever were
        self._share = Share()
        self._settings = work.settings()
        place = find_model(work.model).resolve()
        loud = (work.console.quiet, work.console.verbose)
        files = [ray.put(model_files(place))]  # in a list: sent to the nodes that ask for it
        self._model = (loud, place, model_fingerprint(place), files)
        self._standard_input: bytes | None = None

    @property
    def places(self) -> str:
        """Where the work is done, for people."""
        ready = [worker for worker in (*self._under_way.values(), *self._idle) if worker.node]
        nodes = counted(len({worker.node for worker in ready}), "node")
        return f"{counted(len(ready), 'worker')} on {nodes}"

    def results(self) -> Generator[Result]:
        """Summarise the books.

        Yields:
            Index of a task and what became of it, as they are done.

        Raises:
            InfinisumError: no worker can be started, or no node is left.
        """
        try:
            while self._waiting or self._busy():
                self._look()
                yield from self._give()
                if not self._under_way:  # no worker, or none that may have what is left
                    time.sleep(LOOK_SECONDS)
                    continue
                references = list(self._under_way)
                if self._ray.wait(references, timeout=LOOK_SECONDS)[0]:  # one; take all there are
                    done, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
                    for reference in done:
                        yield from self._take(reference)
        finally:
            self._end()

    def _busy(self) -> list[Any]:
        """References of the books that are being summarised."""
        return [ref for ref, worker in self._under_way.items() if worker.task is not None]

    def _look(self) -> None:
        """See now and then what nodes there are, and start workers where there is room."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self._nodes = self._ray.nodes()
        if not self._ready:
            self._share = share(self._nodes, self._settings["device"])
        room = sum(self._share.places(node) for node in self._nodes)
        if room:
            self._had_room = now
        elif now - self._had_room > (PATIENCE_SECONDS if self._ready else LOOK_SECONDS):
            raise InfinisumError(
                f"--ray: no node has {self._share}.",
                "Add one; the same command with --skip-existing goes on.",
            )
        if not self._ready and not self._said_waiting and now - self._began > WAIT_SECONDS:
            self._said_waiting = True
            self._console.note("Waiting until the cluster has a free place.")
        unfinished = len(self._waiting) + len(self._busy())
        there = len(self._under_way) + len(self._idle)
        if self._failed_starts >= MOST_FAILED_STARTS:
            if not there:
                raise InfinisumError(f"--ray: workers die while they start: {self._why_failed}")
            return
        for _ in range(min(room, unfinished, self._jobs) - there):
            self._start()

    def _start(self) -> None:
        """Start a worker; it loads the model as soon as its node has room."""
        settings = self._settings
        if settings["device"] == "auto" and not self._share.gpus:
            settings = settings | {"device": "cpu"}  # a GPU that Ray does not know is not ours
        actor_class = self._ray.remote(
            concurrency_groups={CONTROL: 1}, max_restarts=0, max_task_retries=0
        )(Worker)
        actor = actor_class.options(
            num_cpus=self._share.cpus,
            num_gpus=self._share.gpus,
            memory=self._share.memory,
            scheduling_strategy="SPREAD",
        ).remote(self._share.cpus, settings, *self._model)
        self._under_way[actor.start.remote()] = _Worker(actor)

    def _give(self) -> Iterator[Result]:
        """Give the idle workers books; a book that cannot be read fails here."""
        for worker in list(self._idle):
            while (task := self._next_for(worker)) is not None:
                name, output = self._tasks[task]
                try:
                    data = self._bytes_of(name)
                except InfinisumError as error:
                    yield task, error
                    continue
                worker.task = task
                self._idle.remove(worker)
                target = None if output is None else str(output)
                self._under_way[worker.actor.summarize.remote(name, target, data)] = worker
                break

    def _next_for(self, worker: _Worker) -> int | None:
        """The next task of a worker; not one that failed on its node while there are others."""
        elsewhere = any(
            other.node not in ("", worker.node)
            for other in (*self._under_way.values(), *self._idle)
        )
        for task in self._waiting:
            if not elsewhere or self._avoid.get(task) != worker.node:
                self._waiting.remove(task)
                return task
        return None

    def _bytes_of(self, name: str) -> bytes:
        limits = self._settings["limits"]
        if name != STDIN:
            return source_bytes(name, limits)
        if self._standard_input is None:  # it can be read once, and may be needed twice
            self._standard_input = source_bytes(name, limits)
        return self._standard_input

    def _take(self, reference: Any) -> Iterator[Result]:
        """Take what a worker has done."""
        worker = self._under_way.pop(reference)
        errors = self._ray.exceptions
        try:
            value = self._ray.get(reference)
        except errors.RayTaskError as error:  # a bug of ours, or libraries missing on the node
            what = InfinisumError(f"--ray: a worker failed, {_last_line(error)}")
            if worker.task is None:
                raise what from error
            yield self._finished(worker), what
        except errors.RayError as error:
            yield from self._died(worker, error)
        else:
            if isinstance(value, Started):
                self._welcome(worker, value)
            else:
                result, messages = value
                self._console.pass_on(messages)
                yield self._finished(worker), result

    def _finished(self, worker: _Worker) -> int:
        task, worker.task = worker.task, None
        self._idle.append(worker)
        assert task is not None
        return task

    def _welcome(self, worker: _Worker, started: Started) -> None:
        """Take in a worker that is ready, or stop all: what one cannot do, none can."""
        if started.error is not None:
            started.error.message = f"{started.host}: {started.error.message}"
            raise started.error
        if started.version != infinisum.__version__:
            raise InfinisumError(
                f"--ray: {started.host} has infinisum {started.version}, "
                f"this machine {infinisum.__version__}.",
                "Install the same version on all nodes.",
            )
        if not self._ready:
            self._console.pass_on(started.messages)
        self._ready += 1
        self._failed_starts = 0
        worker.node, worker.host = started.node, started.host
        self._idle.append(worker)
        self._console.detail(f"A worker is ready on {started.host}: {self.places}")

    def _died(self, worker: _Worker, error: Exception) -> Iterator[Result]:
        """Put the book of a dead worker back, or give it up."""
        with contextlib.suppress(Exception):  # it may be out of reach only, and still at work
            self._ray.kill(worker.actor)
        self._looked -= LOOK_SECONDS  # for another worker at once
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        # A node that dies says nothing; its workers are out of reach before it is known to be dead.
        out_of_reach = isinstance(error, self._ray.exceptions.ActorUnavailableError)
        with_node = out_of_reach or "node has died" in str(error) or worker.node not in alive
        task = worker.task
        if task is None:
            self._failed_starts += not out_of_reach
            self._why_failed = _last_line(error)
            return
        (self._lost if with_node else self._killed)[task] += 1
        name = self._tasks[task][0]
        what = f"node {worker.host}" if with_node else f"worker on {worker.host}"
        if self._killed[task] < MOST_KILLED and self._lost[task] < MOST_LOST:
            self._avoid[task] = worker.node
            self._waiting.appendleft(task)
            self._console.note(f"{name}: the {what} that summarised it died; it is tried again.")
            return
        times = self._killed[task] + self._lost[task]
        yield (
            task,
            InfinisumError(
                f"{name}: given up after {times} workers died while they summarised it.",
                "If memory ran out, try fewer --jobs.",
            ),
        )

    def _end(self) -> None:
        """End the workers; those at work have a while to keep what they read."""
        workers = [*self._under_way.values(), *self._idle]
        with contextlib.suppress(self._ray.exceptions.RayError):
            if busy := self._busy():
                for worker in workers:
                    worker.actor.stop.options(concurrency_group=CONTROL).remote()
                self._ray.wait(busy, num_returns=len(busy), timeout=STOP_SECONDS)
            for worker in workers:
                self._ray.kill(worker.actor)


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()
