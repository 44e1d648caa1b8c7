"""Folders of models as the hub takes them: complete, with metadata it understands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from infinisum.config import BUNDLED_MODELS, FinetuneOptions
from infinisum.hub import find_model
from infinisum.loading import load_model
from infinisum.training.card import CARD
from infinisum.training.trainer import save_model

FILES = {
    *("config.json", "generation_config.json", "model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", CARD),
}


@pytest.mark.parametrize("name", BUNDLED_MODELS)
def test_a_shipped_model_has_all_files_and_a_card(name: str) -> None:
    folder = find_model(name)
    assert {path.name for path in folder.iterdir()} >= FILES
    data = ModelCard.load(folder / CARD).data
    assert data.library_name == "infinisum"
    assert data.language == "en"
    assert data.license in ("apache-2.0", "other")
    assert data.license != "other" or data.license_name
    assert "infini-attention" in (data.tags or [])


def test_a_trained_model_is_laid_out_for_the_hub(tmp_path: Path, tiny_model: Path) -> None:
    loaded = load_model(tiny_model, "cpu", "float32")
    options = FinetuneOptions(data=(tmp_path,), output=tmp_path / "mine", model=tiny_model)
    save_model(loaded.model, options)
    assert {path.name for path in (tmp_path / "mine").iterdir()} == FILES
    card = ModelCard.load(tmp_path / "mine" / CARD)
    assert card.data.pipeline_tag == "summarization"
    assert card.data.tags == ["infini-attention", "long-context", "books", "delta_net"]
    assert card.data.license is None  # nobody but who trains it knows
    assert "trained further from `tiny`" in card.text

    (tmp_path / "mine" / CARD).write_text("My own words.", encoding="utf-8")
    save_model(loaded.model, replace(options, max_steps=3))
    assert (tmp_path / "mine" / CARD).read_text(encoding="utf-8") == "My own words."
