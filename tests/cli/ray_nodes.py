"""A Ray cluster of two nodes on this machine, and workers that die when a test wants it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import infinisum
from infinisum.cli.ray_cluster import WORKER_BYTES, import_ray
from infinisum.cli.ray_worker import Started, Worker
from infinisum.cli.work import Done
from infinisum.errors import StoppedError

PORTS = (
    *("metrics_agent_port", "runtime_env_agent_port", "metrics_export_port"),
    "dashboard_agent_listen_port",
)
START_SECONDS = 100.0


class Clerk(Worker):
    """Does what the names of its books say; has no model, so that it is there in a second.

    "deadly" kills its worker, "once" at the first try; "slow" takes its time at the first try, and
    so does every book on the node whose id stands in the file "trap" beside it; all others wait
    until there is one.
    """

    def start(self) -> Started:
        return Started(node_id(), socket.gethostname(), infinisum.__version__, None)

    def summarize(self, name: str, output: str | None, data: bytes) -> Any:
        path = Path(name)
        if path.stem == "deadly" or (path.stem == "once" and first(path.with_suffix(".tried"))):
            os.kill(os.getpid(), signal.SIGKILL)
        trap = path.with_name("trap")
        trapped = trap.exists() and trap.read_text() == node_id()
        while trap.exists() and not trapped and not path.with_name("waiting").exists():
            time.sleep(0.02)
        if trapped or (path.stem == "slow" and first(path.with_suffix(".tried"))):
            path.with_name("waiting").touch()
            while not self._stop.is_set():
                time.sleep(0.02)
            path.with_name("kept").touch()
            return StoppedError(f"{name}: stopped"), []
        row = {"source_words": len(data), "source_chapters": 1, "run": {"total_s": 0.0}}
        return Done(row, "", f"A summary of {data.decode()}"), []


class Stillborn(Worker):
    """Dies while it starts."""

    def start(self) -> Started:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("dead by now")


def node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def first(marker: Path) -> bool:
    """Whether nobody was here before."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@contextmanager
def two_nodes(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes with one CPU each.

    Ray gives its nodes 15 and 30 seconds to start, too few on a busy machine: the first limit
    goes where ports are given, the second by asking longer.
    """
    import_ray()
    from ray._private import services
    from ray.cluster_utils import Cluster

    (folder / "ray").mkdir()
    patch.setenv("RAY_TMPDIR", str(folder))
    ask = services.get_node

    def patient(*args: Any, **kwargs: Any) -> Any:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return ask(*args, **kwargs)
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    patch.setattr(services, "get_node", patient)
    cluster = Cluster()
    try:
        for _ in range(2):
            cluster.add_node(
                num_cpus=1,
                memory=2 * WORKER_BYTES,
                include_log_monitor=False,
                wait=False,
                **{name: _free_port() for name in PORTS},
            )
        yield cluster
    finally:
        cluster.shutdown()


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])
