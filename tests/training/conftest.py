from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.training.labels import split_paragraphs
from tests.tiny_model import small_book
from tests.training.texts import small_network


@pytest.fixture(scope="session")
def network(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the smallest network that has all parts."""
    return small_network(tiny_model, tmp_path_factory.mktemp("network") / "smallest")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chapters of the small book; the summary of each is its first sentence."""
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    rows = []
    for number, chapter in enumerate(small_book(chapters=6, paragraphs=8).chapters):
        sentences, paragraph_of = split_paragraphs(chapter.text)
        rows.append({"id": f"s{number}", "text": chapter.text, "summary": sentences[0]})
        rows.append(
            {
                "id": f"l{number}",
                "sentences": sentences,
                "paragraph_of": paragraph_of,
                "labels": [i / (len(sentences) - 1) for i in range(len(sentences))],
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
