"""A block shared out to ranks is written as by one process, for every rule."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from infinisum.model.memory import BlockMemory, MemoryState, advance
from infinisum.model.ranks import advance_across, gather_with

RULES = ("linear", "delta", "delta_paper", "delta_net")
B, S, H, N, D_K, D_V = 2, 7, 3, 10, 8, 6
SHARES = ([0, 1, 2], [3, 4, 5, 6], [])  # segments of each rank; one has none


def block() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)  # of its own: ranks are threads
    keys = torch.randn(B, S, H, N, D_K, dtype=torch.float64, generator=draw)
    values = torch.randn(B, S, H, N, D_V, dtype=torch.float64, generator=draw)
    lengths = torch.randint(0, N + 1, (B, S, 1), generator=draw)
    mask = torch.arange(N) < lengths  # ragged, some empty
    strength = torch.rand(B, S, H, N, dtype=torch.float64, generator=draw)
    return keys, values, mask, strength


def written_before(rule: str) -> MemoryState:
    """A memory that is not empty."""
    keys, values, mask, strength = block()
    empty = MemoryState.empty(B, H, D_K, D_V, keys)
    return advance(rule, empty, keys.flip(1), values.flip(1), mask.flip(1), strength.flip(1))[1]


def share(rule: str, segments: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    keys, values, mask, strength = block()
    if not segments:
        return keys[:, :1], values[:, :1], torch.zeros_like(mask[:, :1]), strength[:, :1]
    return keys[:, segments], values[:, segments], mask[:, segments], strength[:, segments]


def assert_same(
    rule: str, segments: list[int], result: tuple[BlockMemory, MemoryState], state: MemoryState
) -> None:
    keys, values, mask, strength = block()
    before, after = advance(rule, state, keys, values, mask, strength, 4)
    shown, end = result
    for ours, theirs in ((shown.M, before.M), (shown.z, before.z), (shown.count, before.count)):
        if segments:
            torch.testing.assert_close(ours, theirs[:, segments], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(end.M, after.M, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(end.z, after.z, rtol=1e-10, atol=1e-12)
    assert torch.equal(end.count, after.count)


def side_by_side(work: Callable[[int, Callable[[Tensor], list[Tensor]]], object]) -> list[object]:
    """Run the ranks as threads that meet where they exchange tensors."""
    meeting = threading.Barrier(len(SHARES))
    table: list[Tensor] = [torch.empty(0)] * len(SHARES)
    results: list[object] = [None] * len(SHARES)

    def rank(number: int) -> None:
        def gather(own: Tensor) -> list[Tensor]:
            table[number] = own
            meeting.wait(20)
            parts = list(table)
            meeting.wait(20)
            return parts

        results[number] = work(number, gather)

    threads = [threading.Thread(target=rank, args=(number,)) for number in range(len(SHARES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("rule", RULES)
def test_three_ranks_write_what_one_does(rule: str) -> None:
    state = written_before(rule)

    def work(rank: int, gather: Callable[[Tensor], list[Tensor]]) -> object:
        parts = share(rule, SHARES[rank])
        return advance_across(rule, state, *parts, chunk=4, rank=rank, gather=gather)

    for segments, result in zip(SHARES, side_by_side(work), strict=True):
        assert isinstance(result, tuple), "the rank failed"
        assert_same(rule, segments, result, state)


def test_one_rank_alone_is_plain_advance() -> None:
    state = written_before("delta_net")
    result = advance_across("delta_net", state, *block(), chunk=4, rank=0, gather=lambda own: [own])
    assert_same("delta_net", list(range(S)), result, state)


def by_gloo(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    for rule in RULES:
        state = written_before(rule)
        segments = SHARES[rank]
        parts = share(rule, segments)
        result = advance_across(rule, state, *parts, chunk=4, rank=rank, gather=gather_with())
        assert_same(rule, segments, result, state)
    torch.distributed.destroy_process_group()
    (Path(folder) / str(rank)).touch()


def test_two_processes_with_gloo(tmp_path: Path) -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    torch.multiprocessing.spawn(by_gloo, args=(port, str(tmp_path)), nprocs=2)
    assert len(list(tmp_path.iterdir())) == 2
