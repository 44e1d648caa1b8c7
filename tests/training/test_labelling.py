"""`label`: which chapters, in which order, and that `finetune` takes what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.config import LabelOptions
from infinisum.errors import UsageError
from infinisum.training.datasets import read_rows
from infinisum.training.labelling import label
from tests.tiny_model import small_book


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three works of two chapters; the first chapter of each has two summaries."""
    path = tmp_path / "rows.jsonl"
    rows = []
    for number, chapter in enumerate(small_book(chapters=6).chapters):
        title = f"Work {number // 2}"
        sentences = chapter.text.split(". ")
        for summary in (sentences[0], sentences[4])[: 2 - number % 2]:
            rows.append({"id": f"c{number}", "title": title, "text": chapter.text})
            rows[-1]["summary"] = summary + "."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labelled(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "chapters.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if "labels" in row]


def test_chapters_come_in_turn_and_parts_tile(data: Path, tmp_path: Path) -> None:
    def run(name: str, **options: int) -> list[str]:
        folder = tmp_path / name
        label(LabelOptions((data,), folder, meaning=False, **options))  # type: ignore[arg-type]
        return [str(row["id"]) for row in labelled(folder)]

    everything = run("all")
    assert sorted(everything) == [f"c{n}" for n in range(6)]
    works = [int(name[1:]) // 2 for name in everything]
    assert sorted(works[:3]) == sorted(works[3:]) == [0, 1, 2]
    assert run("first", limit=2) + run("rest", skip=2) == everything
    assert run("again") == everything
    assert any(run(f"seed {seed}", seed=seed) != everything for seed in range(1, 4))


def test_labels_rank_what_the_summaries_say(data: Path, tmp_path: Path) -> None:
    chapters, report = label(LabelOptions((data,), tmp_path / "out", meaning=False))
    assert (chapters, report.used) == (6, 9)
    assert not (tmp_path / "out" / "embeddings.f16").exists()
    rows = {row["id"]: row for row in labelled(tmp_path / "out")}
    one = rows["c1"]  # its summary is its first sentence
    labels, sentences = one["labels"], one["sentences"]
    assert isinstance(labels, list)
    assert isinstance(sentences, list)
    assert len(labels) == len(sentences)
    assert max(labels) == labels[0]
    usable = list(read_rows([tmp_path / "out"]))
    assert len(usable) == 9
    assert all(row.summary for row in usable)
    assert sum(bool(row.salience) for row in usable) == 6
    assert len({row.key for row in usable}) == 6


def test_held_out_works_get_no_labels(data: Path, tmp_path: Path) -> None:
    held = tmp_path / "held.jsonl"
    held.write_text(json.dumps({"title": "work 1", "text": "none"}) + "\n", encoding="utf-8")
    options = LabelOptions((data,), tmp_path / "out", held_out=(held,), meaning=False)
    chapters, report = label(options)
    assert chapters == 4
    assert report.refused == {"held-out title": 3}
    assert {row["title"] for row in labelled(tmp_path / "out")} == {"Work 0", "Work 2"}


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="--limit"):
        LabelOptions((Path("x"),), Path("y"), limit=0)
    with pytest.raises(UsageError, match="--data"):
        LabelOptions((), Path("y"))
