"""How well evidence is found, and how often it is claimed wrongly.

    python benchmarks/evidence_check.py [--books DIR] [--corpus DIR] [--links N] [-o results.json]

1. The labelled sentences of the novella in `data/`: a labelled paragraph or one beside it.
2. `--books`: sentences drawn from EPUBs lead to their own paragraph, in order and out of order.
3. `--corpus`: with `booksum-chapters-validation.jsonl.xz`, how many sentences of a chapter's
   reference are supported by that chapter, by the chapter of another book, and by the novella.
   `--links` prints links of references to their chapters, to be judged by reading.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from itertools import groupby
from pathlib import Path
from typing import Any

from infinisum.books.book import Book, Chapter, Paragraph
from infinisum.books.reader import read_book
from infinisum.books.sentences import split_sentences
from infinisum.datasets.jsonl import read_json_lines
from infinisum.summary.evidence import SUPPORTED_FROM, find_evidence
from infinisum.summary.extract import stands_alone
from infinisum.summary.summary import WrittenSentence

DATA = Path(__file__).resolve().parents[1] / "data"
BOOKS = (
    "charles-dickens_a-christmas-carol",
    "mary-shelley_frankenstein",
    "h-g-wells_the-time-machine",
    "jane-austen_pride-and-prejudice",
    "herman-melville_moby-dick",
)
SENTENCES = 200  # drawn from each book
LEAST_WORDS = 1_200  # of a chapter of the corpus


def look(sentences: list[str], book: Book) -> tuple[WrittenSentence, ...]:
    chapters = book.chapters
    (found,) = find_evidence([(None, sentences)], lambda: enumerate(chapters, 1), book.language)
    return found


def novella_rows(novella: Book) -> dict[str, Any]:
    """Accuracy on the labels; the odd chapters were there when the settings were chosen."""
    labels = json.loads((DATA / "source" / "evidence.json").read_text(encoding="utf-8"))
    groups = [(key, list(group)) for key, group in groupby(labels, key=lambda e: e["chapter"])]
    found = find_evidence(
        [(number, [entry["sentence"] for entry in group]) for number, group in groups],
        lambda: enumerate(novella.chapters, 1),
        novella.language,
    )
    rows: dict[str, list[tuple[bool, bool]]] = {}
    for (number, group), sentences in zip(groups, found, strict=True):
        for entry, sentence in zip(group, sentences, strict=True):
            evidence = sentence.evidence
            hit = evidence is not None and any(
                evidence.chapter == chapter and abs(evidence.paragraph - 1 - paragraph) <= 1
                for chapter, paragraph in entry["support"]
            )
            half = "odd" if entry["support"][0][0] % 2 else "even"
            level = "book" if number is None else "chapters"
            for name in ("all", half, level):
                rows.setdefault(name, []).append((hit, sentence.supported))
    return {
        name: {
            "sentences": len(row),
            "right_or_beside": sum(hit for hit, _ in row),
            "unsupported": sum(not supported for _, supported in row),
        }
        for name, row in rows.items()
    }


def own_rows(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for name in BOOKS:
        book = read_book(folder / f"{name}.epub")
        whole = [
            (number, at, sentence)
            for number, chapter in enumerate(book.chapters, 1)
            for at, paragraph in enumerate(chapter.paragraphs, 1)
            for sentence in split_sentences(paragraph.text)
            if stands_alone(sentence)
        ]
        drawn = random.Random(0).sample(whole, SENTENCES)
        for order, chosen in (("book's", sorted(drawn)), ("random", drawn)):
            started = time.process_time()
            found = look([sentence for _, _, sentence in chosen], book)
            cpu_s = time.process_time() - started
            own = sum(
                f.evidence is not None and (f.evidence.chapter, f.evidence.paragraph) == (n, at)
                for f, (n, at, _) in zip(found, chosen, strict=True)
            )
            rows.append(
                {
                    "book": name,
                    "words": book.words,
                    "order": order,
                    "sentences": SENTENCES,
                    "own_paragraph": own,
                    "supported": sum(f.supported for f in found),
                    "cpu_s": round(cpu_s, 2),
                }
            )
    return rows


def corpus_pairs(corpus: Path) -> list[tuple[dict[str, Any], Book]]:
    """One chapter of each work with a reference that was not marked as suspect, by seed 1."""
    rows = [
        row
        for row in read_json_lines(corpus / "booksum-chapters-validation.jsonl.xz")
        if str(row["qc"]) == "[]"
        and str(row["is_aggregate"]) == "False"
        and row["text_words"] >= LEAST_WORDS
    ]
    random.Random(1).shuffle(rows)
    works: dict[str, dict[str, Any]] = {}
    for row in rows:
        works.setdefault(row["title"], row)
    return [(row, _book(row)) for row in works.values()]


def _book(row: dict[str, Any]) -> Book:
    paragraphs = tuple(Paragraph(part) for part in row["text"].split("\n\n") if part.strip())
    return Book(row["title"], row["author"], (Chapter(row["chapter"], paragraphs),), "en")


def support_rows(pairs: list[tuple[dict[str, Any], Book]], novella: Book) -> dict[str, Any]:
    counts = {"own chapter": [0, 0], "chapter of another book": [0, 0], "novella": [0, 0]}
    for at, (row, book) in enumerate(pairs):
        sentences = split_sentences(row["summary"])
        other = pairs[(at + 1) % len(pairs)][1]
        for name, source in zip(counts, (book, other, novella), strict=True):
            found = look(sentences, source)
            counts[name][0] += sum(sentence.supported for sentence in found)
            counts[name][1] += len(found)
    return {name: {"supported": yes, "sentences": all_} for name, (yes, all_) in counts.items()}


def print_links(pairs: list[tuple[dict[str, Any], Book]], count: int) -> None:
    """Sentences with the paragraph they lead to, drawn by seed 2 over all works."""
    links = [
        (row, book, sentence)
        for row, book in pairs
        for sentence in look(split_sentences(row["summary"]), book)
    ]
    for number, (row, book, sentence) in enumerate(random.Random(2).sample(links, count), 1):
        print(f"\n[{number}] {row['title']} · {row['summary_source']}\n  S: {sentence.text}")
        evidence = sentence.evidence
        if evidence is None:
            print("  none")
            continue
        paragraphs = book.chapters[0].paragraphs
        at = evidence.paragraph - 1
        mark = "supported" if evidence.supported else "UNSUPPORTED"
        print(f"  {mark} {evidence.score:.2f} ¶ {evidence.paragraph} of {len(paragraphs)}")
        print(f"  Q: {evidence.quote}")
        for near in paragraphs[max(0, at - 1) : at + 2]:
            print(f"  P: {near.text[:700]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--books", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--links", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    novella = read_book(DATA / "the-tide-ledger.epub")
    results: dict[str, Any] = {"supported_from": SUPPORTED_FROM, "novella": novella_rows(novella)}
    if arguments.books:
        results["own_sentences"] = own_rows(arguments.books)
    if arguments.corpus:
        pairs = corpus_pairs(arguments.corpus)
        results["booksum"] = support_rows(pairs, novella)
        if arguments.links:
            print_links(pairs, arguments.links)
    text = json.dumps(results, indent=2, ensure_ascii=False)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text if not arguments.links else "")


if __name__ == "__main__":
    main()
