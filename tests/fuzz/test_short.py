"""A second or two of mutations for each reader; `tests.fuzz.readers` goes on for longer."""

from __future__ import annotations

import pytest

from tests.fuzz.mutations import mutate_for
from tests.fuzz.readers import READERS, seeds


@pytest.mark.parametrize("name", READERS)
def test_seeds_are_read(name: str) -> None:
    for data in seeds(name):
        READERS[name](data)


@pytest.mark.parametrize("name", READERS)
def test_mutations_give_a_book_or_one_line(name: str) -> None:
    done = mutate_for(READERS[name], seeds(name), 1.5, seed=2025)
    assert done["executions"] > 5
    assert done["finds"] == {}
