"""What memory is worth: the decoder continues a held-out text from what it knows of it.

The same passages are continued after 0, 1K, 4K, 16K, 64K … tokens right before them. Where more
was read than the window holds, the window is the same under three conditions, and what came before
it is `own` (the text itself), `none` (nothing was read before the window), or `other` (as much of
another text). The gain of own memory over another's is what the memory knows of *this* text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt
import torch

from infinisum.engine import Engine
from infinisum.evaluation.statistics import Clusters, tidy
from infinisum.evaluation.tokenbook import Target, TokenBook

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.model.reading import StreamState

CONTEXTS: Final = (0, 1_024, 4_096, 16_384, 65_536, 262_144)  # tokens read before a passage
TARGET_TOKENS: Final = 512
PASSAGES: Final = 2  # of a text, as far apart as it allows
FAR_TOKENS: Final = 8_192  # a name last seen longer ago has left every window
CONDITIONS: Final = ("own", "none", "other")
BLOCK_SEGMENTS: Final = 8

Losses = npt.NDArray[np.float64]


def measure_text(
    loaded: LoadedModel, book: TokenBook, other: TokenBook, contexts: Sequence[int] = CONTEXTS
) -> list[dict[str, Any]]:
    """Losses of every token of the passages of a text, under every context and condition.

    Args:
        loaded: the model.
        book: the text.
        other: the text that takes its place under the condition "other".
        contexts: tokens read before a passage, rising.

    Returns:
        For each passage its bytes, the gaps of its names, and under `losses` for
        "context/condition" the loss of each token in nats.
    """
    others: dict[int, StreamState | None] = {}
    passages = []
    for sentence in passage_starts(book, contexts):
        target = book.target(sentence, TARGET_TOKENS)
        runs = dict(_runs(loaded, book, other, others, sentence, contexts))
        losses = {
            name: continue_with(loaded, state, target).tolist() for name, state in runs.items()
        }
        passages.append(
            {
                "bytes": target.text_bytes,
                "start": target.start,
                "gaps": target.gaps.tolist(),
                "losses": {n: [round(v, 5) for v in values] for n, values in losses.items()},
            }
        )
    return passages


def passage_starts(book: TokenBook, contexts: Sequence[int] = CONTEXTS) -> list[int]:
    """Sentences that passages start with: after the longest context that fits, up to the end."""
    latest = book.tokens - TARGET_TOKENS
    reachable = [c for c in contexts if c <= latest]
    if latest <= 0 or not reachable or reachable[-1] == 0:
        return []
    first = reachable[-1]
    places = np.linspace(first, latest, PASSAGES) if latest > first else [first]
    sentences = [min(book.sentence_at(int(place)), len(book.sentences) - 1) for place in places]
    long_enough = [s for s in sentences if book.tokens - book.starts[s] >= TARGET_TOKENS // 2]
    return sorted(set(long_enough))


@torch.no_grad()
def continue_with(loaded: LoadedModel, state: StreamState, target: Target) -> Losses:
    """Loss of each token of a passage in nats, `[T]`, given what was read."""
    model, tokenizer = loaded.encoder_decoder, loaded.tokenizer
    prompt = tokenizer.prompt("continue", 1)[:2]  # as the training objective asks for it
    ids = torch.tensor([*prompt, *target.ids.tolist()], device=model.device)[None]
    output = model(
        encoder_outputs=model.visible(state), decoder_input_ids=ids[:, :-1], use_cache=False
    )
    assert output.logits is not None
    logits = output.logits[0, len(prompt) - 1 :].float()  # [T, V]
    losses = torch.nn.functional.cross_entropy(logits, ids[0, len(prompt) :], reduction="none")
    return np.asarray(losses.double().cpu().numpy())


def _runs(
    loaded: LoadedModel,
    book: TokenBook,
    other: TokenBook,
    others: dict[int, StreamState | None],
    sentence: int,
    contexts: Sequence[int],
) -> Iterator[tuple[str, StreamState]]:
    """States before a passage, by context and condition."""
    config = loaded.encoder_decoder.config
    place, window = book.starts[sentence], config.segment_length * config.window_segments
    window_start = book.sentence_at(place - window)
    none: StreamState | None = None
    for context in contexts:
        if context > place:
            break
        first = book.sentence_at(place - context)
        if context <= window:
            yield f"{context}/own", _read(loaded, None, book, first, sentence)
            continue
        if none is None:
            none = _read(loaded, None, book, window_start, sentence)
        before = _read(loaded, None, book, first, window_start)
        yield f"{context}/own", _read(loaded, before, book, window_start, sentence)
        yield f"{context}/none", none
        if context not in others:
            end = other.sentence_at(context - window)
            fits = other.tokens >= context - window
            others[context] = _read(loaded, None, other, 0, end) if fits else None
        theirs = others[context]
        if theirs is not None:
            yield f"{context}/other", _read(loaded, theirs, book, window_start, sentence)


def _read(
    loaded: LoadedModel, state: StreamState | None, book: TokenBook, first: int, end: int
) -> StreamState:
    """The state after the sentences from `first` to `end`, read on from `state`."""
    engine = Engine(
        loaded.model, pad_id=loaded.tokenizer.pad_id, block_segments=BLOCK_SEGMENTS, state=state
    )
    if end > first:
        chapter = book.stretch(first, end, loaded.model.config.segment_length)
        for _ in engine.read([chapter], contexts=False):
            pass
    return cast("StreamState", engine.state)


def aggregate(
    texts: Mapping[str, Sequence[Mapping[str, Any]]], model: str, seed: int
) -> list[dict[str, Any]]:
    """Bits per byte and perplexity for each context and condition, with paired gains.

    Args:
        texts: passages of each text, from `measure_text`.
        model: how results call it.
        seed: of the bootstrap over texts.
    """
    pairs = [(name, passage) for name, passages in texts.items() for passage in passages]
    contexts = sorted({int(run.split("/")[0]) for _, passage in pairs for run in passage["losses"]})
    table = []
    for context in contexts:
        own = [(name, p) for name, p in pairs if f"{context}/own" in p["losses"]]
        line: dict[str, Any] = {
            "model": model,
            "context_tokens": context,
            "texts": len({name for name, _ in own}),
            "passages": len(own),
            "tokens": sum(len(p["gaps"]) for _, p in own),
        }
        for condition in CONDITIONS:
            line[condition] = _level(own, f"{context}/{condition}", seed)
        for condition in CONDITIONS[1:]:
            runs = (f"{context}/own", f"{context}/{condition}")
            line[f"gain_over_{condition}"] = _gain(own, runs, seed)
            line[f"name_gain_over_{condition}"] = _gain(own, runs, seed, names_within=context)
        table.append(line)
    return table


def _level(
    pairs: Sequence[tuple[str, Mapping[str, Any]]], run: str, seed: int
) -> dict[str, Any] | None:
    """Bits per byte with its interval, and token perplexity, of one run."""
    having = [(name, p) for name, p in pairs if run in p["losses"]]
    if not having:
        return None
    sums = np.array([[sum(p["losses"][run]) / math.log(2), p["bytes"]] for _, p in having])
    clusters = Clusters([name for name, _ in having], seed)
    mean, drawn = clusters.means(sums)
    bits = clusters.estimate(mean[0] / mean[1], drawn[:, 0] / drawn[:, 1]).as_dict()
    tokens = sum(len(p["gaps"]) for _, p in having)
    nats = float(sums[:, 0].sum()) * math.log(2) / tokens
    return {"bits_per_byte": bits, "perplexity": tidy(math.exp(nats))}


def _gain(
    pairs: Sequence[tuple[str, Mapping[str, Any]]],
    runs: tuple[str, str],
    seed: int,
    names_within: int | None = None,
) -> dict[str, Any] | None:
    """Bits a token that the first run saves against the second, on the same tokens.

    Args:
        pairs: passages with the name of their text.
        runs: two keys of `losses`.
        seed: of the bootstrap.
        names_within: count only tokens of names last seen more than `FAR_TOKENS` ago, and inside
            this context.
    """
    names, sums = [], []
    for name, passage in pairs:
        if not all(run in passage["losses"] for run in runs):
            continue
        own, other = (np.array(passage["losses"][run]) for run in runs)
        chosen = np.ones(len(own), bool)
        if names_within is not None:
            gaps = np.array(passage["gaps"])
            chosen = (gaps > FAR_TOKENS) & (gaps <= names_within)
        names.append(name)
        sums.append([float((other - own)[chosen].sum()) / math.log(2), int(chosen.sum())])
    values = np.array(sums).reshape(-1, 2)
    if not len(values) or not values[:, 1].sum():
        return None
    clusters = Clusters(names, seed)
    mean, drawn = clusters.means(values)
    drawn = drawn[drawn[:, 1] > 0]  # a draw may hold no such name
    difference = clusters.difference(float(mean[0] / mean[1]), drawn[:, 0] / drawn[:, 1])
    return {**difference, "tokens": int(values[:, 1].sum())}
