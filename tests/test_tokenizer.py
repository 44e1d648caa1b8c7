"""The vocabulary: nothing of a text is lost, and sentences can be joined."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infinisum.errors import InputError, NotFoundError
from infinisum.tokenizer import SPECIAL_TOKENS, Tokenizer, load_tokenizer, word_bucket
from infinisum.training.tokenizer_training import sample_texts, train_tokenizer

FOLDER = Path(__file__).parents[1] / "models" / "infinisum-base"
TOKENIZER = load_tokenizer(FOLDER)

# Characters that this Python's Unicode tables do not know may compose by newer ones.
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), max_size=60)
BOOKISH = st.text(st.sampled_from("aB é'’“”1.,;—-\n\t\r ▁<>/s中한\u0301\u200b"), max_size=60)
SENTENCE = BOOKISH.map(lambda text: " ".join(text.split())).filter(bool)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@settings(max_examples=400)
@given(st.one_of(ANY_TEXT, BOOKISH))
def test_every_text_comes_back(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == composed(text)
    assert all(53 < i < TOKENIZER.vocab_size or i in (52, 53) for i in ids)  # never a special one


@settings(max_examples=200)
@given(st.lists(SENTENCE, min_size=1, max_size=5))
def test_sentences_encoded_alone_join_to_a_paragraph(sentences: list[str]) -> None:
    joined = [i for ids in TOKENIZER.encode_batch(sentences) for i in ids]
    assert TOKENIZER.decode(joined) == " ".join(map(composed, sentences))


def test_a_batch_equals_single_texts() -> None:
    texts = ["One.", "", "“Two,” said she.\n\nThree.", "제4장"]
    assert TOKENIZER.encode_batch(texts) == [TOKENIZER.encode(text) for text in texts]


def test_paragraphs_and_verse_lines_have_tokens_of_their_own() -> None:
    ids = TOKENIZER.encode("Roses are red,\nViolets blue.\n\nThe end.")
    assert ids.count(TOKENIZER.line_id) == 1
    assert ids.count(TOKENIZER.paragraph_id) == 1


def test_a_word_has_the_same_tokens_wherever_it_stands() -> None:
    first, *rest = (
        TOKENIZER.encode("harbour"),
        TOKENIZER.encode("the harbour")[1:],
        TOKENIZER.encode("the\n\nharbour")[2:],
    )
    assert all(ids == first for ids in rest)


def test_digits_stand_alone() -> None:
    assert len(TOKENIZER.encode("1847")) == 4


@pytest.mark.parametrize("text", ["</s>", "a <pad> b", "<chapter>", "<extra_3>", "<0x41>"])
def test_special_tokens_written_in_a_book_are_text(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert not {TOKENIZER.token_id(name) for name in SPECIAL_TOKENS} & set(ids)
    assert TOKENIZER.decode(ids) == text


def test_special_ids_and_prompt() -> None:
    assert (TOKENIZER.pad_id, TOKENIZER.eos_id, TOKENIZER.bos_id) == (0, 1, 2)
    assert TOKENIZER.vocab_size == 16_384
    assert TOKENIZER.prompt("book", 1_214) == [
        TOKENIZER.bos_id,
        TOKENIZER.token_id("<book>"),
        TOKENIZER.token_id("<words:1200>"),
    ]
    text = TOKENIZER.encode("The end.")
    assert TOKENIZER.decode([*TOKENIZER.prompt("chapter", 50), *text, 1, 0, 0]) == "The end."


@pytest.mark.parametrize(
    ("words", "bucket"),
    [(0, 50), (1, 50), (70, 50), (71, 100), (340, 300), (350, 400), (9_999, 1_600)],
)
def test_lengths_go_to_the_nearest_bucket_by_ratio(words: int, bucket: int) -> None:
    assert word_bucket(words) == bucket


def test_transformers_gives_the_same_ids() -> None:
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast.from_pretrained(FOLDER)
    text = "“You’re late,” said Captain Ahlström; it was 7 o'clock.\n\nNobody spoke."
    assert theirs(text).input_ids == TOKENIZER.encode(text)
    assert theirs.decode(TOKENIZER.encode(text)) == text
    assert (theirs.pad_token_id, theirs.eos_token_id, theirs.bos_token_id) == (0, 1, 2)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"version": "1.0"}', "\x00\x01"])
def test_a_broken_file_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_bytes_that_are_not_text_are_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError):
        load_tokenizer(tmp_path)


def test_a_vocabulary_of_another_model_is_an_input_error() -> None:
    import tokenizers

    with pytest.raises(InputError, match="<pad>"):
        Tokenizer(tokenizers.Tokenizer(tokenizers.models.BPE()))


def test_training_makes_a_vocabulary_with_the_same_rules(tmp_path: Path) -> None:
    text = "The lamp on the pier went out, and the keeper climbed the stair again. " * 20
    rows = [
        {"text": text, "summary": "A keeper climbs a stair."},
        {"text": text, "summary": "The lamp goes out."},
        {"chapters": [{"text": "Chapter texts count too."}]},
        {"text": "Held back.", "split": "validation"},
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    texts = list(sample_texts([data], share=0.5, summary_weight=2))
    assert texts.count("A keeper climbs a stair.") == 2
    assert texts.count(text[: len(text) // 2]) == 1
    assert "Held back."[:5] not in texts

    train_tokenizer(texts, tmp_path / "model", vocab_size=700)
    trained = load_tokenizer(tmp_path / "model")
    assert trained.vocab_size <= 700
    assert trained.prompt("book", 1_214) == TOKENIZER.prompt("book", 1_214)
    assert trained.paragraph_id == TOKENIZER.paragraph_id
    assert trained.decode(trained.encode("漢字 </s> <0x41>\n\nlamp")) == "漢字 </s> <0x41>\n\nlamp"
