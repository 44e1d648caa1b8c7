"""Embeddings distilled from a sentence encoder, here one that knows four directions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from infinisum.config import FinetuneOptions
from infinisum.errors import UsageError
from infinisum.loading import load_model
from infinisum.training import embeddings


class FakeEncoder:
    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """One of four directions, by the first letter, and a little noise."""
        rng = np.random.default_rng(0)
        vectors = 0.05 * rng.standard_normal((len(sentences), 384))
        for row, text in enumerate(sentences):
            vectors[row, ord(text.strip().lower()[0]) % 4] += 1
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_tokens_of_like_meaning_start_alike(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "SentenceEncoder", FakeEncoder)
    loaded = load_model(tiny_model, "cpu", "float32")
    model, tokenizer = loaded.model, loaded.tokenizer
    silent = model.shared.weight[tokenizer.pad_id].clone()
    embeddings.distill_embeddings(model, tokenizer)
    assert torch.equal(model.shared.weight[tokenizer.pad_id], silent)  # has no letters
    assert model.lm_head.weight.data_ptr() == model.shared.weight.data_ptr()

    words = ["day", "hid", "the", "Anna", "near"]  # directions 0, 0, 0, 1, 2
    ids = [tokenizer.encode(word)[0] for word in words]
    teacher = FakeEncoder().encode([tokenizer.decode([i]) for i in ids])
    ours = model.salience.vector(model.salience.words.weight[ids]).detach()
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(ours, torch.from_numpy(teacher), dim=-1).min() > 0.4
    same = cosine(model.shared.weight[ids[0]], model.shared.weight[ids[1]], dim=0)
    other = cosine(model.shared.weight[ids[0]], model.shared.weight[ids[3]], dim=0)
    assert same > 0.5 > other


def test_the_kind_is_checked() -> None:
    with pytest.raises(UsageError, match="--embeddings"):
        FinetuneOptions(data=(Path("x"),), output=Path("y"), embeddings="magic")  # type: ignore[arg-type]
