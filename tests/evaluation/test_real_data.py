"""The rows without a model on BookSum's validation split, against earlier measurements.

Extra: needs the folder `shared` beside the project, and is skipped where that is absent.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from infinisum.evaluation.baselines import lead, lead_and_tail, random_sentences, tail
from infinisum.evaluation.cases import Case, load_cases
from infinisum.rouge import corpus_rouge, rouge

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
BOOKS = CORPUS / "booksum-books-validation.jsonl.xz"

pytestmark = pytest.mark.skipif(not BOOKS.is_file(), reason="no corpus beside the project")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases(BOOKS, "validation", "book")


# Measured before on the same texts, by other code.
@pytest.mark.parametrize(
    ("make", "before"),
    [(lead, 13.9), (tail, 13.9), (lead_and_tail, 14.1), (random_sentences, 14.2)],
)
def test_books(cases: list[Case], make: object, before: float) -> None:
    assert len(cases) == 19
    scores = [
        rouge(make(case.text, 1_214), reference, lsum=False)  # type: ignore[operator]
        for case in cases
        for reference in case.references.values()
    ]
    assert len(scores) == 45
    assert corpus_rouge(scores).geometric_mean == pytest.approx(before, abs=0.35)
