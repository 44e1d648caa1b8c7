"""One item ahead: the next is prepared while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, each made in a thread of its own while its forerunner is in use.

    Worth it where making and using them wait for different things, as a tokenizer in Python and
    a network in compiled code do. What `items` raises is raised here, at its place; nothing
    outlives the iterator when it is closed.
    """
    source, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="one-ahead") as thread:
        coming = thread.submit(next, source, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, source, end)
            yield item  # type: ignore[misc]
