"""The rows that take no model: LexRank, surface features, and how all of them are scored."""

from __future__ import annotations

import numpy as np
import pytest

from infinisum.evaluation.baselines import WORD, simple_sentences
from infinisum.evaluation.scoring import METRICS, ORACLE, Trivial, score_text, workers
from infinisum.evaluation.surface import USED, fit_ridge, surface_extract, surface_features
from infinisum.rouge import rouge
from tests.evaluation.samples import cases, text_of


def test_lexrank_is_that_of_the_library() -> None:
    pytest.importorskip("sumy")
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.summarizers.lex_rank import LexRankSummarizer

    from infinisum.evaluation.lexrank import lexrank

    class Words:
        def to_words(self, text: str) -> list[str]:
            return WORD.findall(text.lower())

    text = (
        "The storm broke the lamp of the tower. A hen laid nine brown eggs. The storm and the "
        "lamp of the tower were talked of. The lamp of the tower was broken. Nobody bought cloth. "
        "Rain came in May. The tower stood dark after the storm. Ruth wrote the storm down."
    )
    sentences = [Sentence(sentence, Words()) for sentence in simple_sentences(text)]
    ranker = LexRankSummarizer()
    for count in range(1, 6):
        truth = [str(s) for s in ranker(ObjectDocumentModel([Paragraph(sentences)]), count)]
        words = len(" ".join(truth).split())
        assert simple_sentences(lexrank(text, words)) == truth


def test_lexrank_of_nothing() -> None:
    pytest.importorskip("sumy")
    from infinisum.evaluation.lexrank import lexrank

    assert lexrank("", 10) == ""
    assert lexrank("...", 10) == "..."


def test_ridge_finds_a_line() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(500, 3)) * [1.0, 10.0, 0.1]
    labels = features @ [0.5, -0.2, 3.0] + 7
    assert fit_ridge(features, labels, 1e-6) == pytest.approx([0.5, -0.2, 3.0], abs=1e-4)
    assert np.abs(fit_ridge(features, labels, 1e6)).max() < 0.1  # a penalty shrinks


def test_surface_features_have_two_columns_each() -> None:
    sentences = simple_sentences(text_of(0))
    matrix = surface_features(sentences, [0] * len(sentences))
    assert matrix.shape == (len(sentences), 2 * len(USED))
    assert np.allclose(matrix[:, : len(USED)] ** 2, matrix[:, len(USED) :])


def test_the_surface_row_prefers_narration_to_speech_and_short_scraps() -> None:
    text = (
        "“Oh, I say, will you?” said I. “Yes, yes, I will,” said you. Hm. “No!” said I. "
        "On Monday Captain Hale and Anna Brook brought the ledger of the harbour to the chapel, "
        "where Penrose took it from them and locked it away.\n\n“But why, do you think?” said I."
    )
    assert surface_extract(text, 20).startswith("On Monday Captain Hale")
    assert surface_extract("", 20) == ""


def test_scores_are_rouge_of_every_pair() -> None:
    case = cases()[0]
    scored = score_text(case, "Anna Brook hid the key. The rain went on.", "scrolls")
    for values, reference in zip(scored.scores, case.references.values(), strict=True):
        truth = rouge(scored.texts[0], reference)
        assert values == [getattr(truth, name) for name in METRICS]


def test_the_oracle_has_one_text_for_each_reference() -> None:
    rows = Trivial(30, 0, "scrolls", lexrank=False)
    scored = rows.score(cases()[0])
    assert list(scored) == rows.names()
    assert len(scored[ORACLE].texts) == 2
    assert scored[ORACLE].texts[0] != scored[ORACLE].texts[1]
    assert all(len(row.texts) == 1 for name, row in scored.items() if name != ORACLE)


def test_several_processes_give_the_same() -> None:
    rows = Trivial(30, 0, "scrolls", lexrank=False)
    many = cases() * 2
    with workers(2, len(many)) as spread:
        found = dict(spread(rows.score, many))
    assert [found[index] for index in range(len(many))] == [rows.score(case) for case in many]
