from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.tiny_model import book_file


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("Error: ")


def test_markdown_on_stdout_and_the_rest_on_stderr(cli: Cli, book: Path, tiny_model: Path) -> None:
    result = cli("summarize", book, "--model", tiny_model)
    assert result.status == 0
    assert result.out.startswith("# The Small Harbour\n")
    assert "## Chapter by chapter" in result.out
    assert "tokens/s" in result.err
    assert "on cpu in float32 (" in result.err
    assert "\x1b" not in result.err + result.out


@pytest.mark.parametrize("ending", ["md", "json", "txt"])
def test_a_file_by_its_ending_the_same_bytes_every_time(
    cli: Cli, book: Path, tiny_model: Path, tmp_path: Path, ending: str
) -> None:
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    for path in (first, second):
        result = cli("summarize", book, "-o", path, "--model", tiny_model)
        assert (result.status, result.out) == (0, "")
        assert str(path) in result.err
    assert first.read_bytes() == second.read_bytes()
    assert b"The Small Harbour" in first.read_bytes() or ending == "txt"


def test_quiet_says_nothing(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> None:
    result = cli("summarize", book, "-q", "-o", tmp_path / "a.md", "--model", tiny_model)
    assert (result.status, result.out, result.err) == (0, "", "")


def test_json_is_the_only_thing_on_stdout(cli: Cli, book: Path, tiny_model: Path) -> None:
    content = json.loads(cli("summarize", book, "--json", "--model", tiny_model).out)
    assert list(content) == ["summaries", "failed", "run"]
    (summary,) = content["summaries"]
    assert summary["title"] == "The Small Harbour"
    assert summary["source"] == str(book)
    assert summary["output"] is None
    run = summary["run"]
    assert {"total_s", "reading_s", "writing_s", "tokens_per_s", "peak_bytes"} <= set(run)
    assert (run["device"], run["dtype"]) == ("cpu", "float32")


def test_standard_input(
    cli: Cli, book: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(book.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    result = cli("summarize", "-", "--model", tiny_model)
    assert result.status == 0
    assert result.out.startswith("# The Small Harbour\n")


def test_options_reach_the_summary(cli: Cli, book: Path, tiny_model: Path) -> None:
    options = [
        "--level",
        "chapters",
        "--chapters",
        "2-3",
        "--method",
        "extractive",
        "--words",
        "20",
    ]
    options += ["--length", "short", "--seed", "7", "--model", str(tiny_model), "--json"]
    (summary,) = json.loads(cli("summarize", book, *options).out)["summaries"]
    assert [chapter["number"] for chapter in summary["chapters"]] == [2, 3]
    assert summary["passages"] == []
    assert summary["making"]["method"] == "extractive"
    assert summary["making"]["seed"] == 7


def test_until_and_strategy(cli: Cli, book: Path, tiny_model: Path) -> None:
    options = ["--until", "50%", "--strategy", "merge", "--model", str(tiny_model), "--json"]
    (summary,) = json.loads(cli("summarize", book, *options).out)["summaries"]
    assert summary["source_chapters"] == 2
    assert "until 50%" in summary["part"]
    assert summary["making"]["strategy"] == "merge"


def test_decoding_options_change_what_is_written(cli: Cli, book: Path, writing_model: Path) -> None:
    def written(*options: str) -> str:
        args = ["--method", "abstractive", "--level", "book", "--words", "50", "--json"]
        result = cli("summarize", book, "--model", writing_model, *args, *options)
        assert result.status == 0
        text: str = json.loads(result.out)["summaries"][0]["text"]
        return text

    greedy = written()
    assert written() == greedy
    sampled = written("--temperature", "1.5", "--seed", "1")
    assert sampled != greedy
    assert written("--temperature", "1.5", "--seed", "1") == sampled
    assert written("--temperature", "1.5", "--seed", "2") != sampled
    assert written("--temperature", "1.5", "--seed", "1", "--top-p", "0.01") != sampled
    assert written("--num-beams", "3") == written("--num-beams", "3")


def test_reference_adds_rouge(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference.json"
    reference.write_text('{"book": "The rain had not stopped.", "chapters": [null, "Lucy."]}')
    result = cli("summarize", book, "--model", tiny_model, "--reference", reference, "--json")
    (summary,) = json.loads(result.out)["summaries"]
    assert [(row["level"], row["texts"]) for row in summary["rouge"]] == [
        ("book", 1),
        ("chapters", 1),
    ]
    text = cli("summarize", book, "--model", tiny_model, "--reference", reference).out
    assert "| ROUGE-1 |" in text.replace("texts | ", "")


def test_several_books_and_a_bad_one(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    books = tmp_path / "books"
    (books / "deep").mkdir(parents=True)
    book_file(books / "a.html")
    book_file(books / "deep" / "A.html", chapters=2)
    (books / "b.epub").write_bytes(b"PK\x03\x04 broken")
    (books / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (books / ".hidden.txt").write_text("x")
    out = tmp_path / "out"
    result = cli("summarize", books, "-o", out, "--model", tiny_model, "--json")
    assert result.status == 1
    assert sorted(path.name for path in out.iterdir()) == ["A-2.md", "a.md"]
    content = json.loads(result.out)
    assert len(content["summaries"]) == 2
    (failed,) = content["failed"]
    assert failed["source"].endswith("b.epub")
    assert failed["exit_status"] == 3
    assert sum(line.startswith("Error: ") for line in result.err.splitlines()) == 1


def test_skip_existing(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "harbour.md").write_text("mine")
    result = cli("summarize", book, "-o", out, "--skip-existing", "--model", tiny_model)
    assert result.status == 0
    assert (out / "harbour.md").read_text() == "mine"
    cli("summarize", book, "-o", out, "--model", tiny_model)
    assert (out / "harbour.md").read_text().startswith("# The Small Harbour")


def test_a_trailing_slash_makes_a_folder(
    cli: Cli, book: Path, tiny_model: Path, tmp_path: Path
) -> None:
    assert cli("summarize", book, "-o", f"{tmp_path}/new/", "--model", tiny_model).status == 0
    assert (tmp_path / "new" / "harbour.md").is_file()


def test_dry_run_writes_nothing_and_loads_no_weights(
    cli: Cli, book: Path, tiny_model: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "tokenizer.json"):  # the weights are not there
        (bare / name).write_bytes((tiny_model / name).read_bytes())
    out = tmp_path / "a.md"
    result = cli("summarize", book, "--dry-run", "-o", out, "--model", bare)
    assert result.status == 0
    assert "783 words, 4 chapters" in result.out
    assert not out.exists()
    result = cli("summarize", book, "--dry-run", "--model", bare, "--json", "--chapters", "1")
    (row,) = json.loads(result.out)["estimates"]
    assert row["source_chapters"] == 1
    assert {"source_tokens", "reading_s", "state_bytes", "peak_bytes"} <= set(row)


def test_dry_run_counts_the_tokens_that_are_read(cli: Cli, book: Path, tiny_model: Path) -> None:
    dry = cli("summarize", book, "--dry-run", "--json", "--model", tiny_model)
    real = cli("summarize", book, "--json", "--model", tiny_model)
    expected = json.loads(dry.out)["estimates"][0]["source_tokens"]
    assert expected == pytest.approx(
        json.loads(real.out)["summaries"][0]["source_tokens"], rel=0.01
    )


def test_options_from_a_file(cli: Cli, book: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = tmp_path / "options.toml"
    config.write_text(
        f'seed = 5\n[summarize]\nmodel = "{tiny_model}"\nlevel = "book"\n[other]\nx = 1\n'
    )
    result = cli("summarize", book, "--config", config, "--json")
    (summary,) = json.loads(result.out)["summaries"]
    assert summary["making"]["seed"] == 5
    assert summary["making"]["level"] == "book"
    result = cli("summarize", book, "--config", config, "--json", "--level", "chapters")
    assert json.loads(result.out)["summaries"][0]["making"]["level"] == "chapters"


def test_printed_options_are_taken_back(
    cli: Cli, book: Path, tiny_model: Path, tmp_path: Path
) -> None:
    printed = cli("summarize", book, "--model", tiny_model, "--words", 77, "--print-config")
    assert printed.status == 0
    config = tmp_path / "options.toml"
    config.write_text(printed.out)
    again = cli("summarize", book, "--config", config, "--print-config")
    assert again.out == printed.out
    assert "words = 77" in again.out


@pytest.mark.parametrize(
    "content", ["wrods = 3", "[summarize]\nwrods = 3", "words = ", "words = 'many'", "level = 'x'"]
)
def test_options_files_that_are_wrong(cli: Cli, book: Path, tmp_path: Path, content: str) -> None:
    config = tmp_path / "options.toml"
    config.write_text(content)
    result = cli("summarize", book, "--config", config)
    assert result.status in (2, 3)
    assert one_line(result.err)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--chapters", "banana"], 2, "banana"),
        (["--until", "Chapter 99"], 2, "Chapter 99"),
        (["--level", "page"], 2, "level"),
        (["--words", "0"], 2, "words"),
        (["--top-p", "2"], 2, "top-p"),
        (["--no-such-option"], 2, "--no-such-option"),
        (["--device", "abacus"], 2, "abacus"),
        (["--dtype", "float3"], 2, "float3"),
        (["-o", "a.docx"], 2, "a.docx"),
        (["--model", "./no-model"], 4, "no-model"),
        (["--reference", "none.txt"], 3, "none.txt"),
        (["--config", "none.toml"], 3, "none.toml"),
        (["-o", "no/such/folder/a.md"], 5, "a.md"),
    ],
)
def test_what_is_wrong_is_one_line(
    cli: Cli,
    book: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = cli("summarize", book, "--model", tiny_model, *options)
    assert result.status == status
    assert result.out == ""
    assert said in result.err
    # what comes before the error line is a note that all is well so far
    assert one_line(result.err[result.err.index("Error: ") :])
    assert "Traceback" not in result.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.epub", None),
        ("empty.txt", b""),
        ("broken.epub", b"PK\x03\x04 this is no archive"),
        ("picture.epub", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ],
)
def test_bad_input(
    cli: Cli, tiny_model: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    out = tmp_path / "out.md"
    result = cli("summarize", path, "-o", out, "--model", tiny_model)
    assert result.status == 3
    assert one_line(result.err)
    assert name in result.err
    assert not out.exists()


def test_an_empty_folder(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    result = cli("summarize", folder, "--model", tiny_model)
    assert result.status == 3
    assert one_line(result.err)


def test_a_summary_never_replaces_its_book(cli: Cli, tiny_model: Path, tmp_path: Path) -> None:
    book = book_file(tmp_path / "book.html").rename(tmp_path / "book.md")
    before = book.read_bytes()
    for out in (book, tmp_path):
        result = cli("summarize", book, "-o", out, "--model", tiny_model)
        assert result.status == 2
    assert book.read_bytes() == before


def test_several_books_need_a_folder(cli: Cli, book: Path, tiny_model: Path) -> None:
    other = book_file(book.with_name("other.html"))
    result = cli("summarize", book, other, "-o", "one.md", "--model", tiny_model)
    assert result.status == 2
    assert "one.md" in result.err
    result = cli("summarize", book, other, "--model", tiny_model, "--level", "book")
    assert result.out.count("# The Small Harbour\n") == 2


def test_a_traceback_only_with_debug(cli: Cli, tiny_model: Path) -> None:
    quiet = cli("summarize", "none.epub", "--model", tiny_model)
    loud = cli("summarize", "none.epub", "--model", tiny_model, "--debug")
    assert quiet.status == loud.status == 3
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err


def test_names_with_escape_codes_are_defused(cli: Cli, tiny_model: Path) -> None:
    result = cli("summarize", "\x1b[31mred.epub", "--model", tiny_model)
    assert result.status == 3
    assert "\x1b" not in result.err


def test_evidence_behind_every_written_sentence_unless_declined(
    cli: Cli, book: Path, writing_model: Path
) -> None:
    base = ("summarize", book, "--json", "--method", "abstractive", "--model", writing_model)
    (content,) = json.loads(cli(*base).out)["summaries"]
    assert content["text"]
    texts = [sentence["text"] for sentence in content["sentences"]]
    assert " ".join(texts).split() == content["text"].split()
    assert content["grounding"]["sentences"] >= len(texts)
    (without,) = json.loads(cli(*base, "--no-evidence").out)["summaries"]
    assert without["text"] == content["text"]
    assert without["sentences"] == []
    assert not any(chapter["sentences"] for chapter in without["chapters"])
    assert without["grounding"]["sentences"] == 0
