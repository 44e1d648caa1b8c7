"""Token shards: what they cost on disk, that they are whole or not there, and that nothing but the
rows and the settings decides their bytes."""

from __future__ import annotations

import json
import lzma
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infinisum.errors import OutputError
from infinisum.segments import segment_sentences
from infinisum.training import preparing
from infinisum.training.datasets import Row
from infinisum.training.folders import new_folder
from infinisum.training.labels import split_paragraphs
from infinisum.training.preparing import prepare
from infinisum.training.shards import ShardDataset, column_types
from tests.training.test_datasets import TOKENIZER, story


def rows(count: int, sentences: int = 60) -> Iterator[Row]:
    for seed in range(count):
        yield Row(f"r{seed}", f"T{seed}", "chapter", story(seed, sentences), f"Day {seed} came.")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tokens_take_two_bytes_where_the_vocabulary_allows_it(tmp_path: Path) -> None:
    shards = prepare(rows(3), TOKENIZER, tmp_path / "s", 64)
    tokens = shards.index["columns"]["tokens"]
    assert tokens[0] == "<u2"
    assert (tmp_path / "s" / "tokens.bin").stat().st_size == 2 * tokens[1]
    assert column_types(1 << 16)["tokens"] == "<u2"
    assert column_types((1 << 16) + 1)["tokens"] == "<i4"


def test_any_run_of_segments_is_that_of_the_whole_text(tmp_path: Path) -> None:
    text = "\n\n".join([story(1, 200), "Short.", story(2, 3) + " " + "word " * 300])
    row = Row("r", "T", "book", text, "A summary.")
    sentences, paragraph_of = split_paragraphs(text)
    whole = segment_sentences(
        sentences, paragraph_of, index=0, title="T", tokenizer=TOKENIZER, segment_length=64
    )
    example = prepare([row], TOKENIZER, tmp_path / "s", 64)[0]
    assert len(example.segments) == len(whole.segments) > 20
    for start in (0, 7, len(whole.segments) - 3):
        run = example.segments[start : start + 3]
        for stored, segment in zip(run, whole.segments[start : start + 3], strict=True):
            assert stored.token_ids.tolist() == segment.token_ids.tolist()
            assert stored.token_ids.dtype == np.int32
            assert stored.spans == segment.spans
    assert [s.spans for s in example.segments] == [s.spans for s in whole.segments]
    assert example.segments[-1].spans == whole.segments[-1].spans
    with pytest.raises(IndexError):
        example.segments[len(whole.segments)]
    assert [(s.paragraph, s.words) for s in example.sentences] == [
        (s.paragraph, s.words) for s in whole.sentences
    ]


def test_processes_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_ALONE", 2)
    prepare(rows(8), TOKENIZER, tmp_path / "one", 64, jobs=1)
    prepare(rows(8), TOKENIZER, tmp_path / "two", 64, jobs=2)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_the_fingerprints_tell_rows_and_settings_apart(tmp_path: Path) -> None:
    first = prepare(rows(2), TOKENIZER, tmp_path / "a", 64).index
    same = prepare(rows(2), TOKENIZER, tmp_path / "b", 128).index
    other = prepare(rows(3), TOKENIZER, tmp_path / "c", 64).index
    assert first["rows"] == same["rows"] != other["rows"]
    assert first["tokenizer"] == TOKENIZER.fingerprint
    assert str(tmp_path) not in json.dumps(first)  # no fact of this machine


def test_packed_columns_are_unpacked_where_they_are_opened(tmp_path: Path) -> None:
    shards = prepare(rows(4), TOKENIZER, tmp_path / "s", 64)
    ids = shards[3].segments[0].token_ids.tolist()
    for path in (tmp_path / "s").glob("*.bin"):
        path.with_name(path.name + ".xz").write_bytes(lzma.compress(path.read_bytes()))
        path.unlink()
    assert ShardDataset(tmp_path / "s")[3].segments[0].token_ids.tolist() == ids


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    prepare(rows(1), TOKENIZER, tmp_path / "s", 64)
    before = files(tmp_path / "s")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match="MB are free") as caught:
            prepare(rows(40), TOKENIZER, tmp_path / "s", 64)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert files(tmp_path / "s") == before  # the good one stays
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Row]:
        yield from rows(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(interrupted(), TOKENIZER, tmp_path / "s", 64)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    with new_folder(tmp_path / "s") as part:
        dead = part.with_name(part.name.rpartition("-")[0] + f"-{child}")
        alive = part.with_name(part.name.rpartition("-")[0] + f"-{os.getppid()}")
    dead.mkdir()
    alive.mkdir()
    prepare(rows(1), TOKENIZER, tmp_path / "s", 64)
    assert alive.is_dir()
    assert not dead.exists()


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write the training shards"):
        prepare(rows(1), TOKENIZER, tmp_path / "file" / "s", 64)
