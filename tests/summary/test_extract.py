from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infinisum.summary.extract import select, stands_alone

PLACES = ["harbour", "quay", "tower", "chapel", "market", "island", "bridge", "orchard"]


def sentence(number: int) -> str:
    """Ten words, no two sentences alike."""
    place, other = PLACES[number % 8], PLACES[number // 8 % 8]
    words = ["Marta", "walked", "from", place, "to", other, "with", "Tobin", "after", "dark"]
    return " ".join(f"{word}{number}" for word in words) + "."


TEXT = [sentence(number) for number in range(40)]


def test_highest_scores_in_the_order_of_the_text() -> None:
    scores = [0.0] * 40
    for index, score in ((31, 0.9), (4, 0.8), (17, 0.7)):
        scores[index] = score
    assert select(TEXT, scores, 30, parts=1) == [4, 17, 31]


def test_equal_scores_go_to_the_earlier() -> None:
    assert select(TEXT, [0.5] * 40, 20, parts=1) == [0, 1]


def test_parts_share_the_words_evenly() -> None:
    scores = [float(index < 10) for index in range(40)]  # only the first quarter scores
    assert all(index < 10 for index in select(TEXT, scores, 40, parts=1))
    spread = select(TEXT, scores, 40, parts=4)
    assert [index // 10 for index in spread] == [0, 1, 2, 3]


def test_one_part_for_every_hundred_words() -> None:
    scores = [float(index < 30) - index / 100 for index in range(40)]
    assert select(TEXT, scores, 100) == select(TEXT, scores, 100, parts=1)
    assert select(TEXT, scores, 200) == select(TEXT, scores, 200, parts=2)


def test_what_a_part_cannot_use_goes_to_the_next() -> None:
    text = ["No."] * 20 + TEXT[:10]  # the first part has nothing to quote
    chosen = select(text, [1.0] * 30, 40, parts=2)
    assert len(chosen) == 4
    assert min(chosen) >= 20


@pytest.mark.parametrize("words", [10, 55, 120, 250])
def test_length_is_met_to_half_a_sentence(words: int) -> None:
    chosen = select(TEXT, [index % 7 for index in range(40)], words)
    assert abs(sum(len(TEXT[index].split()) for index in chosen) - words) <= 5


def test_near_repetitions_are_passed_over() -> None:
    text = [
        "The keeper found the ledger open on the table at dawn.",
        "At dawn the keeper found the ledger open on the table again.",
        "Nobody in Sandry had seen a ship pass since Sunday.",
    ]
    assert select(text, [0.9, 0.8, 0.1], 22, parts=1) == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "Old Marta Quill had kept the light at Sandry for thirty years.",
        "Marta asked in a low voice, “Who moved the ledger?”, and got no answer.",
        "I had never seen the harbour so empty before that day.",
        "В тот день Марта Квилл впервые не зажгла маяк на острове.",
        "灯台守のマルタは三十年のあいだ毎晩かならず灯をともし続けた。",
    ],
)
def test_what_stands_alone(text: str) -> None:
    assert stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "— — —",
        "He was gone.",  # too short
        "word " * 61 + "end.",  # too long
        "She gave it to him before the boat went out again.",  # who, what, whom?
        "She gave the ledger to Tobin Marsh before the boat went out.",  # who?
        "“Who moved the ledger from the table?” asked Marta in a low voice.",  # to whom, of what?
        "Marta said, “Who moved the ledger from the table in my room?",  # quotation never closed
        'The lamp went out," said Marta to the boy at the door.',
        "and then the ledger was gone from the table by the lamp.",  # starts inside
        "There were three things that Marta wanted from the boy that night:",
        "THE LIGHT AT SANDRY AND WHAT BECAME OF IT",
        "Chapter XII: in which the ledger comes back to the tower.",
        "The Light at Sandry and Other Tales",  # a title has no stop
    ],
)
def test_what_does_not(text: str) -> None:
    assert not stands_alone(text)


def test_a_text_without_candidates_still_gives_an_extract() -> None:
    assert select(["He went.", "She came.", "It rained."], [0.1, 0.9, 0.5], 2) == [1]
    assert select(["The end of it all."], [0.0], 1000) == [0]
    assert select([], [], 100) == []


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="1 sentences but 2 scores"):
        select(["One."], [0.1, 0.2], 10)


@given(
    st.lists(st.tuples(st.text(max_size=80), st.floats(0, 1)), max_size=20),
    st.integers(1, 300),
    st.integers(1, 9),
)
def test_any_text_gives_indices_in_order(
    rows: list[tuple[str, float]], words: int, parts: int
) -> None:
    chosen = select([text for text, _ in rows], [score for _, score in rows], words, parts=parts)
    assert chosen == sorted(set(chosen))
    assert all(rows[index][0].strip() for index in chosen)
    assert bool(chosen) == any(text.strip() for text, _ in rows)


def test_the_ending_has_words_to_itself() -> None:
    """The last pages are quoted from, however little the scores think of them."""
    sentences = [" ".join(f"W{n}a{k}" for k in range(11)) + " end." for n in range(200)]
    scores = [1.0] * 193 + [0.0] * 7
    chosen = select(sentences, scores, 400)
    assert any(index >= 194 for index in chosen)
    length = sum(len(sentences[index].split()) for index in chosen)
    assert 380 <= length <= 410
    assert not any(index >= 194 for index in select(sentences, scores, 100, parts=1))
