from __future__ import annotations

from pathlib import Path

import pytest

from infinisum.errors import NotFoundError
from infinisum.evaluation.cases import (
    fingerprint,
    half_of,
    load_cases,
    reference_words,
    sample,
)
from tests.evaluation.samples import cases, write_rows


def test_rows_of_one_text_are_one_case(tmp_path: Path) -> None:
    found = load_cases(write_rows(tmp_path / "rows.jsonl"), "validation", "chapter")
    assert [case.id for case in found] == [f"text-{number}" for number in range(6)]
    assert [*found[0].references] == ["text-0", "text-0-second"]
    assert found == cases()


def test_no_rows_of_a_split(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        load_cases(write_rows(tmp_path / "rows.jsonl"), "test", "chapter")


def test_the_half_of_a_work_depends_on_its_title_alone() -> None:
    # Worked out once; a change would move works that settings were chosen on to the other half.
    assert half_of("Bleak House") == "reporting"
    assert half_of("Anthem") == "tuning"
    assert half_of("  bleak   HOUSE ") == "reporting"
    halves = [half_of(f"Work {number}") for number in range(400)]
    assert 160 < halves.count("tuning") < 240


def test_a_limit_draws_the_same_texts_every_time() -> None:
    everything = cases()
    drawn = sample(everything, 3)
    assert drawn == sample(everything, 3)
    assert [case for case in everything if case in drawn] == drawn
    assert sample(everything, 99) == everything


def test_the_fingerprint_sees_every_change() -> None:
    prints = {fingerprint(cases())}
    changed = cases()
    changed[2].text += " More."
    prints.add(fingerprint(changed))
    changed = cases()
    changed[0].references["text-0"] = "Another summary."
    prints.add(fingerprint(changed))
    prints.add(fingerprint(cases()[:-1]))
    assert len(prints) == 4


def test_mean_length_of_references() -> None:
    # 5 of 17 words (17, 16 with a day of one word fewer makes no difference), one of 10.
    lengths = [len(text.split()) for case in cases() for text in case.references.values()]
    assert reference_words(cases()) == round(sum(lengths) / 7)
