"""A donor's vocabulary comes along whole, with our tokens behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer as Backend

from infinisum.convert.donor import Donor
from infinisum.convert.tokens import Vocabulary, carry_vocabulary
from infinisum.errors import InputError
from infinisum.tokenizer import TASKS, WORD_BUCKETS, Tokenizer, load_tokenizer
from tests.convert.donors import make_donor, vocabulary
from tests.tiny_model import paragraph, small_book

TEXTS = (
    *("On day 3 Anna Brook waited.", "  The   rain; 1847!  ", "", "Ünïcødé ﬁne", "a\ttab"),
    *(paragraph(n) for n in range(6)),
)


def carried(folder: Path, spare_rows: int = 40, **changes: Any) -> tuple[Vocabulary, Tokenizer]:
    make_donor(folder, spare_rows=spare_rows, **changes)
    found = carry_vocabulary(Donor(folder, "donor"), 0)
    for name, content in found.files().items():
        (folder / name).write_text(content, encoding="utf-8")
    return found, load_tokenizer(folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vocabulary, Tokenizer]:
    return carried(tmp_path_factory.mktemp("donor") / "donor")


def test_a_text_gives_the_ids_it_gave_before(both: tuple[Vocabulary, Tokenizer]) -> None:
    donor, (_, ours) = Backend.from_str(vocabulary()), both
    for text in TEXTS:
        assert ours.encode(text) == donor.encode(text, add_special_tokens=False).ids
    assert ours.encode_batch(TEXTS) == [ours.encode(text) for text in TEXTS]


def test_new_tokens_stand_behind_the_donors(both: tuple[Vocabulary, Tokenizer]) -> None:
    known = Backend.from_str(vocabulary()).get_vocab_size()
    carried, ours = both
    assert sorted(carried.added) == list(range(known, ours.vocab_size))
    assert len(carried.added) == len(TASKS) + len(WORD_BUCKETS) + 4
    assert ours.prompt("book", 300) == [
        *(0, ours.token_id("<book>"), ours.token_id("<words:300>"))
    ]  # writing starts from <pad>, as the donor's does
    assert (ours.pad_id, ours.eos_id, ours.bos_id) == (0, 1, 0)
    first = [ours.token_id(f"<extra_id_{i}>") for i in range(32)]
    assert list(ours.sentinel_ids) == first
    assert all(id < known for id in first)


def test_lines_and_paragraphs_have_tokens(both: tuple[Vocabulary, Tokenizer]) -> None:
    _, ours = both
    text = "The rain had not stopped.\nLucy knew.\n\nThe key."
    ids = ours.encode(text)
    assert (ids.count(ours.line_id), ids.count(ours.paragraph_id)) == (1, 1)
    assert ours.decode(ids) == text


def test_sentences_encoded_alone_join(both: tuple[Vocabulary, Tokenizer]) -> None:
    _, ours = both
    sentences = ["The rain had not stopped.", "Lucy knew.", "The key."]
    joined = [id for ids in ours.encode_batch(sentences) for id in ids]
    assert ours.decode(joined) == " ".join(sentences)
    assert joined == ours.encode(" ".join(sentences))


@pytest.mark.parametrize("text", ["</s>", "a <pad> b", "<unk>", "<chapter>", "<extra_id_3>"])
def test_special_tokens_written_in_a_book_are_text(
    both: tuple[Vocabulary, Tokenizer], text: str
) -> None:
    _, ours = both
    special = {0, 1, ours.mask_id, ours.sep_id, *ours.sentinel_ids, ours.token_id("<chapter>")}
    assert not special & set(ours.encode(text))
    assert ours.decode(ours.encode(text)).replace(" ", "") == text.replace(" ", "")


def test_rows_of_new_tokens_are_means(both: tuple[Vocabulary, Tokenizer]) -> None:
    carried, ours = both
    rows = torch.randn(carried.donor_rows, 6, generator=torch.Generator().manual_seed(0))
    extended = carried.extend_rows(rows)
    assert extended.shape == (carried.rows, 6) == rows.shape  # there were spare ones
    known = min(carried.added)
    assert torch.equal(extended[:known], rows[:known])
    assert torch.equal(extended[ours.vocab_size :], rows[ours.vocab_size :])
    meaning = ours.encode("summarize the book:")
    torch.testing.assert_close(extended[ours.token_id("<book>")], rows[meaning].mean(0))
    torch.testing.assert_close(extended[ours.mask_id], rows[list(ours.sentinel_ids[:2])].mean(0))


def test_without_spare_rows_there_are_more(tmp_path: Path) -> None:
    found, ours = carried(tmp_path / "donor", spare_rows=0)
    rows = torch.randn(found.donor_rows, 4)
    assert found.extend_rows(rows).shape == (ours.vocab_size, 4)
    assert ours.vocab_size == found.rows == found.donor_rows + len(found.added)


def test_placeholders_of_our_own_where_there_are_none(tmp_path: Path) -> None:
    make_donor(tmp_path)
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    kept = [t for t in content["added_tokens"] if "extra_id" not in t["content"]]
    content["added_tokens"] = kept
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    found = carry_vocabulary(Donor(tmp_path, "donor"), 0)
    assert len(found.added) == len(TASKS) + len(WORD_BUCKETS) + 4 + 32
    assert Tokenizer(found.backend, roles=found.roles).sentinel_ids[0] in found.added


def test_transformers_gives_the_same_ids(
    both: tuple[Vocabulary, Tokenizer], tmp_path: Path
) -> None:
    from transformers import PreTrainedTokenizerFast

    found, ours = both
    for name, content in found.files().items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    theirs = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    for text in (*TEXTS, "One.\n\nTwo."):
        assert theirs(text, add_special_tokens=False).input_ids == ours.encode(text)
    assert (theirs.pad_token_id, theirs.eos_token_id, theirs.bos_token_id) == (0, 1, 0)


# SentencePiece's own file -------------------------------------------------------------------


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "bytes"])
def spiece(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `spiece.model` as T5's (plain) or mT5's (with bytes), made by SentencePiece."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("spiece")
    lines = [line.text for chapter in small_book(8).chapters for line in chapter.paragraphs]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / "spiece"),
        vocab_size=420 if request.param else 160,
        hard_vocab_limit=False,
        byte_fallback=request.param,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return folder


def test_spiece_gives_what_sentencepiece_gives(spiece: Path, tmp_path: Path) -> None:
    import sentencepiece

    theirs = sentencepiece.SentencePieceProcessor(model_file=str(spiece / "spiece.model"))
    make_donor(tmp_path, vocab_size=theirs.vocab_size() + 128)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "spiece.model").write_bytes((spiece / "spiece.model").read_bytes())
    ours = carry_vocabulary(Donor(tmp_path, "donor"), 0)
    texts = (*TEXTS, "Das Café — ½ ①", "中文 words")
    for text in texts:
        assert ours.backend.encode(text, add_special_tokens=False).ids == theirs.encode(text)
    for ids in map(theirs.encode, texts):
        if theirs.unk_id() not in ids:  # which SentencePiece writes as a question mark
            assert ours.backend.decode(ids) == theirs.decode(ids)
    assert ours.backend.token_to_id("<extra_id_0>") == theirs.vocab_size() + 99
    assert ours.backend.token_to_id("<extra_id_99>") == theirs.vocab_size()
    assert min(ours.added) == theirs.vocab_size() + 100


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff\xff", b"no model at all"])
def test_a_damaged_spiece(tmp_path: Path, content: bytes) -> None:
    make_donor(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(InputError, match=r"spiece\.model"):
        carry_vocabulary(Donor(tmp_path, "donor"), 0)
