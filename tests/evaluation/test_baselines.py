from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infinisum.evaluation.baselines import (
    BASELINES,
    centroid,
    greedy_oracle,
    lead,
    lead_and_tail,
    random_sentences,
    simple_sentences,
    tail,
)
from infinisum.rouge import rouge

TEXT = """Marta kept the light. The rain fell on the roof all day. “Who is there?” she asked.

Tobin had taken the ledger to the mainland. The gulls cried. He sold it for twelve crowns.

The lamp failed in the storm. Three boats were lost on the bar that night. Marta wept."""


def test_simple_sentences() -> None:
    assert simple_sentences(TEXT)[2:5] == [
        "“Who is there?”",
        "she asked.",
        "Tobin had taken the ledger to the mainland.",
    ]
    assert " ".join(simple_sentences(TEXT)) == " ".join(TEXT.split())


def test_lead_and_tail() -> None:
    assert lead(TEXT, 4) == "Marta kept the light."
    assert tail(TEXT, 3) == "night. Marta wept."
    assert lead_and_tail(TEXT, 5) == "Marta kept the Marta wept."
    assert lead_and_tail("one two three", 5) == "one two three"
    assert tail(TEXT, 0) == ""


def test_random_is_drawn_by_seed_and_kept_in_order() -> None:
    sentences = simple_sentences(TEXT)
    drawn = {random_sentences(TEXT, 12, seed) for seed in range(8)}
    assert len(drawn) > 4
    assert random_sentences(TEXT, 12, 3) == random_sentences(TEXT, 12, 3)
    for text in drawn:
        places = [sentences.index(sentence) for sentence in simple_sentences(text)]
        assert places == sorted(places)


def test_centroid_takes_what_the_text_repeats() -> None:
    text = (
        "The storm broke the lamp. A hen laid nine brown eggs. The storm and the lamp were "
        "talked of. The lamp was broken by the storm. Nobody bought any cloth."
    )
    chosen = centroid(text, 12)
    assert "lamp" in chosen
    assert "hen" not in chosen
    assert "cloth" not in chosen


def test_the_oracle_finds_the_reference_in_the_text() -> None:
    reference = "Tobin had taken the ledger to the mainland. He sold it for twelve crowns."
    assert greedy_oracle(TEXT, reference, 100) == reference


def test_the_oracle_beats_every_baseline() -> None:
    reference = (
        "Tobin took the ledger and sold it. In the storm the lamp failed and boats were lost."
    )
    oracle = rouge(greedy_oracle(TEXT, reference, 30), reference, lsum=False)
    for baseline in BASELINES.values():
        scores = rouge(baseline(TEXT, 30), reference, lsum=False)
        assert oracle.rouge1 + oracle.rouge2 > scores.rouge1 + scores.rouge2


def plain_greedy(text: str, reference: str, words: int) -> str:
    """The same choice with every candidate scored anew in every step."""
    sentences = simple_sentences(text)
    chosen: list[int] = []

    def value(indices: list[int]) -> float:
        joined = " ".join(sentences[index] for index in indices)
        scores = rouge(joined, reference, lsum=False)
        return scores.rouge1 + scores.rouge2

    while len(" ".join(sentences[index] for index in chosen).split()) < words:
        rest = [index for index in range(len(sentences)) if index not in chosen]
        best = max(rest, key=lambda index: value([*chosen, index]), default=-1)
        if best < 0 or value([*chosen, best]) <= value(chosen):
            break
        chosen.append(best)
    return " ".join(sentences[index] for index in sorted(chosen))


@pytest.mark.parametrize("words", [8, 20, 60])
def test_the_oracle_reaches_what_plain_greedy_search_does(words: int) -> None:
    reference = "The lamp failed and Marta asked who had taken the ledger for twelve crowns."
    ours = rouge(greedy_oracle(TEXT, reference, words), reference, lsum=False)
    plain = rouge(plain_greedy(TEXT, reference, words), reference, lsum=False)
    # Pairs across two chosen sentences count in ROUGE but not in our sum over sentences.
    assert ours.rouge1 + ours.rouge2 >= 0.95 * (plain.rouge1 + plain.rouge2)


@given(st.text(max_size=200), st.integers(0, 50))
def test_any_text(text: str, words: int) -> None:
    own = text.split()
    for baseline in BASELINES.values():
        assert set(baseline(text, words).split()) <= set(own)
    assert set(greedy_oracle(text, "the lamp", words).split()) <= set(own)
