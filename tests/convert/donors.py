"""Donors for tests: tiny models of `transformers` with random weights, and a small vocabulary."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import torch
from transformers import (
    LongT5Config,
    LongT5ForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from tests.tiny_model import small_book

SENTINELS = 40  # more than we use
CLASSES: dict[str, tuple[Any, Any]] = {
    "t5": (T5Config, T5ForConditionalGeneration),
    "mt5": (MT5Config, MT5ForConditionalGeneration),
    "umt5": (UMT5Config, UMT5ForConditionalGeneration),
    "longt5": (LongT5Config, LongT5ForConditionalGeneration),
}
SIZES = {
    "d_model": 12,
    "d_kv": 5,  # odd
    "d_ff": 14,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 3,
    "relative_attention_num_buckets": 16,
    "relative_attention_max_distance": 30,
    "dropout_rate": 0.0,
    "decoder_start_token_id": 0,
}


def make_donor(
    folder: Path, kind: str = "t5", *, untied: bool = False, spare_rows: int = 40, **changes: Any
) -> PreTrainedModel:
    """Write a donor's folder; returns its model in float32.

    Args:
        folder: made if missing.
        kind: one of `CLASSES`.
        untied: an output matrix of its own, and no scaling, as T5 v1.1 has it.
        spare_rows: of the embeddings, behind the vocabulary.
        changes: of its config.
    """
    from tokenizers import Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(vocabulary(), encoding="utf-8")
    rows = Tokenizer.from_str(vocabulary()).get_vocab_size() + spare_rows
    config_class, model_class = CLASSES[kind]
    scaled = {"tie_word_embeddings": not untied}
    config = config_class(**{**SIZES, "vocab_size": rows, **scaled, **changes})
    rows = config.vocab_size
    model: PreTrainedModel = model_class(config).eval()
    if untied:
        model.lm_head.weight = torch.nn.Parameter(torch.empty(rows, config.d_model))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder)
    path = folder / "config.json"  # as the hub's have it; newer versions write something else
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop("scale_decoder_outputs", None)
    path.write_text(json.dumps({**content, **scaled}), encoding="utf-8")
    return model


@cache
def vocabulary() -> str:
    """A unigram vocabulary built as T5's is, trained on a text of our own; tokenizer.json."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import UnigramTrainer

    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    spaces: dict[str, Any] = {"replacement": "▁", "prepend_scheme": "always"}
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(**spaces)]
    )
    backend.decoder = decoders.Metaspace(**spaces)
    special = ["<pad>", "</s>", "<unk>"]
    sentinels = [f"<extra_id_{i}>" for i in reversed(range(SENTINELS))]
    trainer = UnigramTrainer(
        vocab_size=260,
        special_tokens=special,
        unk_token="<unk>",
        initial_alphabet=list(ascii_letters + digits + "</>_,.;:"),
        show_progress=False,
    )
    backend.train_from_iterator([chapter.text for chapter in small_book(8).chapters], trainer)
    backend.add_special_tokens([AddedToken(name, special=True) for name in sentinels])
    backend.post_processor = TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return str(backend.to_str())
