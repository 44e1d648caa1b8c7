"""From texts to batches."""

from __future__ import annotations

from dataclasses import replace

from infinisum.features import FEATURE_NAMES
from infinisum.training.batches import Collator
from infinisum.training.datasets import IGNORED
from tests.training.texts import N, example, pick

COLLATOR = Collator(segment_length=N, pad_id=0, reservoir_length=6)


def test_a_batch_has_all_of_both_texts() -> None:
    batch = COLLATOR([(example(3), pick()), (example(1, labels=False), pick())])
    assert batch["input_ids"][0].flatten().tolist() == list(range(10, 22))
    assert batch["attention_mask"][1].sum() == N
    assert batch["sentence_ids"][1, 1:].eq(-1).all()
    assert batch["sentence_features"][0, 2, 1].tolist() == [5.0, -5.0]
    assert batch["labels"][0].tolist() == [IGNORED, IGNORED, 7, 8, 1]
    assert batch["salience_labels"][0, 2, 1] == 1
    assert batch["salience_labels"][1].isnan().all()
    assert batch["salience_vectors"][1].isnan().all()
    assert not batch["salience_vectors"][0, :, :2].isnan().any()


def test_the_step_says_what_the_decoder_sees() -> None:
    batch = COLLATOR([(example(2), pick(window=4, reservoir=False))])
    assert (batch["window_segments"], batch["reservoir_length"]) == (4, 0)
    assert "reservoir_scores" not in batch
    batch = COLLATOR([(example(2), pick(window=0, taught=True))])
    assert (batch["window_segments"], batch["reservoir_length"]) == (0, 6)
    assert batch["reservoir_scores"].equal(batch["salience_labels"])
    unlabelled = COLLATOR([(example(2, labels=False), pick(taught=True))])
    assert "reservoir_scores" not in unlabelled


def test_labels_go_with_their_sentences() -> None:
    later = replace(example(5), segments=example(5).segments[3:])
    batch = COLLATOR([(later, pick())])
    assert batch["salience_labels"][0, 0, 0].item() == example(5).salience[6]


def test_a_text_without_sentences_is_laid_out_too() -> None:
    bare = replace(example(1, labels=False), sentences=())
    bare = replace(bare, segments=tuple(replace(s, spans=()) for s in bare.segments))
    batch = COLLATOR([(bare, pick())])
    assert batch["input_ids"].shape == (1, 2, N)  # two segments, or no memory would be read
    assert batch["sentence_features"].shape == (1, 2, 1, len(FEATURE_NAMES))
