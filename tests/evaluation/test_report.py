from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infinisum.config import EvaluateOptions
from infinisum.evaluation.evaluate import evaluate
from infinisum.evaluation.report import to_html
from infinisum.evaluation.results import overall_by_work
from infinisum.evaluation.tables import tables
from tests.evaluation.samples import write_rows


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, object]:
    data = write_rows(tmp_path_factory.mktemp("report") / "rows <&>.jsonl")
    options = EvaluateOptions(
        dataset=str(data),
        level="chapter",
        words=30,
        models=(str(tiny_model),),
        methods=("extractive",),
        jobs=1,
    )
    return evaluate(options).results


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_one_file_that_asks_for_nothing(results: dict[str, object]) -> None:
    page = to_html(results)
    reader = Reader()
    reader.feed(page)
    assert reader.tags.count("svg") == 2  # rows, and work by work
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert not re.search(r"@import|url\((?!#)", page)
    assert all(not link.startswith("http") for link in reader.links)
    assert "&lt;&amp;&gt;" in page  # names of files are text, not markup


def test_the_report_has_every_row(results: dict[str, object]) -> None:
    page = to_html(results)
    for table in tables(results):
        for line in table.lines:
            assert line.cells[0] in page
    assert "surface features" in page
    assert "fingerprint" in page


def test_the_same_results_give_the_same_bytes(results: dict[str, object]) -> None:
    assert to_html(results) == to_html(results)


def test_differences_by_work(results: dict[str, object]) -> None:
    found = overall_by_work(results, "lead", "lead")
    assert sorted(found) == sorted((work, 0.0) for work, _ in found)
    assert len(found) == 4
