"""What `--ray` does before and around a cluster; none of it needs one."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infinisum.books.limits import Limits
from infinisum.cli.console import Console
from infinisum.cli.ray_cluster import WORKER_BYTES, Share, share
from infinisum.cli.ray_worker import model_files, model_folder
from infinisum.cli.ray_workers import RayPool, _Worker
from infinisum.cli.sources import STDIN
from infinisum.cli.work import Work
from infinisum.config import SummarizeOptions
from infinisum.errors import InputError
from infinisum.loading import load_model, model_fingerprint
from tests.cli.conftest import Cli


def node(
    cpus: float, gpus: float = 0, gigabytes: float = 100, alive: bool = True
) -> dict[str, Any]:
    resources = {"CPU": cpus, "memory": gigabytes * 1e9}
    return {"Alive": alive, "Resources": resources | ({"GPU": gpus} if gpus else {})}


def places(nodes: list[dict[str, Any]], device: str) -> int:
    return sum(share(nodes, device).places(there) for there in nodes)


@pytest.mark.parametrize(
    ("nodes", "device", "workers"),
    [
        ([node(4), node(2)], "auto", 6),
        ([node(4), node(2, alive=False)], "auto", 4),
        ([node(64, gigabytes=6)], "auto", 4),  # 1.5 GB each
        ([node(16, gpus=1), node(64)], "auto", 8),  # the node without a GPU rests
        ([node(16, gpus=1), node(64)], "cpu", 80),
        ([node(16, gpus=4)], "auto", 16),  # four to a GPU
        ([node(16, gpus=4), node(2, gpus=2)], "cuda", 6),  # one to a GPU
        ([node(16)], "cuda", 0),
        ([], "auto", 0),
    ],
)
def test_workers_are_as_many_as_fit(nodes: list[dict[str, Any]], device: str, workers: int) -> None:
    assert places(nodes, device) == workers


class Actors:
    """Ray's part in a pool without a cluster: what is given to a worker stays here."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.actor = SimpleNamespace(summarize=SimpleNamespace(remote=self.take))

    def put(self, value: Any) -> Any:
        return value

    def take(self, name: str, target: str | None, data: bytes) -> int:
        self.given.append(data)
        return len(self.given)


@pytest.mark.parametrize("standard_input", [False, True])
@pytest.mark.parametrize(("most", "fits"), [(10, True), (9, False)])
def test_a_book_is_sent_within_the_limits_of_the_user(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    standard_input: bool,
    most: int,
    fits: bool,
) -> None:
    text = b"ten bytes."
    (tmp_path / "a.txt").write_bytes(text)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    name = STDIN if standard_input else str(tmp_path / "a.txt")
    work = Work(Console(), SummarizeOptions(), str(tiny_model), limits=Limits(file_bytes=most))
    ray = Actors()
    pool = RayPool(ray, work, [(name, None)], None, work.console)
    pool._idle.append(_Worker(ray.actor))
    results = list(pool._give())
    assert ray.given == ([text] if fits else [])
    assert [type(error) for _, error in results] == ([] if fits else [InputError])


def test_a_worker_says_what_it_needs() -> None:
    assert str(Share()) == "1 CPU and 1.5 GB for a worker"
    assert str(Share(gpus=0.125)) == "0.125 of a GPU, 1 CPU and 1.5 GB for a worker"
    assert Share().memory == WORKER_BYTES


def test_a_model_is_used_where_it_lies_or_copied(tiny_model: Path, tmp_path: Path) -> None:
    mark = model_fingerprint(tiny_model)

    def never() -> dict[str, bytes]:
        raise AssertionError("the model lies here")

    with model_folder(tiny_model, mark, never) as folder:
        assert folder == tiny_model
    elsewhere = tmp_path / "not on this node" / tiny_model.name
    with model_folder(elsewhere, mark, lambda: model_files(tiny_model)) as folder:
        loaded = load_model(folder)
    assert (loaded.name, loaded.fingerprint) == (tiny_model.name, mark)
    assert not folder.exists()
    another = tmp_path / tiny_model.name  # of the same name, with other weights
    another.mkdir()
    for name, content in model_files(tiny_model).items():
        (another / name).write_bytes(content)
    config = json.loads((another / "config.json").read_text())
    (another / "config.json").write_text(json.dumps(config | {"infinisum_version": "9"}))
    with model_folder(another, mark, lambda: model_files(tiny_model)) as folder:
        assert folder != another
        assert model_fingerprint(folder) == mark


def test_without_ray_it_is_said_how_to_install_it(
    cli: Cli, book: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = cli("summarize", book, "--model", tiny_model, "--ray", "auto")
    assert result.status == 4
    assert result.err.splitlines() == [
        'Error: --ray needs Ray, which is not installed. Install it: pip install "infinisum[ray]"'
    ]


def test_options_that_do_not_go_together(cli: Cli, book: Path, tiny_model: Path) -> None:
    command = ("summarize", book, "--model", tiny_model, "--ray", "local")
    assert cli(*command, "--device", "cuda:1").status == 2
    assert cli(*command, "--reference", book).status == 2


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", ":", "127.0.0.1:FREE"])
def test_where_no_cluster_answers(cli: Cli, book: Path, tiny_model: Path, address: str) -> None:
    pytest.importorskip("ray")
    with socket.socket() as place:  # a port where nothing listens
        place.bind(("127.0.0.1", 0))
        address = address.replace("FREE", str(place.getsockname()[1]))
        result = cli("summarize", book, "--model", tiny_model, "--ray", address)
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert line.startswith(f"Error: --ray {address}: no Ray cluster answers there.")


def test_a_cluster_of_its_own(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    alone, out = tmp_path / "alone.md", tmp_path / "out.md"
    assert cli("summarize", book, "-o", alone, "--model", tiny_model).status == 0
    result = cli("summarize", book, "-o", out, "--model", tiny_model, "--ray", "local")
    if "timed out during startup" in result.err:
        pytest.skip("the machine is too busy for Ray, which waits 15 seconds for its processes")
    assert result.status == 0
    assert out.read_bytes() == alone.read_bytes()
    lines = [line for line in result.err.splitlines() if not line.startswith("Waiting")]
    assert len(lines) == 3
    assert lines[0].startswith("Model tiny")
    assert lines[-1] == f"Written to {out}"
