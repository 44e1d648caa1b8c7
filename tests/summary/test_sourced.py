"""Writing keeps to the names and numbers of the book; `grounding`, by other ways, agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infinisum.books.reader import read_book
from infinisum.books.sentences import split_sentences
from infinisum.config import DecodingOptions
from infinisum.engine import Engine
from infinisum.loading import LoadedModel, load_model
from infinisum.segments import book_segments
from infinisum.summary.generate import write_summaries
from infinisum.summary.grounding import BookWords, supported
from infinisum.summary.sourced import SourcedNames, Spellings
from infinisum.tokenizer import Tokenizer, load_tokenizer, plain_typography
from tests.tiny_model import small_book

ROOT = Path(__file__).parents[2]
BOOK = """On the ninth of May Captain Hale sailed with twenty-two men and 1,200 barrels to Rostóv.
“Meanwhile,” said ANNA BROOK, “nobody knows.” The storm took Hale’s boat, and seven men."""


def words_of(*texts: str) -> BookWords:
    words = BookWords()
    for text in texts:
        words.add(text)
    return words


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(ROOT / "models" / "infinisum-base")


def refused(processor: SourcedNames, tokenizer: Tokenizer, text: str) -> str:
    """What of a text can be written, token by token, when the model wants nothing else."""
    ids = tokenizer.encode(text)
    for at, token in enumerate(ids):
        wanted = torch.zeros(1, tokenizer.vocab_size)
        wanted[0, token] = 1
        before = torch.tensor([[tokenizer.bos_id, *ids[:at]]])
        if torch.isneginf(processor(before, wanted)[0, token]):
            return tokenizer.decode(ids[:at])
    return text


def test_all_that_the_book_says_can_be_written(tokenizer: Tokenizer) -> None:
    book = read_book(ROOT / "data" / "the-tide-ledger.epub")
    texts = [paragraph.text for chapter in book.chapters for paragraph in chapter.paragraphs]
    processor = SourcedNames(tokenizer, words_of(*texts))
    sentences = [s for text in texts[:150:3] for s in split_sentences(plain_typography(text))]
    assert len(sentences) > 100
    for sentence in sentences:
        assert refused(processor, tokenizer, sentence) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "Meanwhile Captain Hale sailed to Rostóv with Anna Brook's seven men.",
        "However, nobody knows.",  # an opener the book does not have
        "Storm after storm took Hale.",  # small in the book, first in a sentence
        "Mr. Hale had 22 men, twenty-two of them, in May.",
        "He had 1200 barrels and no one else. I know.",
    ],
)
def test_what_the_book_knows(tokenizer: Tokenizer, text: str) -> None:
    processor = SourcedNames(tokenizer, words_of(BOOK, "Mr. Hale"))
    assert refused(processor, tokenizer, text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("They met Harry Potter.", "They met"),
        ("They met Halewood.", "They met"),
        ("Voldemort took the boat.", ""),
        ("They met Storm there.", "They met"),  # no name in the book
        ("The 13 men left.", "The 1"),  # 1200 begins like it
        ("The 12 men left.", "The 12"),  # so does this, but it may not end there
        ("There were thirteen men.", "There were"),
        ("There were ten men.", "There were"),
        ("The 1200th of 1201 barrels", "The 1200th of 120"),
    ],
)
def test_what_it_does_not(tokenizer: Tokenizer, text: str, written: str) -> None:
    processor = SourcedNames(tokenizer, words_of(BOOK))
    got = refused(processor, tokenizer, text)
    assert got != text
    assert got.startswith(written)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_model_wants_grounding_finds_no_name_missing(
    tokenizer: Tokenizer, seed: int
) -> None:
    words = words_of(BOOK, small_book(6).chapters[0].text)
    processor = SourcedNames(tokenizer, words)
    torch.manual_seed(seed)
    free = kept = torch.full((4, 1), tokenizer.bos_id)
    for _ in range(60):
        logits = torch.randn(4, tokenizer.vocab_size)
        free = torch.cat([free, drawn(logits)], dim=1)
        kept = torch.cat([kept, drawn(processor(kept, logits))], dim=1)
    counts = [
        [supported(tokenizer.decode(row.tolist()), words) for row in rows] for rows in (free, kept)
    ]
    names, found, numbers, numbers_found = (sum(column) for column in zip(*counts[1], strict=True))
    assert (names, numbers) == (found, numbers_found)
    names, found, *_ = (sum(column) for column in zip(*counts[0], strict=True))
    assert found < names / 2  # without it most are unknown


def drawn(logits: torch.Tensor) -> torch.Tensor:
    return torch.distributions.Categorical(logits=logits).sample()[:, None]


def test_rows_do_not_reach_each_other_and_scores_are_not_changed(tokenizer: Tokenizer) -> None:
    processor = SourcedNames(tokenizer, words_of(BOOK))
    rows = [tokenizer.encode(text) for text in ("They met Ha", "They met him. The ", "and an")]
    width = min(map(len, rows))
    ids = torch.tensor([row[:width] for row in rows])
    logits = torch.randn(3, tokenizer.vocab_size, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    together = processor(ids, logits)
    assert torch.equal(logits, before)
    for row in range(3):
        assert torch.equal(processor(ids[row : row + 1], logits[row : row + 1])[0], together[row])
    left = ~torch.isneginf(together)
    assert torch.equal(together[left], logits[left])


def test_where_no_token_would_be_left_all_are(tokenizer: Tokenizer) -> None:
    processor = SourcedNames(tokenizer, words_of(BOOK))
    ids = torch.tensor([tokenizer.encode("They met Harry")])  # had it been written none the less
    ids = torch.cat([ids, torch.tensor([tokenizer.encode("zx")])[:, -1:]], dim=1)
    logits = torch.full((1, tokenizer.vocab_size), -torch.inf)
    logits[0, tokenizer.encode("Voldemort")[0]] = 0.0
    assert torch.equal(processor(ids, logits), logits)


def test_letters_beyond_ascii_may_come_in_bytes() -> None:
    spellings = Spellings(words_of(BOOK))
    assert spellings.may_continue_beyond_ascii("Rost", starts=False)
    assert not spellings.may_continue_beyond_ascii("Hal", starts=False)


def test_summaries_keep_to_the_words_they_are_given(writing_model: Path) -> None:
    loaded: LoadedModel = load_model(writing_model, "cpu", "float32")
    book = small_book(chapters=2, paragraphs=10)
    segments = book_segments(book, loaded.tokenizer, loaded.model.config.segment_length)
    contexts = [reading.context for reading in Engine(loaded.model).read(segments)]
    words = words_of("nobody was there")  # and none of the people this vocabulary was made of
    decoding = DecodingOptions(temperature=1.0)

    def unknown(known: BookWords | None) -> int:
        arguments = (loaded.model, loaded.tokenizer, contexts, "chapter", 150, decoding, known)
        counts = [supported(draft.text, words) for draft in write_summaries(*arguments)]
        return sum(c[0] + c[2] - c[1] - c[3] for c in counts)

    # Random weights write single bytes, and what is no letter yet may become one.
    assert unknown(None) > 20
    assert unknown(words) <= 1
