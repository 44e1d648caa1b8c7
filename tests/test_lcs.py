from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer, _lcs_table, lcs_ind

from infinisum.lcs import lcs_length, lcs_places, places
from infinisum.rouge import Convention, rouge

steady = settings(suppress_health_check=[HealthCheck.too_slow])
tokens = st.lists(st.sampled_from("abcdefg"), max_size=40)
words = st.sampled_from(
    ["the", "keeper", "lit", "lamps", "and", "walked", "walking", "Dr.", "boats.", "Ruth's", "it?"]
)
texts = st.lists(words, max_size=60).map(" ".join)


def test_worked_by_hand() -> None:
    # "gac" against "agcat": ga, gc and ac are longest; rouge-score's backtracking gives "ac",
    # because it steps back in the reference where both steps lose nothing.
    found: set[int] = set()
    lcs_places(list("gac"), 5, places(list("agcat")), found)
    assert lcs_length(list("gac"), list("agcat")) == 2
    assert found == set(lcs_ind(list("gac"), list("agcat")))


@steady
@given(tokens, tokens)
def test_the_length_is_that_of_the_table(first: list[str], second: list[str]) -> None:
    assert lcs_length(first, second) == _lcs_table(first, second)[-1][-1]
    assert lcs_length(second, first) == lcs_length(first, second)


@steady
@given(tokens, tokens)
def test_the_places_are_those_of_rouge_score(first: list[str], second: list[str]) -> None:
    found: set[int] = set()
    lcs_places(first, len(second), places(second), found)
    assert sorted(found) == lcs_ind(first, second)


@pytest.mark.parametrize("convention", ["scrolls", "stemmed"])
@steady
@given(texts, texts)
def test_every_figure_equals_rouge_score_to_the_last_digit(
    convention: Convention, prediction: str, reference: str
) -> None:
    from infinisum.rouge import _sentence_lines

    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    lines = ["\n".join(_sentence_lines(text)) for text in (reference, prediction)]
    truth = RougeScorer(names, use_stemmer=convention == "stemmed").score(*lines)
    scores = rouge(prediction, reference, convention=convention)
    for name in names:
        assert getattr(scores, name) == 100.0 * truth[name].fmeasure


def test_rouge_scores_own_examples() -> None:
    """The cases of rouge-score's own tests."""
    one = rouge("testing one two", "testing")
    assert (one.rouge1, one.rouge2) == (pytest.approx(50.0), 0.0)
    assert rouge("", "testing one two").rouge1 == 0.0
    assert rouge("testing one two three", "testing one two").rouge2 == pytest.approx(80.0)
    # ROUGE-L of the paper's example, and of Lin (2004), section 3.2, for ROUGE-Lsum:
    assert rouge("police kill the gunman", "police killed the gunman").rougeL == pytest.approx(75.0)
    assert rouge("the gunman kill police", "police killed the gunman").rougeL == pytest.approx(50.0)
    union = rouge("w1 w2 w6 w7 w8.\nw1 w3 w8 w9 w5.", "w1 w2 w3 w4 w5.")
    truth = RougeScorer(["rougeLsum"]).score("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5")
    assert union.rougeLsum == 100.0 * truth["rougeLsum"].fmeasure
    assert union.rougeLsum == pytest.approx(2 * 0.8 * 0.4 / 1.2 * 100)
