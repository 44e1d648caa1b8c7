"""A model folder for tests: random weights, a small vocabulary, made in seconds."""

from __future__ import annotations

import json
from pathlib import Path

from infinisum.books.book import Book, Chapter, Paragraph

PLACES = ("quay", "tower", "kitchen", "market", "harbour", "chapel", "mill", "bridge")
PEOPLE = ("Anna Brook", "Captain Hale", "Mr. Penrose", "Lucy", "old Tobias")
DEEDS = ("counted the boats", "waited for a letter", "hid the key", "kept a promise")


def paragraph(number: int) -> str:
    """A paragraph of three sentences, different for every number."""
    who, other = PEOPLE[number % 5], PEOPLE[(number + 2) % 5]
    place, deed = PLACES[number % 8], DEEDS[number % 4]
    return (
        f"On day {number + 2} {who} {deed} near the {place}. "
        f"The rain had not stopped, and {other} knew nothing of it. "
        f"“We shall go to the {PLACES[(number * 3 + 1) % 8]} tomorrow,” said {who}."
    )


def small_book(chapters: int = 4, paragraphs: int = 6) -> Book:
    """A book of our own with numbered, different paragraphs."""
    return Book(
        title="The Small Harbour",
        author="A. Tester",
        language="en",
        format="text",
        source="harbour.txt",
        chapters=tuple(
            Chapter(
                title=f"The {PLACES[index % 8].title()}",
                paragraphs=tuple(
                    Paragraph(paragraph(index * paragraphs + n), page=index + 1)
                    for n in range(paragraphs)
                ),
                parts=("Part One",) if index < 2 else ("Part Two",),
            )
            for index in range(chapters)
        ),
    )


def book_file(path: Path, chapters: int = 4, paragraphs: int = 6) -> Path:
    """The same book as an HTML file."""
    book = small_book(chapters, paragraphs)
    body = "".join(
        f"<h2>Chapter {number}: {chapter.title}</h2>"
        + "".join(f"<p>{paragraph.text}</p>" for paragraph in chapter.paragraphs)
        for number, chapter in enumerate(book.chapters, start=1)
    )
    title = f"<title>{book.title}</title>"
    path.write_text(
        f"<!DOCTYPE html><html><head>{title}</head><body>{body}</body></html>", encoding="utf-8"
    )
    return path


def make_tiny_model(folder: Path, *, writes_well: bool) -> Path:
    """A loadable model folder of the preset "tiny"."""
    import torch

    from infinisum.features import FEATURE_NAMES
    from infinisum.model.config import InfinisumConfig
    from infinisum.model.modeling import InfinisumForConditionalGeneration
    from infinisum.model.presets import PRESETS
    from infinisum.tokenizer import load_tokenizer
    from infinisum.training.tokenizer_training import train_tokenizer

    train_tokenizer([small_book(12).chapters[n].text for n in range(12)], folder, vocab_size=1_024)
    vocabulary = load_tokenizer(folder)
    torch.manual_seed(1)
    config = InfinisumConfig(
        **PRESETS["tiny"],
        vocab_size=vocabulary.vocab_size,
        sentence_features=len(FEATURE_NAMES),
        pad_token_id=vocabulary.pad_id,
        eos_token_id=vocabulary.eos_id,
        bos_token_id=vocabulary.bos_id,
        decoder_start_token_id=vocabulary.bos_id,
    )
    InfinisumForConditionalGeneration(config).save_pretrained(folder)
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content |= {"infinisum_version": "0.0.1", "writes_well": writes_well}
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def make_tiny_decoder(folder: Path) -> Path:
    """A loadable folder with a decoder alone, with grouped queries and random weights."""
    import torch

    from infinisum.model.causal.config import InfinisumCausalConfig
    from infinisum.model.causal.modeling import InfinisumForCausalLM
    from infinisum.tokenizer import load_tokenizer
    from infinisum.training.tokenizer_training import train_tokenizer

    train_tokenizer([small_book(12).chapters[n].text for n in range(12)], folder, vocab_size=1_024)
    vocabulary = load_tokenizer(folder)
    torch.manual_seed(1)
    config = InfinisumCausalConfig(
        vocab_size=vocabulary.vocab_size,
        d_model=64,
        d_kv=16,
        num_heads=4,
        num_kv_heads=2,
        num_layers=2,
        d_ff=96,
        segment_length=64,
        max_position_embeddings=512,
        qkv_bias=True,
        initializer_range=0.3,  # so that different texts give different summaries
        pad_token_id=vocabulary.pad_id,
        eos_token_id=vocabulary.eos_id,
        bos_token_id=vocabulary.bos_id,
        infinisum_version="0.0.1",
    )
    InfinisumForCausalLM(config).save_pretrained(folder)
    return folder
