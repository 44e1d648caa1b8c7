"""What runs on the nodes of a Ray cluster: one model, one book after the other.

The bytes of a book come with the call and its document goes back, so that no file system has to
be shared. What must be installed on a node is infinisum, in the same version.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import infinisum
from infinisum.cli.console import Collected
from infinisum.cli.work import Done, Work
from infinisum.errors import InfinisumError
from infinisum.hub import bundled_folders

CONTROL = "control"  # calls that get through while a book is summarised
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")

Messages = list[tuple[str, str | None]]
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Started:
    """A worker that is ready."""

    node: str  # id of its node
    host: str
    version: str  # of infinisum
    error: InfinisumError | None  # why it is not
    messages: Messages = field(default_factory=list)


class Worker:
    """An actor. Its calls never raise what can be foreseen; they return it.

    Args:
        threads: of the processor.
        settings: of the work, from `Work.settings`.
        loud: whether the console is quiet, and whether it is verbose.
        place: of the model on the machine that asks.
        fingerprint: of the model's files.
        files: one reference of the model's files in the cluster.
    """

    def __init__(
        self,
        threads: int,
        settings: dict[str, Any],
        loud: tuple[bool, bool],
        place: Path,
        fingerprint: str,
        files: Sequence[Any],
    ) -> None:
        self._console = Collected(*loud)
        self._stop = Event()
        self._work = Work(console=self._console, stop=self._stop, **settings)
        self._threads = threads
        self._place = place
        self._fingerprint = fingerprint
        self._files = files

    def start(self) -> Started:
        """Load the model."""
        import ray
        import torch

        torch.set_num_threads(self._threads)
        error = None
        try:
            with model_folder(
                self._place, self._fingerprint, lambda: ray.get(self._files[0])
            ) as folder:
                self._work.folder = folder
                self._work.load()
        except InfinisumError as reason:
            error = reason
        node = ray.get_runtime_context().get_node_id()
        version = infinisum.__version__
        return Started(node, socket.gethostname(), version, error, self._console.taken())

    def summarize(
        self, name: str, output: str | None, data: bytes
    ) -> tuple[Done | InfinisumError, Messages]:
        """Summarise one book, given as the bytes of its file."""
        result = self._work.attempt(name, None if output is None else Path(output), data)
        return result, self._console.taken()

    def stop(self) -> None:
        """Keep what was read of the book at hand, and give up on it."""
        self._stop.set()


def model_files(folder: Path) -> dict[str, bytes]:
    """The files of a model, to be sent to nodes that have not the same."""
    return {
        path.name: path.read_bytes() for form in MODEL_FILES for path in sorted(folder.glob(form))
    }


@contextmanager
def model_folder(place: Path, fingerprint: str, fetch: Callable[[], Files]) -> Iterator[Path]:
    """A folder with the model of this fingerprint, on this machine.

    That is the place where it lies on the machine that asks, if it lies here too, or the bundled
    model of that name, or else a copy of the fetched files, which is removed after the block. All
    have the same name: summaries name their model.
    """
    for folder in (place, *bundled_folders(place.name)):
        if _is_model(folder, fingerprint):
            yield folder
            return
    with tempfile.TemporaryDirectory(prefix="infinisum-model-") as copies:
        folder = Path(copies) / place.name
        folder.mkdir()
        for name, content in fetch().items():
            (folder / name).write_bytes(content)
        yield folder


def _is_model(folder: Path, fingerprint: str) -> bool:
    from infinisum.loading import model_fingerprint

    try:
        return model_fingerprint(folder) == fingerprint
    except OSError:
        return False
