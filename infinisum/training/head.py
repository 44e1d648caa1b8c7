"""`finetune --train head`: the salience head fitted by itself, on what a frozen network sees.

Two steps. The word vectors, whose mean is a sentence's vector, are trained towards the vectors of
the sentence encoder that made the labels (where the data have them). Then the layers that score a
sentence are fitted on the encoder's states, the sentence's vector and its looks. Both are small:
what the network says of every sentence is computed once and kept.

States of chapters that the network saw with their labels tell more than states of new chapters
will; fit on chapters that it was not trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.blocks import make_block
from infinisum.config import FinetuneOptions
from infinisum.errors import NotFoundError
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.salience import SalienceHead, pool_sentences
from infinisum.segments import Segment
from infinisum.tokenizer import Tokenizer
from infinisum.training.datasets import VECTOR_SIZE, Example
from infinisum.training.embeddings import distill_words
from infinisum.training.shards import ShardDataset

WORD_PASSES = 2  # over the sentences with vectors
WORD_RATE = 2e-3
WORD_BATCH = 256  # sentences
SCORE_PASSES = 5
SCORE_RATE = 1e-3
SCORE_BATCH = 1_024
SCORE_DECAY = 0.01
DROPOUT = 0.2
FITS = 2  # independent fits, each of a share of the hidden units, averaged
BLOCK_SEGMENTS = 4  # segments read at once

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SeenSentences:
    """Sentences with what the frozen network says of them; pieces of a cut one are rows."""

    states: Tensor  # [n, D] float16, mean of the encoder's states
    tokens: Tensor  # [m] int32, token ids of all sentences, one after the other
    starts: Tensor  # [n + 1], where each sentence's tokens start
    looks: Tensor  # [n, F], surface features
    targets: Tensor  # [n], label less the mean label of its text
    vectors: Tensor  # [n, E] float16 of the teacher, NaN where there is none

    def __len__(self) -> int:
        return len(self.targets)

    def bag(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of some sentences and the offset of each, as `embedding_bag` takes them."""
        first, last = self.starts[rows], self.starts[rows + 1]
        lengths = last - first
        offsets = torch.cumsum(lengths, 0) - lengths
        place = torch.arange(int(lengths.sum())) - offsets.repeat_interleave(lengths)
        return self.tokens[place + first.repeat_interleave(lengths)].long(), offsets


def labelled_texts(data: ShardDataset) -> Iterator[Example]:
    """One example of each text with labels, whatever the number of its summaries."""
    seen: set[int] = set()
    for number in range(len(data)):
        text = data.text_number(number)
        if data.labelled(number) and text not in seen:
            seen.add(text)
            yield data[number]


def read_sentences(
    model: InfinisumForConditionalGeneration,
    data: ShardDataset,
    pad_id: int,
    most_segments: int,
    cache: Path | None = None,
    say: Say = lambda _: None,
) -> SeenSentences:
    """Read the labelled texts with the frozen network.

    Args:
        model: the network.
        data: shards, some of them with labels.
        pad_id: of the vocabulary.
        most_segments: of a text; of longer ones the beginning, the middle or the end is read, in
            turn.
        cache: folder where the states are kept, so that the same texts are read once.
        say: told how far it is.

    Raises:
        NotFoundError: no text has labels.
    """
    texts = [_crop(example, n, most_segments) for n, example in enumerate(labelled_texts(data))]
    if not texts:
        raise NotFoundError(
            "No text of the training data has salience labels.",
            "Make them with: infinisum label --data summaries.jsonl -o labels",
        )
    rows = [_rows(text) for text in texts]
    tokens = torch.cat([row.tokens for row in rows])
    lengths = torch.cat([row.lengths for row in rows])
    return SeenSentences(
        states=_states(model, texts, pad_id, cache, say),
        tokens=tokens,
        starts=F.pad(lengths.cumsum(0), (1, 0)),
        looks=torch.cat([row.looks for row in rows]),
        targets=torch.cat([row.targets for row in rows]),
        vectors=torch.cat([row.vectors for row in rows]),
    )


class _Text(NamedTuple):
    """The part of a labelled text that is read."""

    example: Example
    segments: Sequence[Segment]


class _Rows(NamedTuple):
    """The sentences of a text, without what the network says; as in `SeenSentences`."""

    tokens: Tensor
    lengths: Tensor
    looks: Tensor
    targets: Tensor
    vectors: Tensor


def _crop(example: Example, number: int, most_segments: int) -> _Text:
    spare = max(0, len(example.segments) - most_segments)
    first = (0, spare // 2, spare)[number % 3]
    return _Text(example, example.segments[first : first + most_segments])


def _rows(text: _Text) -> _Rows:
    example = text.example
    spans = [(segment, span) for segment in text.segments for span in segment.spans]
    chosen = [span.sentence for _, span in spans]
    tokens = [segment.token_ids[span.start : span.end] for segment, span in spans]
    labels = torch.from_numpy(example.salience[chosen]).float()
    vectors = torch.full((len(chosen), VECTOR_SIZE), torch.nan, dtype=torch.float16)
    if len(example.vectors):
        vectors = torch.from_numpy(np.asarray(example.vectors[chosen]))
    return _Rows(
        torch.from_numpy(np.concatenate(tokens).astype(np.int32)),
        torch.tensor([len(piece) for piece in tokens]),
        torch.tensor([example.sentences[i].features for i in chosen]),
        labels - float(example.salience.mean()),
        vectors,
    )


def _states(
    model: InfinisumForConditionalGeneration,
    texts: Sequence[_Text],
    pad_id: int,
    cache: Path | None,
    say: Say,
) -> Tensor:
    """States of all sentences `[n, D]` float16, from the cache where it has them."""
    digest = hashlib.blake2b(digest_size=8)
    for parameter in (model.shared.weight, *model.encoder.parameters()):
        digest.update(parameter.detach().float().cpu().numpy().tobytes())
    for text in texts:
        for segment in text.segments:
            digest.update(segment.token_ids.tobytes())
    path = None if cache is None else cache / f"states-{digest.hexdigest()}.safetensors"
    if path is not None and path.is_file():
        return load_file(path)["states"]
    parts = []
    for number, text in enumerate(texts, start=1):
        parts.append(_read_text(model, text, pad_id))
        if number % 50 == 0:
            say(f"{number} of {len(texts)} texts read")
    states = torch.cat(parts)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file({"states": states}, part)
        part.replace(path)
    return states


@torch.no_grad()
def _read_text(model: InfinisumForConditionalGeneration, text: _Text, pad_id: int) -> Tensor:
    """Mean states of a text's sentences `[n, D]`, read as the engine reads a chapter."""
    state = model.initial_state(1, reservoir_length=0).encoder
    pooled: list[Tensor] = []
    for at in range(0, len(text.segments), BLOCK_SEGMENTS):
        part = text.segments[at : at + BLOCK_SEGMENTS]
        block = make_block([(part, text.example.sentences)], model.config.segment_length, pad_id)
        ids, mask, sentence_ids, features = (tensor.to(model.device) for tensor in block)
        hidden, _, state = model.encoder(model.shared(ids), mask, state)
        means = pool_sentences(hidden, sentence_ids, features.shape[2])[0]  # [S, K, D]
        pooled += [means[s, : len(segment.spans)] for s, segment in enumerate(part)]
    return torch.cat(pooled).half().cpu()


def fit_words(head: SalienceHead, seen: SeenSentences, say: Say = lambda _: None) -> float:
    """Train the word vectors towards the teacher's sentence vectors.

    Returns:
        Mean of 1 - cosine over the last pass; NaN, and nothing changed, without such vectors.
    """
    known = torch.nonzero(~seen.vectors[:, 0].isnan()).squeeze(1)
    loss = float("nan")
    if not len(known):
        return loss
    parameters = [head.words.weight, head.vector.weight]
    optimizer = torch.optim.Adam(parameters, lr=WORD_RATE)
    batches = -(-len(known) // WORD_BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, WORD_PASSES * batches)
    for number in range(WORD_PASSES):
        losses = []
        for rows in known[torch.randperm(len(known))].split(WORD_BATCH):
            ids, offsets = seen.bag(rows)
            own = head.vector(F.embedding_bag(ids, head.words.weight, offsets, mode="mean"))
            error = (1 - F.cosine_similarity(own, seen.vectors[rows].float(), dim=-1)).mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(error.detach()))
        loss = sum(losses) / len(losses)
        say(f"word vectors, pass {number + 1}: 1 - cosine {loss:.3f}")
    return loss


def fit_scores(head: SalienceHead, seen: SeenSentences, say: Say = lambda _: None) -> float:
    """Fit the layers that score a sentence, from new weights.

    `FITS` independent fits, each with its share of the hidden units, stand side by side in the
    head afterwards, so that their mean is its score.

    Returns:
        Correlation with the targets in the last pass.
    """
    scale, mean = torch.std_mean(seen.looks, dim=0)
    head.feature_mean.copy_(mean)
    head.feature_scale.copy_(torch.where(scale > 1e-6, scale, torch.ones_like(scale)))
    inputs = _inputs(head, seen)
    width = head.hidden.out_features // FITS
    fits = [_fit(inputs, seen.targets, width, say) for _ in range(FITS)]
    with torch.no_grad():
        head.hidden.weight.zero_()
        head.hidden.bias.zero_()
        head.score.weight.zero_()
        for number, (hidden, score, _) in enumerate(fits):
            place = slice(number * width, (number + 1) * width)
            head.hidden.weight[place] = hidden.weight
            head.hidden.bias[place] = hidden.bias
            head.score.weight[0, place] = score.weight[0] / FITS
        head.score.bias.copy_(torch.stack([score.bias for _, score, _ in fits]).mean(0))
    return sum(correlation for _, _, correlation in fits) / FITS


@torch.no_grad()
def _inputs(head: SalienceHead, seen: SeenSentences) -> Tensor:
    """What the hidden layer sees of each sentence, `[n, D + E + F]` float16."""
    vectors = []
    for rows in torch.arange(len(seen)).split(8_192):
        ids, offsets = seen.bag(rows)
        means = F.embedding_bag(ids, head.words.weight, offsets, mode="mean")
        vectors.append(F.normalize(head.vector(means), dim=-1).half())
    return torch.cat([seen.states, torch.cat(vectors), head.looks(seen.looks).half()], dim=1)


def _fit(
    inputs: Tensor, targets: Tensor, width: int, say: Say
) -> tuple[nn.Linear, nn.Linear, float]:
    """One fit: hidden layer, score layer, and the correlation of the last pass."""
    hidden, score = nn.Linear(inputs.shape[1], width), nn.Linear(width, 1)
    optimizer = torch.optim.AdamW(
        [*hidden.parameters(), *score.parameters()], lr=SCORE_RATE, weight_decay=SCORE_DECAY
    )
    batches = -(-len(targets) // SCORE_BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, SCORE_PASSES * batches)
    correlation = 0.0
    for number in range(SCORE_PASSES):
        said = torch.zeros_like(targets)
        for rows in torch.randperm(len(targets)).split(SCORE_BATCH):
            own = F.dropout(F.silu(hidden(inputs[rows].float())), DROPOUT)
            own = score(own).squeeze(-1)
            error = F.mse_loss(own, targets[rows])
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            schedule.step()
            said[rows] = own.detach()
        correlation = float(torch.corrcoef(torch.stack([said, targets]))[0, 1])
        say(f"scores, pass {number + 1}: correlation with the labels {correlation:.3f}")
    return hidden, score, correlation


def fit_head(
    model: InfinisumForConditionalGeneration,
    tokenizer: Tokenizer,
    data: ShardDataset,
    options: FinetuneOptions,
    say: Say = lambda _: None,
) -> None:
    """Fit the salience head of a network; nothing else of it changes.

    Args:
        model: the network, in fp32.
        tokenizer: its vocabulary.
        data: shards with labels, and with the teacher's vectors for the word vectors to learn.
        options: `embeddings`: "distilled" starts the word vectors anew from the teacher's vectors
            of the tokens, "random" goes on from those of the model; `max_segments` read of each
            text; `seed`: the same gives the same head.
        say: told how it goes.

    Raises:
        NotFoundError: no text has labels, or the sentence encoder is not installed.
    """
    model.train(False)
    if options.embeddings == "distilled":
        distill_words(model.salience, tokenizer)
    cache = options.output / "shards"
    seen = read_sentences(model, data, tokenizer.pad_id, options.max_segments, cache, say)
    torch.manual_seed(options.seed)
    fit_words(model.salience, seen, say)
    fit_scores(model.salience, seen, say)
