"""The child process that reads strangers' files: its limits hold, and its end is one line."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.books.limits import DEFAULT_LIMITS, Limits, parse_limits, within
from infinisum.books.reader import read_book
from infinisum.books.transfer import book_from_dict, book_to_dict
from infinisum.errors import InfinisumError, InputError, NotFoundError, UsageError
from infinisum.guard import run_guarded

TIGHT = replace(DEFAULT_LIMITS, step_seconds=1, total_seconds=2, memory_bytes=256 << 20)


def run(target: str, data: bytes = b"abc", limits: Limits = TIGHT, **arguments: Any) -> Any:
    return run_guarded(f"tests.hostile.targets:{target}", data, "a.txt", arguments, limits)


def test_it_has_the_file_and_the_arguments_and_nothing_heavy(tmp_path: Path) -> None:
    expected = {"bytes": 3, "name": "a.txt", "more": "x", "heavy": []}
    assert run("tell", more="x") == expected
    (tmp_path / "a").write_bytes(b"abc")
    with (tmp_path / "a").open("rb") as file:
        told = run_guarded("tests.hostile.targets:tell", file, "a.txt", {"more": "x"}, TIGHT)
    assert told == expected


def test_errors_come_through_with_their_kind_and_hint() -> None:
    with pytest.raises(InputError) as caught:
        run("refuse")
    assert (caught.value.message, caught.value.hint) == ("a.txt: no good.", "Take another.")
    with pytest.raises(NotFoundError):
        run("miss")


def test_a_fault_of_ours_is_one_line_with_its_trace_for_debug() -> None:
    with pytest.raises(InputError, match=r"^a\.txt: cannot be read, KeyError: ") as caught:
        run("fail")
    assert "\n" not in str(caught.value)
    assert "targets.py" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("spin", "took more than 1 s for one part of it"),
        ("spin_in_steps", "or 2 s in all"),
        ("eat", "needs more than 256 MiB"),
        ("die", "died of SIGSEGV"),
    ],
)
def test_limits_and_death_are_one_line(target: str, says: str) -> None:
    before = time.process_time()
    with pytest.raises(InputError, match=r"^a\.txt: ") as caught:
        run(target)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.process_time() - before < 1


def test_an_end_without_an_answer_is_an_error() -> None:
    with pytest.raises(InfinisumError, match="ended with status 7"):
        run("leave")


def test_what_a_library_prints_is_no_answer() -> None:
    assert run("chatter") == "real"


def test_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read, OSError"):
        run("write", path=str(tmp_path / "owned"))
    assert not (tmp_path / "owned").exists() or not (tmp_path / "owned").read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="the system lets root start processes")
def test_no_process_can_be_started() -> None:
    with pytest.raises(InputError, match="cannot be read, BlockingIOError"):
        run("start")


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infinisum.books import reader

    path = tmp_path / "a.txt"
    path.write_text("The ferry was late. " * 50, encoding="utf-8")
    original = reader.run_guarded

    def shrinking(*args: Any, **kwargs: Any) -> Any:
        os.truncate(path, 300)
        return original(*args, **kwargs)

    monkeypatch.setattr(reader, "run_guarded", shrinking)
    with pytest.raises(InputError, match="changed while it was read"):
        read_book(path)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # takes no room
    with pytest.raises(InputError, match="more than 1,024 MiB"):
        read_book(path)
    with pytest.raises(InputError, match="more than 0 MiB"):
        read_book(io.BytesIO(b"word " * 100), limits=Limits(file_bytes=400))
    with pytest.raises(InputError, match="more than 0 MiB"):
        read_book(Path("/dev/zero"), limits=Limits(file_bytes=4_000))


def test_limits_by_name() -> None:
    limits = parse_limits(["pages=50000", "memory-bytes=2G", "step_seconds= 60"])
    assert (limits.pages, limits.memory_bytes, limits.step_seconds) == (50_000, 2 << 30, 60)
    for wrong in ("pages", "pages=many", "pages=-1", "colour=3", "pages=0"):
        with pytest.raises(UsageError):
            parse_limits([wrong])


def test_long_paragraphs_are_cut_and_every_word_stays() -> None:
    sentence = "The ferry was late again. "
    book = Book("T", "", (Chapter("I", (Paragraph(sentence * 100, 3), Paragraph("Short."))),))
    cut = within(Limits(paragraph_characters=500), book)
    paragraphs = cut.chapters[0].paragraphs
    assert max(len(p.text) for p in paragraphs) <= 500
    assert all(p.text.endswith(".") for p in paragraphs)
    assert {p.page for p in paragraphs[:-1]} == {3}
    assert cut.words == book.words
    assert "cut a paragraph of more than 500 characters" in cut.warnings[0]
    solid = Book("T", "", (Chapter("I", (Paragraph("x" * 1_200),)),))
    pieces = within(Limits(paragraph_characters=500), solid).chapters[0].paragraphs
    assert [len(p.text) for p in pieces] == [500, 500, 200]
    with pytest.raises(InputError, match="more than any book has"):
        within(Limits(text_characters=1_000), book)


def test_a_book_survives_the_way_out_of_the_process() -> None:
    book = Book(
        "T", "A", (Chapter("I", (Paragraph("x\ud800", 3), Paragraph("y")), 2, ("P",)),),
        "en", "pdf", "-", 4, (LeftOut("w", "r", 5),), ("careful",),
    )  # fmt: skip
    content = json.loads(json.dumps(book_to_dict(book)))
    assert book_from_dict(content) == book
    for broken in (None, [], {}, content | {"chapters": [{"title": 1}]}, content | {"pages": "4"}):
        with pytest.raises(ValueError, match="belongs"):
            book_from_dict(broken)
