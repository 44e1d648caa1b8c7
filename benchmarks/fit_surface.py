"""Fit the surface-feature row of `infinisum eval` on BookSum's training chapters.

    python benchmarks/fit_surface.py booksum-chapters-train.jsonl.xz [--texts 1500] [--seed 0]

Labels are ranks of the lexical gain of a sentence against the reference summaries, averaged over
the references. Of every work at most `--texts` / 50 chapters are taken, drawn by the seed. Writes
`infinisum/evaluation/surface.json`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np

from infinisum.datasets.jsonl import read_json_lines
from infinisum.evaluation import surface
from infinisum.training.labels import lexical_gain, ranks

OUTPUT = Path(surface.__file__).with_name("surface.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--texts", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    texts: dict[str, tuple[str, list[str]]] = {}
    for row in read_json_lines(options.rows):
        if not row.get("qc") and row.get("summary_source") != "shmoop":
            texts.setdefault(row["text"], (row["title"], []))[1].append(row["summary"])
    works = defaultdict(list)
    for text, (title, references) in texts.items():
        works[title].append((text, references))
    drawn = random.Random(options.seed)
    most = max(1, options.texts // 50)
    chosen = [pair for rows in works.values() for pair in drawn.sample(rows, min(most, len(rows)))]
    drawn.shuffle(chosen)
    features, labels = [], []
    for text, references in chosen[: options.texts]:
        sentences, paragraph_of = surface._split(text)
        gains = [ranks(lexical_gain(sentences, reference)) for reference in references]
        lengths = np.array([len(sentence.split()) for sentence in sentences])
        fit = (lengths >= surface.SHORTEST) & (lengths <= surface.LONGEST)
        features.append(surface.surface_features(sentences, paragraph_of)[fit])
        label = np.mean(gains, axis=0)[fit]
        labels.append(label - label.mean())
    weights = surface.fit_ridge(np.concatenate(features), np.concatenate(labels))
    names = [*surface.USED, *(f"{name}^2" for name in surface.USED)]
    content = {
        "about": "Ridge regression on BookSum's training chapters (study-guide summaries: research "
        "use only), written by benchmarks/fit_surface.py.",
        "texts": len(features),
        "works": len(works),
        "sentences": sum(map(len, features)),
        "weights": {name: round(float(w), 5) for name, w in zip(names, weights, strict=True)},
    }
    OUTPUT.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content))


if __name__ == "__main__":
    main()
