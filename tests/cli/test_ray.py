"""Books spread over a cluster of two nodes: the same bytes, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import book_file

pytest.importorskip("ray")
from tests.cli import ray_nodes

BOOKS = 200


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    # Names of sockets may have 107 letters; pytest's own folders are too deep for that.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
        ray_nodes.two_nodes(Path(folder), patch) as nodes,
    ):
        yield nodes


@pytest.fixture
def clerks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do as their books are called."""
    monkeypatch.setattr("infinisum.cli.ray_workers.Worker", ray_nodes.Clerk)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    return folder


def texts(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.txt").write_text(name)


def after(condition: Callable[[], bool], action: Callable[[], Any]) -> threading.Thread:
    """Do something as soon as something is so."""

    def wait() -> None:
        for _ in range(6_000):
            if condition():
                action()
                return
            time.sleep(0.01)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.timeout(900)
def test_two_hundred_books_give_the_same_bytes(
    cluster: Any, cli: Cli, library: Path, tiny_model: Path, tmp_path: Path
) -> None:
    for number in range(BOOKS):
        book_file(library / f"{number:03}.html", chapters=1, paragraphs=1 + number % 3)
    alone, across = tmp_path / "alone", tmp_path / "across"
    command = ("summarize", library, "--model", tiny_model, "--level", "book", "-o")
    assert cli(*command, alone).status == 0
    result = cli(*command, across, "--ray", cluster.address)
    assert result.status == 0
    assert result.out == ""
    assert {path.name for path in across.iterdir()} == {path.name for path in alone.iterdir()}
    assert len(list(across.iterdir())) == BOOKS
    for path in alone.iterdir():
        assert (across / path.name).read_bytes() == path.read_bytes()
    said = [line for line in result.err.splitlines() if not line.startswith(("[", "Waiting"))]
    assert len(said) == 3  # and nothing by Ray
    assert said[0].startswith("Model tiny")
    assert said[1].endswith("; 2 workers on 2 nodes")
    assert said[2] == f"{BOOKS} done, 0 failed"


def test_a_book_that_kills_its_worker_is_tried_once_more(
    cluster: Any, clerks: None, cli: Cli, library: Path, tiny_model: Path, tmp_path: Path
) -> None:
    texts(library, "1", "2", "deadly", "once", "z")
    out = tmp_path / "out"
    result = cli(
        *("summarize", library, "-o", out, "--model", tiny_model, "--ray", cluster.address)
    )
    assert result.status == 1
    assert result.out == ""  # where Ray would tell of dead workers
    lines = result.err.splitlines()
    again = [line for line in lines if line.endswith("that summarised it died; it is tried again.")]
    assert sorted(Path(line.partition(":")[0]).stem for line in again) == ["deadly", "once"]
    (error,) = [line for line in lines if line.startswith("Error")]
    assert "deadly.txt: given up after 2 workers died while they summarised it." in error
    assert lines[-1] == "4 done, 1 failed"
    assert {path.name for path in out.iterdir()} == {"1.md", "2.md", "once.md", "z.md"}
    assert (out / "once.md").read_text() == "A summary of once"


def test_workers_that_die_while_they_start_end_the_run(
    cluster: Any, cli: Cli, library: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infinisum.cli.ray_workers.Worker", ray_nodes.Stillborn)
    texts(library, "1", "2")
    result = cli("summarize", library, "--model", tiny_model, "--ray", cluster.address)
    assert result.status == 1
    (line,) = [line for line in result.err.splitlines() if not line.startswith("Waiting")]
    assert line.startswith("Error: --ray: workers die while they start: ")


def test_stopped_and_started_again_it_goes_on(
    cluster: Any,
    clerks: None,
    cli: Cli,
    library: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts(library, "1", "2", "slow")
    out = tmp_path / "out"
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    command = ("summarize", library, "-o", out, "--model", tiny_model, "--ray", "auto")

    def under_way() -> bool:
        return (library / "waiting").exists() and len(list(out.glob("*.md"))) == 2

    stopper = after(under_way, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = cli(*command)
    stopper.join()
    assert result.status == 130
    assert "done. The same command with --skip-existing goes on" in result.err.splitlines()[-1]
    assert (library / "kept").exists()  # it had time for that
    result = cli(*command, "--skip-existing", "--jobs", 1)
    assert result.status == 0
    assert result.err.splitlines()[-2].endswith("; 1 worker on 1 node")
    assert result.err.splitlines()[-1] == "1 done, 0 failed, 2 left alone"
    assert {path.name for path in out.iterdir()} == {"1.md", "2.md", "slow.md"}


def test_a_node_that_dies_loses_no_book(
    cluster: Any, clerks: None, cli: Cli, library: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (node,) = cluster.worker_nodes
    texts(library, *"123456")
    (library / "trap").write_text(node.node_id)
    out = tmp_path / "out"

    def trapped() -> bool:
        return (library / "waiting").exists() and len(list(out.glob("*.md"))) == 5

    remover = after(trapped, lambda: cluster.remove_node(node, allow_graceful=False))
    result = cli(
        *("summarize", library, "-o", out, "--model", tiny_model, "--ray", cluster.address)
    )
    remover.join()
    assert result.status == 0
    (said,) = [line for line in result.err.splitlines() if line.endswith("it is tried again.")]
    assert "the node " in said
    assert result.err.splitlines()[-1] == "6 done, 0 failed"
    assert {path.stem for path in out.iterdir()} == set("123456")
