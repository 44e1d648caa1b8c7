from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from infinisum.ahead import one_ahead


def test_the_next_item_is_made_while_the_last_one_is_used() -> None:
    made: list[tuple[int, str]] = []
    second = threading.Event()

    def items() -> Iterator[int]:
        for number in range(3):
            made.append((number, threading.current_thread().name))
            if number == 1:
                second.set()
            yield number

    given = one_ahead(items())
    assert next(given) == 0
    assert second.wait(10)  # item 1, though nobody asked for it yet
    assert [number for number, _ in made] == [0, 1]  # and no more than that
    assert list(given) == [1, 2]
    assert all(name.startswith("one-ahead") for _, name in made)


def test_nothing_is_nothing() -> None:
    assert list(one_ahead([])) == []


def test_an_error_comes_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    given = one_ahead(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="two"):
        next(given)


def test_a_closed_iterator_leaves_no_thread() -> None:
    given = one_ahead(iter(range(100)))
    assert next(given) == 0
    given.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("one-ahead")]
