from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.errors import InputError, UsageError
from infinisum.summary.reference import Reference, compare, load_reference
from tests.document.samples import sample


def test_a_text_is_the_book(tmp_path: Path) -> None:
    path = tmp_path / "reference.txt"
    path.write_text("\ufeffThe whole story.\n", encoding="utf-8")
    assert load_reference(path) == Reference(str(path), "The whole story.", {})


def test_json_has_book_and_chapters(tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    chapters = ["One.", None, {"summary": "Three."}, ""]
    path.write_text(json.dumps({"book": "All.", "chapters": chapters}), encoding="utf-8")
    assert load_reference(path) == Reference(str(path), "All.", {1: "One.", 3: "Three."})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'{"book": 3}', b'{"chapters": "x"}', b'{"chapters": [4]}', b"{}", b"\xff"],
)
def test_references_that_cannot_be_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reference.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"reference\.json"):
        load_reference(path)


def test_a_missing_reference(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_reference(tmp_path / "none.txt")


def test_a_summary_equal_to_its_reference_scores_100() -> None:
    summary = sample(rouge=())
    chapters = {1: summary.chapters[0].running_text, 2: "nothing in common at all"}
    scored = compare(summary, Reference("r", summary.running_text, chapters)).rouge
    book, of_chapters = scored
    assert (book.level, book.texts) == ("book", 1)
    assert book.rouge1 == book.rouge2 == book.rouge_l == pytest.approx(100.0)
    assert book.mean == pytest.approx(100.0)
    assert (of_chapters.level, of_chapters.texts) == ("chapters", 2)
    assert of_chapters.rouge1 == pytest.approx(50.0)


def test_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        compare(sample(), Reference("r", "", {9: "x"}))
