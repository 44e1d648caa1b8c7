from __future__ import annotations

from infinisum.summary.extract import select
from infinisum.summary.references import (
    CONNECTIVE,
    INTRODUCTION,
    UNRESOLVED,
    adjustments,
    character_names,
)

STORY = [
    "It rained on the quay that morning and nobody came.",
    "Mrs. Hannah Hallam kept the tide-house at the end of the quay.",
    "People said that Hannah had never once missed a reading there.",
    "What she did on the Sunday evening was to write a letter.",
    "But the answer lay unopened on the table for a week.",
    "In the end Hannah burned it, and she was glad of it.",
    "Nobody asked Hannah about the letter after that winter was over.",
    "The men asked Hannah for the ledger, and Hannah gave it to them.",
    "Mrs. Hannah Hallam went home along the wall in the evening.",
    "Mrs. Hannah Hallam slept badly that night, and the next one too.",
]


def test_names_are_words_with_a_capital_of_their_own() -> None:
    assert set(character_names(STORY)) == {"Hannah"}
    assert character_names(["the rose and the Rose"] * 5) == {}  # as often small


def test_what_leans_on_other_sentences_loses() -> None:
    added = adjustments(STORY)
    assert added[0] == 0.0
    assert added[1] == INTRODUCTION  # the first time her name opens a sentence in full
    assert added[3] == UNRESOLVED + CONNECTIVE  # who "she" is stands elsewhere
    assert added[4] == CONNECTIVE
    assert added[5] == 0.0  # "she" follows the name
    assert added[9] == 0.0  # by now she is known


def test_an_introduction_is_preferred_to_a_riddle() -> None:
    scores = [0.0] * len(STORY)
    scores[3], scores[1], scores[0] = 0.5, 0.4, -0.3
    assert select(STORY, scores, 11, parts=1) == [1]


def test_other_languages_are_left_alone() -> None:
    assert adjustments(["彼は港へ行った。", "그는 항구로 갔다."]) == [0.0, 0.0]
    assert adjustments([]) == []
