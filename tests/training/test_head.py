"""`finetune --train head`: it learns what labels say, and touches nothing but the head."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from infinisum.config import FinetuneOptions
from infinisum.errors import NotFoundError, UsageError
from infinisum.loading import load_model
from infinisum.training.datasets import VECTOR_SIZE
from infinisum.training.head import labelled_texts, read_sentences
from infinisum.training.labels import split_paragraphs
from infinisum.training.shards import ShardDataset
from infinisum.training.trainer import finetune
from tests.tiny_model import small_book


def teacher(sentence: str) -> np.ndarray:
    """A vector that says whether there is rain, speech or neither."""
    kind = 0 if "rain" in sentence else 1 if "“" in sentence else 2
    vector = np.full(VECTOR_SIZE, 0.01, dtype=np.float32)
    vector[kind * 100 : kind * 100 + 50] = 1.0
    return vector / np.linalg.norm(vector)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chapters whose sentences about a letter matter and those about rain do not."""
    folder = tmp_path_factory.mktemp("labels")
    lines, vectors = [], []
    for number, chapter in enumerate(small_book(chapters=16, paragraphs=8).chapters):
        sentences, paragraph_of = split_paragraphs(chapter.text)
        labels = [1.0 if "letter" in s else 0.1 if "rain" in s else 0.5 for s in sentences]
        row = {"id": f"l{number}", "sentences": sentences, "paragraph_of": paragraph_of}
        lines.append(json.dumps({**row, "labels": labels, "first": len(vectors)}))
        vectors += [teacher(sentence) for sentence in sentences]
    (folder / "chapters.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "embeddings.f16").write_bytes(np.array(vectors, dtype=np.float16).tobytes())
    return folder


def fit(tiny_model: Path, data: Path, output: Path, seed: int = 0) -> list[str]:
    said: list[str] = []
    options = FinetuneOptions(
        data=(data,),
        output=output,
        model=tiny_model,
        train="head",
        seed=seed,
        device="cpu",
        dtype="float32",
    )
    finetune(options, said.append)
    return said


def test_it_learns_and_changes_the_head_alone(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    said = fit(tiny_model, data, tmp_path)
    passes = [float(line.split()[-1]) for line in said if line.startswith("word vectors")]
    assert passes[-1] < passes[0]
    before = load_model(tiny_model, "cpu", "float32").model.state_dict()
    after = load_model(tmp_path, "cpu", "float32")
    for name, value in after.model.state_dict().items():
        if not name.startswith("salience."):
            assert torch.equal(value, before[name]), name
    (shards,) = (path for path in (tmp_path / "shards").iterdir() if path.is_dir())
    seen = read_sentences(after.model, ShardDataset(shards), after.tokenizer.pad_id, 4)
    assert torch.allclose(after.model.salience.feature_mean, seen.looks.mean(0), atol=1e-5)
    from infinisum.training.head import _inputs

    with torch.no_grad():
        head = after.model.salience
        scores = head.score(torch.nn.functional.silu(head.hidden(_inputs(head, seen).float())))
    order = torch.corrcoef(torch.stack([scores.squeeze(1), seen.targets]))[0, 1]
    assert order > 0.5


def test_the_rest_is_written_in_the_numbers_it_was_read_in(
    tiny_model: Path, data: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    shutil.copytree(tiny_model, start)
    load_model(tiny_model, "cpu", "float32").model.bfloat16().save_pretrained(start)
    fit(start, data, tmp_path / "fitted")
    before, after = (load_file(tmp_path / n / "model.safetensors") for n in ("start", "fitted"))
    assert {tensor.dtype for tensor in after.values()} == {torch.bfloat16}
    assert after.keys() == before.keys()
    for name, value in after.items():
        if not name.startswith("salience."):
            assert torch.equal(value, before[name]), name


def test_the_seed_gives_the_same_head(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        fit(tiny_model, data, tmp_path / name, seed)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_states_are_what_reading_gives(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    """Sentences as the fit sees them score as the network scores them when it reads."""
    fit(tiny_model, data, tmp_path)
    loaded = load_model(tmp_path, "cpu", "float32")
    (folder,) = (path for path in (tmp_path / "shards").iterdir() if path.is_dir())
    shards = ShardDataset(folder)
    seen = read_sentences(loaded.model, shards, loaded.tokenizer.pad_id, 4)
    from infinisum.blocks import make_block
    from infinisum.training.head import _inputs

    example = next(labelled_texts(shards))
    segments = example.segments[:4]
    size = loaded.model.config.segment_length
    block = make_block([(segments, example.sentences)], size, loaded.tokenizer.pad_id)
    with torch.no_grad():
        head = loaded.model.salience
        ours = head.score(torch.nn.functional.silu(head.hidden(_inputs(head, seen).float())))
        output, _ = loaded.model.read_block(
            block.input_ids,
            block.mask,
            loaded.model.initial_state(1),
            block.sentence_ids,
            block.features,
        )
    assert output.salience is not None
    theirs = torch.cat([output.salience[0, s, : len(g.spans)] for s, g in enumerate(segments)])
    assert torch.allclose(ours[: len(theirs), 0], theirs, atol=5e-3)


def test_data_without_labels_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    text = small_book().chapters[0].text
    rows.write_text(json.dumps({"text": text, "summary": "Rain."}) + "\n", encoding="utf-8")
    with pytest.raises(NotFoundError, match="labels"):
        fit(tiny_model, rows, tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_what_to_train_is_checked() -> None:
    with pytest.raises(UsageError, match="--train"):
        FinetuneOptions((Path("x"),), Path("y"), train="tail")  # type: ignore[arg-type]
