"""Ten EPUBs against their publisher's own contents and against a corpus of the same works.

Extra: needs the folder `shared` beside the project, and is skipped where that is absent.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infinisum.books import read_book

ROOT = Path(__file__).resolve().parents[2]
BOOKS = ROOT.parent / "shared" / "books"
CORPUS = ROOT.parent / "shared" / "corpus"
NAMES = (
    "a-a-milne_winnie-the-pooh",
    "bram-stoker_dracula",
    "charles-dickens_a-christmas-carol",
    "charles-dickens_a-tale-of-two-cities",
    "frederick-douglass_narrative-of-the-life-of-frederick-douglass",
    "h-g-wells_the-time-machine",
    "homer_the-odyssey_william-cullen-bryant",
    "jonathan-swift_gullivers-travels",
    "mary-shelley_frankenstein",
    "william-shakespeare_romeo-and-juliet",
)

pytestmark = pytest.mark.skipif(not BOOKS.is_dir(), reason="needs ../shared/books")


@pytest.fixture(scope="module")
def check() -> ModuleType:
    path = ROOT / "benchmarks" / "books_check.py"
    spec = importlib.util.spec_from_file_location("books_check", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bodies(check: ModuleType) -> dict[str, list[dict[str, Any]]]:
    if not CORPUS.is_dir():
        pytest.skip("needs ../shared/corpus")
    return dict(check.corpus_bodies(CORPUS, set(NAMES)))


@pytest.mark.parametrize("name", NAMES)
def test_chapters_are_the_publishers(check: ModuleType, name: str) -> None:
    path = BOOKS / f"{name}.epub"
    ours = [check.plain(chapter.title) for chapter in read_book(path).chapters]
    assert ours == check.publisher_titles(path)


@pytest.mark.parametrize("name", NAMES)
def test_words_are_the_corpus_words_in_order(
    check: ModuleType, bodies: dict[str, list[dict[str, Any]]], name: str
) -> None:
    book = read_book(BOOKS / f"{name}.epub")
    assert check.book_share(book, bodies[name]) >= 0.995
    expected = sum(len(chapter["text"].split()) for chapter in bodies[name])
    assert book.words == pytest.approx(expected, rel=0.005)


def test_the_comparison_notices_lost_words(
    check: ModuleType, bodies: dict[str, list[dict[str, Any]]]
) -> None:
    truth = check.words_of(bodies[NAMES[0]][0]["text"])
    assert check.share_in_order(truth, truth) == 1
    assert check.share_in_order(truth, truth[: len(truth) // 2]) == pytest.approx(0.5, abs=0.01)
