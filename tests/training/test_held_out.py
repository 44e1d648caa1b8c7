"""Validation works never enter the shards: not by id, not by title, not in another edition."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest

from infinisum.config import FinetuneOptions
from infinisum.datasets.document import plain_title
from infinisum.errors import NotFoundError
from infinisum.loading import load_model
from infinisum.training.overlap import held_out
from infinisum.training.shards import ShardDataset
from infinisum.training.trainer import finetune
from tests.tiny_model import DEEDS, PEOPLE, PLACES, small_book

SUMMARY = "A promise is kept."


def text(first: int, count: int = 12) -> str:
    """Paragraphs `first` …, each of sentences found nowhere else."""
    paragraphs = []
    for number in range(first, first + count):
        draw = random.Random(number)
        words = [draw.choice(PLACES + PEOPLE + DEEDS) for _ in range(40)]
        paragraphs.append(f"So it was: {', '.join(words)}, and “no more”. Tally {number}.")
    return "\n\n".join(paragraphs)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Training rows, some of them of held-out works, and the validation file."""
    validation = [{"id": "v1", "title": "The Light", "text": text(100)}]
    edition = text(100).upper().replace(",", " -").replace("“", '"')
    fair = [{"id": f"t{n}", "title": f"Fair {n}", "text": text(n)} for n in (20, 40, 60)]
    training = [
        *fair,
        {"id": "t1", "title": "Light", "text": text(0)},  # the title, without its article
        {"id": "v1", "title": "Another", "text": text(150)},  # the id
        {"id": "t2", "title": "A Lamp", "text": edition},  # the same words, laid out otherwise
        {"id": "t3", "title": "Part of it", "text": text(104, 4)},  # a chapter of it
    ]
    for row in training:
        row["summary"] = SUMMARY
    paths = tmp_path / "train.jsonl", tmp_path / "validation.jsonl"
    for path, rows in zip(paths, (training, validation), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths


def shard_folder(output: Path) -> Path:
    (folder,) = (path for path in (output / "shards").iterdir() if path.is_dir())
    return folder


def test_no_held_out_work_is_in_the_shards(
    tiny_model: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    train, validation = files
    read: list[ShardDataset] = []
    options = FinetuneOptions(
        data=(train,),
        output=tmp_path / "model",
        model=tiny_model,
        held_out=(validation,),
        objective="summarize",
        max_steps=1,
        batch_size=2,
        device="cpu",
        dtype="float32",
    )
    finetune(options, on_data=read.append)
    report = read[0].index["report"]
    assert (report["read"], report["used"]) == (7, 3)
    assert report["refused"] == {
        "held-out title": 2,
        "shares its words with a held-out text": 2,
    }

    shards = ShardDataset(shard_folder(tmp_path / "model"))
    held = held_out([validation])
    texts = shards.index["texts"]
    assert sorted(entry["title"] for entry in texts) == ["Fair 20", "Fair 40", "Fair 60"]
    assert not held.ids & {entry["id"] for entry in texts}
    assert not held.titles & {plain_title(entry["title"]) for entry in texts}
    tokenizer = load_model(tiny_model, "cpu", "float32").tokenizer
    stored = [
        tokenizer.decode(np.concatenate([s.token_ids for s in shards[n].segments]).tolist())
        for n in range(len(shards))
    ]
    assert not any(held.overlaps(one) for one in stored)
    # The check can fail: an edition that was refused shares its runs of words.
    assert held.overlaps(text(104, 4))


def test_without_the_option_everything_is_used(
    tiny_model: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    read: list[ShardDataset] = []
    values = {
        "model": tiny_model,
        "objective": "summarize",
        "max_steps": 1,
        "batch_size": 2,
        "dtype": "float32",
    }
    options = FinetuneOptions((files[0],), tmp_path / "m", **values)  # type: ignore[arg-type]
    finetune(options, on_data=read.append)
    assert (read[0].index["report"]["read"], read[0].index["report"]["used"]) == (7, 7)


def test_shared_phrases_alone_hold_nothing_out() -> None:
    book = "\n\n".join(chapter.text for chapter in small_book().chapters)
    assert not held_out([]).overlaps(book)


@pytest.mark.parametrize("layout", ["table", "folder", "tree", "without ids"])
def test_what_is_held_out_may_have_any_layout(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "held"
    if layout == "tree":
        chapter = folder / "all_chapterized_books" / "9-chapters" / "1.txt"
        chapter.parent.mkdir(parents=True)
        chapter.write_text(text(100), encoding="utf-8")
        summary = folder / "finished_summaries" / "novelguide" / "The Light" / "1.txt"
        summary.parent.mkdir(parents=True)
        summary.write_text(json.dumps({"summary": [SUMMARY]}), encoding="utf-8")
        row = {
            "bid": "9",
            "source": "novelguide",
            "book_id": "The Light.chapter 1",
            "chapter_path": "all_chapterized_books/9-chapters/1.txt",
            "summary_path": "finished_summaries/novelguide/The Light/1.txt",
        }
        held = folder / "chapter_summary_aligned_val_split.jsonl"
        held.write_text(json.dumps(row) + "\n", encoding="utf-8")
    else:
        folder.mkdir()
        rows = {"bid": "9", "book_id": "The Light.chapter 1", "chapter": text(100)}
        if layout == "without ids":
            del rows["bid"]
        held = folder / "validation.csv"
        with held.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, [*rows, "summary_text"])
            table.writeheader()
            table.writerow({**rows, "summary_text": SUMMARY})
    found = held_out([folder if layout in ("folder", "tree") else held])
    assert found.overlaps(text(104, 4))
    assert not found.overlaps(text(0))
    assert found.has_title("Light")
    # A number made up for a row without an id must not hold out a training row of that number.
    assert bool(found.ids) == (layout != "without ids")


def test_nothing_to_hold_out_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        held_out([tmp_path / "absent"])
