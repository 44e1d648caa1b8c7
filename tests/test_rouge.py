from __future__ import annotations

import math
import random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from infinisum.errors import UsageError
from infinisum.rouge import RougeScores, corpus_rouge, rouge

WORDS = ["the", "keeper", "lit", "lamps", "and", "walked", "along", "walls", "boats", "running"]


def random_text(seed: int, length: int) -> str:
    generator = random.Random(seed)
    return " ".join(generator.choice(WORDS) for _ in range(length))


@pytest.mark.parametrize("stemmed", [False, True])
@pytest.mark.parametrize("lengths", [(1, 1), (7, 40), (120, 30), (200, 190)])
def test_equals_rouge_score(stemmed: bool, lengths: tuple[int, int]) -> None:
    prediction, reference = random_text(1, lengths[0]), random_text(2, lengths[1])
    truth = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmed).score(
        reference, prediction
    )
    scores = rouge(prediction, reference, convention="stemmed" if stemmed else "scrolls")
    for name in ("rouge1", "rouge2", "rougeL"):
        assert getattr(scores, name) == pytest.approx(100 * truth[name].fmeasure)


def test_worked_by_hand() -> None:
    # 4 of 5 words shared, 2 of 4 pairs, and the longest common subsequence is "the lamp burned".
    scores = rouge("the lamp burned all night", "all the lamp burned low")
    assert scores.rouge1 == pytest.approx(80.0)
    assert scores.rouge2 == pytest.approx(50.0)
    assert scores.rougeL == pytest.approx(60.0)
    assert scores.geometric_mean == pytest.approx((80 * 50 * 60) ** (1 / 3))


def test_stemmed_counts_inflections_as_equal() -> None:
    assert rouge("boats were running", "boat run").rouge1 == 0.0
    assert rouge("boats running", "boat run", convention="stemmed").rouge1 == pytest.approx(100.0)


def test_lsum_does_not_mind_the_order_of_sentences() -> None:
    forward = "Dr. Hale saw the light. Nobody else came. The boat sank."
    backward = "The boat sank. Nobody else came. Dr. Hale saw the light."
    scores = rouge(forward, backward)
    assert scores.rougeLsum == pytest.approx(100.0)
    assert scores.rougeL < 60.0


def test_lsum_is_left_out_on_request() -> None:
    assert rouge("one two", "one two", lsum=False) == RougeScores("scrolls", 100.0, 100.0, 100.0)


def test_several_references() -> None:
    references = ["the boat sank", "nobody came home"]
    best = rouge("the boat sank", references)
    mean = rouge("the boat sank", references, reduce="mean")
    assert best.rouge1 == pytest.approx(100.0)
    assert mean.rouge1 == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("등대지기가 밤마다 불을 켠다", "등대지기가 밤마다 떠난다 집을"),
        ("Смотритель зажигает лампу", "смотритель зажигает"),
        ("灯台守は毎晩灯をともす", "灯台守は海へ行く"),
        ("คนเฝ้าประภาคาร", "คนเฝ้าบ้าน"),
    ],
)
def test_scripts_the_default_tokenizer_drops(text: str, half: str) -> None:
    assert RougeScorer(["rouge1"]).score(text, text)["rouge1"].fmeasure == 0.0
    assert rouge(text, text).geometric_mean == pytest.approx(100.0)
    assert 20.0 < rouge(half, text).rouge1 < 90.0


def test_accents_keep_the_default_tokenizer() -> None:
    text, other = "l'été près de la forêt", "un été près du phare"
    truth = RougeScorer(["rouge1"]).score(text, other)["rouge1"].fmeasure
    assert rouge(other, text).rouge1 == pytest.approx(100 * truth)


@pytest.mark.parametrize("prediction", ["", "…", "entirely different"])
def test_nothing_shared_scores_zero(prediction: str) -> None:
    scores = rouge(prediction, "the boat sank")
    assert (scores.rouge1, scores.rouge2, scores.rougeL, scores.rougeLsum) == (0, 0, 0, 0)
    assert scores.geometric_mean == 0.0


def test_corpus_averages_before_the_geometric_mean() -> None:
    scores = [RougeScores("scrolls", 40.0, 8.0, 16.0), RougeScores("scrolls", 20.0, 0.0, 10.0)]
    corpus = corpus_rouge(scores)
    assert (corpus.rouge1, corpus.rouge2, corpus.rougeL) == (30.0, 4.0, 13.0)
    assert math.isclose(corpus.geometric_mean, (30 * 4 * 13) ** (1 / 3))
    assert corpus.rougeLsum is None


def test_conventions_are_not_mixed() -> None:
    mixed = [RougeScores("scrolls", 40.0, 8.0, 16.0), RougeScores("stemmed", 40.0, 8.0, 16.0)]
    with pytest.raises(UsageError, match="several conventions"):
        corpus_rouge(mixed)
    with pytest.raises(UsageError, match="no ROUGE scores"):
        corpus_rouge([])
    with pytest.raises(UsageError, match="Unknown ROUGE convention"):
        rouge("a", "b", convention="sumeval")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least one reference"):
        rouge("a", [])
