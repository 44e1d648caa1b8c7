"""The novella in `data/`: what it promises about itself, and that what was built is up to date."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infinisum.books.reader import read_book

DATA = Path(__file__).resolve().parents[2] / "data"
SOURCE = DATA / "source"
NAME = "the-tide-ledger"


def read_json(name: str) -> Any:
    return json.loads((SOURCE / name).read_text(encoding="utf-8"))


def plain(markdown: str) -> str:
    """Text without italics, footnote marks and verse markers."""
    text = re.sub(r"\[\^\w+\]", "", markdown.replace("*", ""))
    return re.sub(r"^> ?|  $", "", text, flags=re.MULTILINE)


def paragraphs(number: int) -> list[str]:
    """Paragraphs of a chapter as evidence counts them: no title, no footnotes."""
    text = (SOURCE / "chapters" / f"{number:02d}.md").read_text(encoding="utf-8")
    body = re.sub(r"^\[\^\w+\]:.*$", "", text.partition("\n")[2], flags=re.MULTILINE)
    return [plain(chunk) for chunk in re.split(r"\n\s*\n", body.strip()) if chunk.strip()]


NUMBERS = [number for part in read_json("metadata.json")["parts"] for number in part["chapters"]]
CHAPTERS = {number: paragraphs(number) for number in NUMBERS}


def at(place: list[int]) -> str:
    """The paragraph at [chapter, paragraph]; a negative place is an error, not the end."""
    chapter, index = place
    assert index >= 0
    return CHAPTERS[chapter][index]


def build(*arguments: str) -> None:
    subprocess.run([sys.executable, str(DATA / "build.py"), *arguments], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything but the PDF, built anew."""
    folder = tmp_path_factory.mktemp("novella")
    build("--out", str(folder), "--no-pdf")
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_size_of_the_book() -> None:
    assert len(NUMBERS) >= 12
    assert sorted(path.stem for path in (SOURCE / "chapters").glob("*.md")) == [
        f"{number:02d}" for number in NUMBERS
    ]
    assert sum(len(text.split()) for chapter in CHAPTERS.values() for text in chapter) >= 15_000


def test_every_chapter_has_a_reference_summary() -> None:
    summaries = read_json("summaries.json")
    assert len(summaries["chapters"]) == len(NUMBERS)
    assert all(len(text.split()) >= 60 for text in summaries["chapters"])
    assert len(summaries["book"].split()) >= 300


def test_evidence_is_quoted_and_placed() -> None:
    summaries, evidence = read_json("summaries.json"), read_json("evidence.json")
    assert len(evidence) >= 50
    for entry in evidence:
        whole = (
            summaries["book"]
            if entry["level"] == "book"
            else summaries["chapters"][entry["chapter"] - 1]
        )
        assert entry["sentence"] in whole
        assert entry["support"]
        for place in entry["support"]:
            assert at(place)
            assert entry["level"] == "book" or place[0] == entry["chapter"]


def test_people_and_places_occur() -> None:
    listed = read_json("people.json")
    assert len(listed["people"]) >= 12
    text = "\n".join(paragraph for chapter in CHAPTERS.values() for paragraph in chapter)
    for entry in [*listed["people"], *listed["places"]]:
        for variant in entry["variants"]:
            assert re.search(rf"\b{re.escape(variant)}\b", text), variant
        assert any(variant in at(entry["first"]) for variant in entry["variants"]), entry["name"]


def test_what_is_planted_is_there() -> None:
    planted = read_json("planted.json")
    assert len(planted) >= 10
    for entry in planted:
        assert entry["answer"].lower() in at(entry["planted"]).lower(), entry["question"]
        assert at(entry["matters"])
        assert entry["matters"] > entry["planted"]


def test_text_and_booksum_tree_are_up_to_date(built: Path) -> None:
    text = f"{NAME}.txt"
    assert (DATA / text).read_bytes() == (built / text).read_bytes()
    assert files_of(DATA / "booksum-sample") == files_of(built / "booksum-sample")


def test_epub_is_up_to_date_and_well_packed(built: Path) -> None:
    with (
        zipfile.ZipFile(DATA / f"{NAME}.epub") as ours,
        zipfile.ZipFile(built / f"{NAME}.epub") as again,
    ):
        assert ours.testzip() is None
        assert ours.namelist() == again.namelist()
        for name in ours.namelist():
            assert ours.read(name) == again.read(name), name
        first = ours.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert ours.read("mimetype") == b"application/epub+zip"


def letters_of(reader: Any) -> str:
    """The letters of a PDF without running heads: the same however the lines and pages break."""
    text = "".join(page.extract_text() for page in reader.pages)
    for head in ("THE TIDE LEDGER", "THE INFINISUM AUTHORS"):
        text = text.replace(head, "")
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text)))


def test_pdf_is_up_to_date(tmp_path: Path) -> None:
    pytest.importorskip("reportlab")
    pytest.importorskip("pyphen")
    from pypdf import PdfReader

    build("--out", str(tmp_path))
    ours, again = (PdfReader(folder / f"{NAME}.pdf") for folder in (DATA, tmp_path))
    assert len(ours.pages) >= 60
    assert abs(len(ours.pages) - len(again.pages)) <= 1  # another hyphenation dictionary
    assert letters_of(ours) == letters_of(again)
    titles = [part["title"] for part in read_json("metadata.json")["parts"]]
    assert [entry["/Title"] for entry in ours.outline if not isinstance(entry, list)] == [
        *titles,
        "Colophon",
    ]


def test_pdf_has_the_words_of_the_epub() -> None:
    pdf, epub = (read_book(DATA / f"{NAME}.{ending}") for ending in ("pdf", "epub"))
    assert len(pdf.chapters) == len(NUMBERS)
    for ours, theirs in zip(pdf.chapters, epub.chapters, strict=True):
        assert ours.text.split() == theirs.text.split()


def test_text_is_wrapped_and_holds_every_word() -> None:
    text = (DATA / f"{NAME}.txt").read_text(encoding="utf-8")
    assert max(len(line) for line in text.splitlines()) <= 72
    joined = " ".join(re.sub(r"\[\d+\]", "", text.replace("_", "")).split())
    for chapter in CHAPTERS.values():
        for paragraph in chapter:
            assert " ".join(paragraph.split()) in joined


def test_booksum_paths_lead_to_texts_and_summaries() -> None:
    sample = DATA / "booksum-sample"
    seen = []
    for path in sorted((sample / "alignments").rglob("chapter_*_split.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            number = int(row["summary_id"].removeprefix("chapter "))
            words = (sample / row["chapter_path"]).read_text(encoding="utf-8").split()
            assert words == " ".join(CHAPTERS[number]).split()
            document = json.loads((sample / row["summary_path"]).read_text(encoding="utf-8"))
            assert document["summary"] == [read_json("summaries.json")["chapters"][number - 1]]
            seen.append(number)
    assert sorted(seen) == NUMBERS


def test_gathered_summaries_are_the_same_words() -> None:
    for path in sorted((DATA / "booksum-sample").rglob("*.gathered")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            number = int(row["summary_id"].removeprefix("chapter "))
            whole = read_json("summaries.json")["chapters"][number - 1]
            assert " ".join(row["summary"]) == whole
            assert len(row["text"]) == len(CHAPTERS[number])


def test_million_token_book(tmp_path: Path) -> None:
    path = tmp_path / "million.txt"
    build("--million", str(path))
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^CHAPTER ([IVXLCDM]+)\.$", text, flags=re.MULTILINE)
    assert len(text.split()) >= 750_000
    assert len(set(headings)) == len(headings)
    assert len(headings) % len(NUMBERS) == 0
