from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infinisum.features import FEATURE_NAMES, sentence_features

CHAPTER = [
    "Old Marta Quill had kept the light at Sandry for thirty years.",
    "She trimmed the lamp, and she wrote the tide in her ledger.",
    "“Who moved the ledger?” asked Marta.",
    "“Not I.",
    "I was asleep,” said Tobin.",
    "But the ledger had 12 pages torn out!",
    "Everyone on the quay knew Tobin and Marta.",
]
PARAGRAPHS = [0, 0, 1, 2, 2, 3, 3]


def features(sentences: list[str], paragraphs: list[int] | None = None) -> list[dict[str, float]]:
    rows = sentence_features(sentences, paragraphs or [0] * len(sentences))
    return [dict(zip(FEATURE_NAMES, row, strict=True)) for row in rows]


def test_every_name_has_its_value() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    for row in sentence_features(CHAPTER, PARAGRAPHS):
        assert len(row) == len(FEATURE_NAMES)


def test_place_in_chapter_and_paragraph() -> None:
    rows = features(CHAPTER, PARAGRAPHS)
    assert [row["place"] for row in rows] == pytest.approx([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1])
    assert rows[0]["near_start"] == rows[-1]["near_end"] == 1.0
    assert [row["paragraph_first"] for row in rows] == [1, 0, 1, 1, 0, 1, 0]
    assert [row["paragraph_last"] for row in rows] == [0, 1, 1, 0, 1, 0, 1]
    assert rows[3]["paragraph_length"] == pytest.approx(math.log(2) - 1)


def test_names_are_capitals_inside_sentences() -> None:
    rows = features(CHAPTER, PARAGRAPHS)
    # Marta, Quill and Sandry; "Old" and "She" only open a sentence.
    assert rows[0]["names"] == pytest.approx(math.log(4))
    assert rows[1]["names"] == 0.0
    # Tobin and Marta are named more often than Quill and Sandry.
    assert rows[6]["name_weight"] > 2 / 3 * rows[0]["name_weight"] > 0


def test_a_quotation_runs_over_sentences_of_a_paragraph() -> None:
    quoted = [row["quoted"] for row in features(CHAPTER, PARAGRAPHS)]
    assert quoted[0] == quoted[1] == quoted[5] == quoted[6] == 0.0
    assert quoted[2] == pytest.approx(len("“Who moved the ledger?”") / len(CHAPTER[2]))
    assert quoted[3] == 1.0
    assert quoted[4] == pytest.approx(len("I was asleep,”") / len(CHAPTER[4]))


@pytest.mark.parametrize(
    ("sentence", "inside"),
    [
        ("'Come in,' said the keeper's wife.", "'Come in,'"),
        ("‘It’s late,’ said he.", "‘It’s late,’"),
        ('"Late," he said, "and dark."', '"Late,""and dark."'),
        ("'Twas late, and the boys' boat was gone.", ""),
        ("«Il est tard», dit-elle.", "«Il est tard»"),
        ("「遅い」と彼は言った。", "「遅い」"),
    ],
)
def test_quotation_marks_of_many_kinds(sentence: str, inside: str) -> None:
    assert features([sentence])[0]["quoted"] == pytest.approx(len(inside) / len(sentence))


def test_manner() -> None:
    rows = features(CHAPTER, PARAGRAPHS)
    assert [row["opens_with_pronoun"] for row in rows] == [0, 1, 0, 0, 1, 0, 0]
    assert [row["opens_with_connective"] for row in rows] == [0, 0, 0, 0, 0, 1, 0]
    assert [row["digits"] for row in rows] == [0, 0, 0, 0, 0, 1, 0]
    assert [row["question_or_exclamation"] for row in rows] == [0, 0, 1, 0, 0, 1, 0]
    assert rows[1]["third_person"] == pytest.approx(5 * 3 / 12)
    assert rows[4]["first_second_person"] == pytest.approx(5 * 1 / 5)


def test_novelty_and_rarity_are_counted_in_the_chapter() -> None:
    rows = features(["The lamp burned.", "The lamp burned.", "The lamp failed."])
    assert [row["novelty"] for row in rows] == pytest.approx([1.0, 0.0, 0.5])
    assert [row["rarity"] for row in rows] == pytest.approx([0.0, 0.0, 0.5])
    assert rows[0]["frequency"] > rows[2]["frequency"] > 0


def test_nothing_outside_the_chapter_counts() -> None:
    alone = sentence_features(CHAPTER, PARAGRAPHS)
    shifted = sentence_features(CHAPTER, [paragraph + 40 for paragraph in PARAGRAPHS])
    assert alone == shifted


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 sentences but 1 paragraph"):
        sentence_features(["One.", "Two."], [0])
    assert sentence_features([], []) == []


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_text_gives_values_in_range(sentences: list[str]) -> None:
    for row in sentence_features(sentences, list(range(len(sentences)))):
        assert all(-6.0 <= value <= 3.0 for value in row)
