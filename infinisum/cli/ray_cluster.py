"""The Ray cluster behind `--ray`: found or started, quietly, and what there is in it.

Ray is an extra. Nothing is reported to its makers, and a cluster that is started here listens on
this machine alone and leaves nothing behind: whoever can reach a Ray cluster can run code on it.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from infinisum.cli.console import Console
from infinisum.errors import InfinisumError, NotFoundError

AUTO: Final = "auto"
LOCAL: Final = "local"
CONNECT_SECONDS: Final = 5.0
WORKER_BYTES: Final = 1_500_000_000  # what a worker is given; 0.55 to 0.7 GB were measured
GPU_WORKERS: Final = (8, 4, 2, 1)  # that share a GPU, as many as there are CPUs for
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what a later version does; silences a warning
    "RAY_agent_register_timeout_ms": "120000",  # 30 s are too few where the machine is busy
}


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker is given of its node."""

    cpus: int = 1
    gpus: float = 0.0
    memory: int = WORKER_BYTES

    def __str__(self) -> str:
        gpu = f"{self.gpus:.3g} of a GPU, " if self.gpus else ""
        return f"{gpu}{self.cpus} CPU and {self.memory / 1e9:.1f} GB for a worker"

    def places(self, node: Mapping[str, Any]) -> int:
        """How many workers a node of `ray.nodes()` has room for."""
        if not node["Alive"]:
            return 0
        there = node["Resources"]
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return min(
            int(there.get(name, 0) / amount + 1e-6) for name, amount in wanted.items() if amount
        )


def share(nodes: Iterable[Mapping[str, Any]], device: str) -> Share:
    """What one worker is given, by what the cluster has.

    A GPU is given to as many workers as there are CPUs for it, up to eight: opening a book and
    composing its summary are work of the CPU, and the GPU would wait for one worker alone. With
    GPUs in the cluster `--device auto` uses no node without: which of two devices computes a
    summary must not depend on where its book happened to go.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    with_gpu = [there for there in alive if there.get("GPU", 0) >= 1]
    if device not in ("auto", "cuda") or not (with_gpu or device == "cuda"):
        return Share()
    for workers in GPU_WORKERS:
        if all(there.get("CPU", 0) >= workers * there["GPU"] for there in with_gpu):
            return Share(gpus=1 / workers)
    return Share(gpus=1.0)


@contextmanager
def connected(address: str, console: Console) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine, while the block runs.

    Args:
        address: "auto" for the cluster of this machine (RAY_ADDRESS, or the one that runs here)
            and otherwise a new one; "local" for a new one; or "HOST:PORT".
        console: told what was found.

    Yields:
        The module `ray`.

    Raises:
        NotFoundError: Ray is not installed.
        InfinisumError: there is no such cluster, or none can be started.
    """
    ray = import_ray()
    before = signal.getsignal(signal.SIGTERM)  # Ray puts a handler of its own there
    with tempfile.TemporaryDirectory(prefix="infinisum-ray-", ignore_cleanup_errors=True) as folder:
        try:
            _init(ray, address, folder, console)
            yield ray
        finally:
            ray.shutdown()
            signal.signal(signal.SIGTERM, before)


def import_ray() -> Any:
    """The module `ray`, told to be quiet.

    Raises:
        NotFoundError: it is not installed.
    """
    os.environ.update(_QUIET)
    try:
        import ray
    except ImportError as error:
        raise NotFoundError(
            "--ray needs Ray, which is not installed.", 'Install it: pip install "infinisum[ray]"'
        ) from error
    # Whatever `log_to_driver` says, what nodes report of dead workers is printed on standard
    # output, where results belong. What matters of it is said here in one line.
    setattr(import_module("ray._private.worker"), "print_to_stdstream", _say_nothing)  # noqa: B010
    return ray


def _say_nothing(*_: Any, **__: Any) -> None:
    pass


def _init(ray: Any, address: str, folder: str, console: Console) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        with console.busy("Connecting to Ray"):
            if address == AUTO:
                try:
                    ray.init(address=AUTO, **quiet)
                    return
                except ConnectionError:
                    console.note("No Ray cluster runs here; one is started on this machine.")
            elif address != LOCAL:
                _reach(address)
                ray.init(address=address, **quiet)
                return
            # Without an address of its own the cluster would listen on the network.
            ray.init(
                address=LOCAL,
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                _temp_dir=folder,
                **quiet,
            )
    except InfinisumError:
        raise
    except Exception as error:  # Ray raises bare Exception, too
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        what = "cannot be started" if address in (AUTO, LOCAL) else "cannot be used"
        raise InfinisumError(
            f"--ray {address}: the cluster {what}: {reason.rstrip('.')}.",
            "Without Ray, --jobs N works here.",
        ) from error


def _reach(address: str) -> None:
    """Find out at once whether anything listens; Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
            return
    except (OSError, ValueError, OverflowError):
        raise InfinisumError(
            f"--ray {address}: no Ray cluster answers there.",
            "Name its HOST:PORT (ray start prints it), auto, or local.",
        ) from None
