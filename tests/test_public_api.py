from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import infinisum

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "numpy", "typer", "rich", "lxml", "ebooklib", "pypdf")


def modules_after(code: str) -> set[str]:
    """Modules that are loaded after some code ran in a new interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return set(result.stdout.split())


def test_the_public_names() -> None:
    assert infinisum.__all__ == [
        "Book",
        "EvaluateOptions",
        "Reading",
        "SummarizeOptions",
        "Summary",
        "__version__",
        "evaluate",
        "load_model",
        "load_reading",
        "read",
        "read_book",
        "save_reading",
        "summarize",
        "write_document",
    ]
    for name in infinisum.__all__:
        assert getattr(infinisum, name) is not None
    assert dir(infinisum) == infinisum.__all__


def test_names_come_from_where_they_are_documented() -> None:
    from infinisum.books.reader import read_book
    from infinisum.document import write_document
    from infinisum.pipeline import read, summarize
    from infinisum.readings.file import load_reading, save_reading

    assert infinisum.read is read
    assert infinisum.load_reading is load_reading
    assert infinisum.save_reading is save_reading
    assert infinisum.read_book is read_book
    assert infinisum.summarize is summarize
    assert infinisum.write_document is write_document


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        infinisum.no_such_name  # noqa: B018


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert infinisum.__version__ == project["version"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not modules_after("import infinisum").intersection(HEAVY)


def test_reading_books_never_imports_torch() -> None:
    assert "torch" not in modules_after("import infinisum; infinisum.read_book")
