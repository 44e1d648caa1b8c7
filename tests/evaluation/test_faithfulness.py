from __future__ import annotations

import math

import numpy as np
import pytest

from infinisum.evaluation.cases import Case
from infinisum.evaluation.faithfulness import (
    MAIN_PEOPLE,
    REFERENCE_ROW,
    aggregate,
    counts,
    evenness,
    evidence_counts,
    main_people,
    measure,
)
from infinisum.summary.grounding import BookWords
from tests.tiny_model import paragraph

TEXT = (
    "Marta Hale kept the lamp for eleven years. Tobin sold the ledger in Kelsham for "
    "twelve crowns. The storm came on a Friday, and the lamp failed."
)


def counted(text: str) -> dict[str, float]:
    case = Case("a", "A", TEXT, {"r": "Marta kept the lamp."})
    return measure(case, {"own": [text]})["own"][0]


def test_names_and_numbers_by_hand() -> None:
    # Names: Marta Hale, Tobin, London; numbers: twelve, forty. London and forty are made up.
    found = counted("Then Marta Hale met Tobin in London. He paid twelve or forty crowns.")
    assert (found["names"], found["names_found"]) == (3, 2)
    assert (found["numbers"], found["numbers_found"]) == (2, 1)


def test_novel_runs_of_four_words_by_hand() -> None:
    # Runs: kept the lamp for | the lamp for eleven | lamp for eleven days: the last is new.
    found = counted("kept the lamp for eleven days")
    assert (found["grams"], found["novel"], found["repeated"]) == (3, 1, 0)
    assert found["words"] == 6


def test_repetition_by_hand() -> None:
    # a b c d a b c d: five runs, of which "a b c d" occurs twice.
    found = counted("a b c d a b c d")
    assert (found["grams"], found["novel"], found["repeated"]) == (5, 5, 1)


def test_an_extract_is_all_true_and_nothing_new() -> None:
    found = counted("Tobin sold the ledger in Kelsham for twelve crowns.")
    assert found["names"] == found["names_found"] == 2
    assert found["novel"] == 0


def test_sentences_with_a_passage() -> None:
    paragraphs = [paragraph(n) for n in range(40)]
    copied = paragraphs[1].split(". ")[0] + "."
    made_up = "The emperor bought nine elephants and a telescope in Samarkand."
    found = evidence_counts("\n\n".join(paragraphs), [f"{copied} {made_up}", "", made_up])
    assert [(row["sentences"], row["supported"]) for row in found] == [(2, 1), (0, 0), (1, 0)]
    assert (found[0]["placed"], found[0]["evenness"]) == (1, 0.0)  # all from one tenth
    assert found[2]["placed"] == 0


def test_main_people() -> None:
    source = "\n\n".join(paragraph(n) for n in range(40))
    people = main_people(source)
    assert 2 <= len(people) <= MAIN_PEOPLE
    named = [
        sum(names.search(text) is not None for names in people)
        for text in ("Captain Hale waited for Mr. Penrose.", "Nobody came to the quay.", source)
    ]
    assert named == [2, 0, len(people)]


def test_evenness_by_hand() -> None:
    assert evenness(np.full(10, 7.0)) == pytest.approx(1.0)
    assert evenness(np.array([5.0, 5.0, 0, 0, 0, 0, 0, 0, 0, 0])) == pytest.approx(
        math.log(2) / math.log(10)
    )
    assert evenness(np.zeros(10)) == 0.0


def test_nothing_written() -> None:
    assert counts("", BookWords(), set())["grams"] == 0


def test_shares_over_works() -> None:
    cases = [Case("a", "A", TEXT, {"r": "Marta kept."}), Case("b", "B", TEXT, {"r": "Zoe left."})]
    measured = {
        case.id: measure(case, {"own": [text]})
        for case, text in zip(cases, ["He met Marta.", "He met Zoe, Ann, Marta."], strict=True)
    }
    own, reference = aggregate(cases, measured, ["own", REFERENCE_ROW], 0)
    # Marta of A; Zoe, Ann and Marta of B: two of four.
    assert own["names_in_book"]["mean"] == pytest.approx(0.5)
    assert (own["names_in_book"]["low"], own["names_in_book"]["high"]) == (
        pytest.approx(1 / 3, abs=1e-6),
        1.0,
    )
    assert own["numbers_in_book"] is None
    assert reference["texts"] == 2
