"""ROUGE on BookSum's validation split: trivial rows, a model's three methods, predictions.

    python benchmarks/booksum_validation.py --corpus DIR [--model DIR]
        [--methods extractive …] [--predictions FILE] [--level book|chapter] [--words N]
        [--limit N] [--dtype NAME] [--cache DIR] [-o results.json]

`DIR` holds `booksum-books-validation.jsonl.xz` and `booksum-chapters-validation.jsonl.xz`. Scores
follow SCROLLS: no stemmer, sentence-less ROUGE-L, F1 in per cent, averaged over all pairs of text
and reference; the last column is the geometric mean of the three averages. The greedy oracle sees
the reference and shows what extraction could reach. `--predictions` scores JSON lines with `id`
and `text`, where `id` is that of a corpus row (rows of one work may share one prediction under any
of their ids). Trivial rows are computed once and kept in the folder `--cache`, if one is named.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from infinisum.books.book import Book
from infinisum.config import Method, SummarizeOptions
from infinisum.datasets.jsonl import read_json_lines
from infinisum.evaluation.baselines import BASELINES, greedy_oracle
from infinisum.loading import LoadedModel
from infinisum.rouge import RougeScores, corpus_rouge, rouge

FILES = {"book": "booksum-books-validation", "chapter": "booksum-chapters-validation"}
WORDS = {"book": 1_214, "chapter": 338}  # mean length of the references
METHODS: tuple[Method, ...] = ("extractive", "hybrid", "abstractive")


@dataclass
class Work:
    """A text with all of its references."""

    title: str
    text: str
    references: dict[str, str]  # by the id of the corpus row


def read_works(corpus: Path, level: str, limit: int | None) -> list[Work]:
    """Rows of the corpus, grouped by text; of more than `limit`, so many drawn by seed 0."""
    works: dict[str, Work] = {}
    for row in read_json_lines(corpus / f"{FILES[level]}.jsonl.xz"):
        key = hashlib.sha256(row["text"].encode()).hexdigest()
        work = works.setdefault(key, Work(row["title"], row["text"], {}))
        work.references[row["id"]] = row["summary"]
    chosen = list(works.values())
    if limit is not None and limit < len(chosen):
        chosen = random.Random(0).sample(chosen, limit)
    return chosen


def score_rows(works: Iterable[Work], summary: Callable[[Work], str]) -> list[RougeScores]:
    """Scores of every pair, one summary a work."""
    scores = []
    for work in works:
        text = summary(work)
        scores += [rouge(text, reference, lsum=False) for reference in work.references.values()]
    return scores


def trivial_rows(works: list[Work], words: int) -> dict[str, list[RougeScores]]:
    rows = {
        name: score_rows(works, lambda work, make=make: make(work.text, words))  # type: ignore[misc]
        for name, make in BASELINES.items()
    }
    rows["greedy oracle"] = [
        rouge(greedy_oracle(work.text, reference, words), reference, lsum=False)
        for work in works
        for reference in work.references.values()
    ]
    return rows


def cached_trivial_rows(
    works: list[Work], words: int, cache: Path | None
) -> dict[str, list[RougeScores]]:
    if cache is None:
        return trivial_rows(works, words)
    keys = json.dumps([words, [[*work.references] for work in works]])
    path = cache / f"trivial-{hashlib.sha256(keys.encode()).hexdigest()[:16]}.json"
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {name: [RougeScores(**row) for row in rows] for name, rows in stored.items()}
    rows = trivial_rows(works, words)
    cache.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: [asdict(s) for s in row] for name, row in rows.items()}))
    return rows


def model_rows(
    works: list[Work], folder: Path, words: int, methods: list[Method], dtype: str
) -> dict[str, list[RougeScores]]:
    """Summaries of the whole text by each method of a model, from one reading of each text."""
    from infinisum.books.reader import read_book
    from infinisum.loading import load_model

    loaded = load_model(folder, dtype=dtype)
    rows: dict[str, list[RougeScores]] = {method: [] for method in methods}
    for number, work in enumerate(works, start=1):
        book = read_book(io.BytesIO(work.text.encode()), name=f"{work.title}.txt")
        for method, text in summaries(book, loaded, words, methods).items():
            rows[method] += score_rows([work], lambda _, text=text: text)  # type: ignore[misc]
        print(f"{number}/{len(works)} {work.title}", file=sys.stderr, flush=True)
    return rows


def summaries(
    book: Book, loaded: LoadedModel, words: int, methods: list[Method]
) -> dict[Method, str]:
    """What `infinisum summarize --level book` writes with each method."""
    from infinisum.pipeline import read, summarize

    asked = {m: SummarizeOptions(level="book", words=words, method=m) for m in methods}
    reading = read(book, loaded, SummarizeOptions(level="book"))
    return {m: summarize(reading, loaded, options).running_text for m, options in asked.items()}


def prediction_rows(works: list[Work], path: Path) -> list[RougeScores]:
    """Scores of the predictions in a file; works without one are named and left out."""
    texts = {str(row["id"]): str(row["text"]) for row in read_json_lines(path)}
    scores = []
    for work in works:
        shared = [texts[key] for key in work.references if key in texts]
        if not shared:
            print(f"{path}: no prediction for {work.title}", file=sys.stderr)
            continue
        for key, reference in work.references.items():
            scores.append(rouge(texts.get(key, shared[0]), reference, lsum=False))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--level", choices=[*FILES], default="book")
    parser.add_argument("--words", type=int)
    parser.add_argument("--limit", type=int, help="works drawn at random")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--output", "-o", type=Path)
    options = parser.parse_args()
    words = options.words or WORDS[options.level]
    works = read_works(options.corpus, options.level, options.limit)
    start = time.monotonic()
    rows = cached_trivial_rows(works, words, options.cache)
    if options.predictions:
        rows[options.predictions.stem] = prediction_rows(works, options.predictions)
    if options.model:
        rows |= model_rows(works, options.model, words, options.methods, options.dtype)
    table = []
    print(f"{'':20}{'R-1':>7}{'R-2':>7}{'R-L':>7}{'mean':>7}{'pairs':>7}")
    for name, scores in rows.items():
        if not scores:
            continue
        mean = corpus_rouge(scores)
        values = {"rouge1": mean.rouge1, "rouge2": mean.rouge2, "rougeL": mean.rougeL}
        values["geometric_mean"] = mean.geometric_mean
        print(f"{name:20}" + "".join(f"{v:7.2f}" for v in values.values()) + f"{len(scores):7}")
        table.append({"row": name, "pairs": len(scores), **values})
    result = {
        "level": options.level,
        "words": words,
        "works": len(works),
        "convention": "scrolls",
        "seconds": round(time.monotonic() - start, 1),
        "rows": table,
    }
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
