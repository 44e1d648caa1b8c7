"""Decoders of others with their vocabularies, converted as a user would, and used."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedModel

from infinisum.config import ConvertOptions, SummarizeOptions
from infinisum.convert.conversion import convert
from infinisum.errors import InputError, UsageError
from infinisum.loading import LoadedModel, load_model
from infinisum.pipeline import summarize
from tests.model.causal.donors import donor
from tests.model.helpers import close
from tests.tiny_model import small_book

SPECIAL = ["<unk>", "<|begin|>", "<|end|>"]
WORDS = Regex(r"\s?[^\s\p{L}\p{N}]+|\s?\p{L}+|\p{N}{1,3}|\s+")


@cache
def vocabulary(kind: str) -> str:
    """tokenizer.json as Llama 3 and Qwen have it ("bytes"), or Llama 2 ("pieces")."""
    texts = [p.text for chapter in small_book(8).chapters for p in chapter.paragraphs]
    if kind == "bytes":
        backend = Tokenizer(models.BPE())
        backend.normalizer = normalizers.NFC()
        parts = [
            pre_tokenizers.Split(WORDS, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
        backend.pre_tokenizer = pre_tokenizers.Sequence(parts)
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
        backend.train_from_iterator(texts, trainer)
        backend.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL[1:]])
        return str(backend.to_str())
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    special = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = BpeTrainer(vocab_size=520, special_tokens=special, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.pre_tokenizer = None
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    content = json.loads(backend.to_str())  # bytes are pieces like others, nothing special
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] in SPECIAL]
    return json.dumps(content)


def make(folder: Path, family: str, kind: str, **changes: Any) -> PreTrainedModel:
    """A donor's folder."""
    backend = Tokenizer.from_str(vocabulary(kind))
    theirs = donor(
        family,
        vocab_size=backend.get_vocab_size() + 5,
        pad_token_id=None,
        bos_token_id=backend.token_to_id("<|begin|>"),
        eos_token_id=[backend.token_to_id("<|end|>")],
        **changes,
    )
    theirs.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(vocabulary(kind), encoding="utf-8")
    return theirs


CASES = [("llama", "pieces"), ("llama3", "bytes"), ("qwen2-tied-mqa", "bytes"), ("qwen3", "bytes")]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: " ".join(case))
def converted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PreTrainedModel, LoadedModel]:
    folder = tmp_path_factory.mktemp("donor")
    theirs = make(folder / "theirs", *request.param)
    found = convert(ConvertOptions(str(folder / "theirs"), folder / "ours", segment_length=48))
    assert found.decoder_alone and not found.left_out
    assert any("marks no key sentences" in note for note in found.notes)
    return theirs, load_model(folder / "ours", "cpu", "float32")


def test_one_segment_equals_the_donor(converted: tuple[PreTrainedModel, LoadedModel]) -> None:
    theirs, ours = converted
    ids = torch.randint(3, 300, (2, 40), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = theirs(ids).logits
        found = ours.model(input_ids=ids).logits  # type: ignore[operator]
    known = Tokenizer.from_str(ours.tokenizer._backend.to_str()).token_to_id("<chapter>")
    close(found[..., :known], expected[..., :known], 1e-5)
    how = {"max_new_tokens": 10, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    assert ours.model.generate(ids, **how).tolist() == theirs.generate(ids, **how).tolist()


def test_sentences_stand_apart_and_lines_stay(
    converted: tuple[PreTrainedModel, LoadedModel],
) -> None:
    tokenizer = converted[1].tokenizer
    one, other = tokenizer.encode_batch(["The quay was wet.", "Anna Brook hid the key."])
    assert tokenizer.decode([*one, *other]) == "The quay was wet. Anna Brook hid the key."
    assert tokenizer.encode("The quay was wet. Anna Brook hid the key.") == [*one, *other]
    verse = "So it was,\nand so it is.\n\n“Ünder” 3,141 ✓"
    assert tokenizer.decode(tokenizer.encode(verse)) == verse
    assert tokenizer.encode("<|end|>") != [tokenizer.eos_id]


def test_a_book_is_summarised(converted: tuple[PreTrainedModel, LoadedModel]) -> None:
    summary = summarize(small_book(2), converted[1], SummarizeOptions(words=20))
    assert summary.making.method == "abstractive" and summary.making.drafts_written == 3
    assert summary.source_tokens > 48


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("llama", {"mlp_bias": True}, "mlp_bias"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
            "rope_type 'dynamic'",
        ),
        ("mistral", {"sliding_window": 20}, "longer than what this mistral attends to"),
    ],
)
def test_what_has_no_place_is_refused_by_name(
    tmp_path: Path, family: str, changes: dict[str, Any], said: str
) -> None:
    make(tmp_path / "theirs", family, "pieces", **changes)
    with pytest.raises(InputError, match=said):
        convert(ConvertOptions(str(tmp_path / "theirs"), tmp_path / "ours", segment_length=48))
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("asked", ["window_segments", "reservoir_length"])
def test_what_only_an_encoder_has_is_refused(tmp_path: Path, asked: str) -> None:
    make(tmp_path / "theirs", "llama", "pieces")
    asks: dict[str, Any] = {asked: 2}
    with pytest.raises(UsageError, match=f"--{asked.replace('_', '-')}.*decoder alone") as raised:
        convert(ConvertOptions(str(tmp_path / "theirs"), tmp_path / "ours", **asks))
    assert raised.value.exit_status == 2
    assert not (tmp_path / "ours").exists()


def test_a_config_that_names_no_end_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "theirs", "llama", "pieces")
    path = tmp_path / "theirs" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": None}))
    with pytest.raises(InputError, match="names no eos_token_id"):
        convert(ConvertOptions(str(tmp_path / "theirs"), tmp_path / "ours"))
