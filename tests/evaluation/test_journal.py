from __future__ import annotations

from pathlib import Path

import pytest

from infinisum.errors import OutputError
from infinisum.evaluation.journal import Journal


def test_it_remembers(tmp_path: Path) -> None:
    path = tmp_path / "a.partial.jsonl"
    first = Journal(path, "key")
    first.put("rows/one", {"lead": 1.5})
    first.put("rows/two", ["“x”"])
    second = Journal(path, "key")
    assert second.resumed == 2
    assert second.get("rows/one") == {"lead": 1.5}
    assert second.get("rows/two") == ["“x”"]
    assert second.get("rows/three") is None
    second.remove()
    assert not path.exists()


def test_another_key_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.partial.jsonl"
    Journal(path, "key").put("rows/one", 1)
    other = Journal(path, "other key")
    assert other.get("rows/one") is None
    assert Journal(path, "other key").resumed == 0


@pytest.mark.parametrize("cut", range(1, 34, 3))
def test_a_line_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.partial.jsonl"
    first = Journal(path, "key")
    first.put("rows/one", 1)
    first.put("rows/two", 2)
    path.write_bytes(path.read_bytes()[:-cut])
    second = Journal(path, "key")
    assert second.get("rows/one") == 1
    assert second.get("rows/two") is None
    second.put("rows/two", 3)
    assert Journal(path, "key").get("rows/two") == 3


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not json\n", b"\x00\xff", b'{"a": 1}'])
def test_a_file_of_something_else_starts_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.partial.jsonl"
    path.write_bytes(content)
    Journal(path, "key").put("one", 1)
    assert Journal(path, "key").get("one") == 1


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(None, "key")
    journal.put("one", 1)
    assert journal.get("one") == 1
    journal.remove()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        Journal(tmp_path / "missing" / "a.jsonl", "key")
