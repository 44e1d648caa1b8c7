"""Evaluations of the memory: perplexity after more and more text, planted facts, gates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.config import EvaluateOptions
from infinisum.errors import UsageError
from infinisum.evaluation import continuation, recall
from infinisum.evaluation.cases import sample
from infinisum.evaluation.common import Evaluation, Unwatched, Watcher, header, key_of
from infinisum.evaluation.gates import gates_of
from infinisum.evaluation.journal import Journal
from infinisum.evaluation.passkey import evaluate_passkey
from infinisum.evaluation.texts import LongText, load_texts
from infinisum.evaluation.tokenbook import TokenBook
from infinisum.hub import find_model

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel

PASSKEY_LENGTHS = (4_096, 16_384, 65_536)
PASSKEY_TRIALS = 50  # a filler, length and position


def evaluate_memory(
    options: EvaluateOptions, journal: Path | None = None, watcher: Watcher | None = None
) -> Evaluation:
    """Measure the memory of each model on one of the data sets of `evaluate.MEMORY`.

    Raises:
        NotFoundError: no data or no model.
        UsageError: no model is named.
    """
    if not options.models:
        raise UsageError(f"--dataset {options.dataset} measures models.", "Name one with --model.")
    watcher = watcher or Unwatched()
    folders = {name: find_model(name) for name in options.models}
    texts: list[LongText] = []
    facts: list[recall.Fact] = []
    if options.dataset == "planted":
        facts = recall.load_facts(options.data or Path("data"))
    elif options.dataset not in ("gates", "passkey"):
        texts = load_texts(options.dataset, options.data, options.split)
    everything, texts = texts, sample(texts, options.limit)
    dataset = _dataset(options, texts, facts)
    settings = {"seed": options.seed, "dtype": options.dtype, **_settings(options)}
    content = header(dataset, settings, folders)
    kept = Journal(journal, key_of(content))
    if texts:
        content |= {"continuation": [], "passages": {}}
    if options.dataset == "passkey":
        content["passkey"] = []
    if options.dataset == "planted":
        content |= {"recall": [], "facts": {}}
    content["gates"] = []
    for name, folder in folders.items():
        loaded = _load(options, folder, watcher)
        content["gates"] += gates_of(loaded.encoder_decoder, name)
        if facts:
            found = recall.measure_facts(loaded, facts)
            content["facts"][name] = found
            content["recall"].append(recall.summarise(found, name, options.seed))
        if options.dataset == "passkey":
            found_cells = evaluate_passkey(
                loaded, PASSKEY_LENGTHS, trials=options.limit or PASSKEY_TRIALS, seed=options.seed
            )
            content["passkey"] += [{"model": name, **row} for row in found_cells["rows"]]
        if texts:
            measured = _passages(loaded, name, texts, everything, kept, watcher)
            content["passages"][name] = measured
            content["continuation"] += continuation.aggregate(measured, name, options.seed)
    evaluation = Evaluation(content)
    watcher.finished(evaluation)
    kept.remove()
    return evaluation


def _passages(
    loaded: LoadedModel,
    name: str,
    texts: Sequence[LongText],
    everything: Sequence[LongText],
    kept: Journal,
    watcher: Watcher,
) -> dict[str, list[dict[str, Any]]]:
    """The passages of every text; the text that takes another's place is the next one."""
    measured: dict[str, list[dict[str, Any]]] = {}
    for number, text in enumerate(texts):
        watcher.step(name, number, len(texts))
        part = f"{name}/{text.id}"
        passages = kept.get(part)
        if passages is None:
            place = everything.index(text)
            other = everything[(place + 1) % len(everything)]
            own = TokenBook(text.text, loaded.tokenizer)
            passages = continuation.measure_text(
                loaded, own, TokenBook(other.text, loaded.tokenizer)
            )
            kept.put(part, passages)
        if passages:
            measured[text.id] = passages
    watcher.step(name, len(texts), len(texts))
    return measured


def _load(options: EvaluateOptions, folder: Path, watcher: Watcher) -> LoadedModel:
    from infinisum.loading import load_model

    loaded = load_model(folder, options.device, options.dtype)
    watcher.loaded(loaded)
    return loaded


def _dataset(
    options: EvaluateOptions, texts: Sequence[LongText], facts: Sequence[recall.Fact]
) -> dict[str, Any]:
    digest = hashlib.sha256()
    for part in [*(t.text for t in texts), *(str(fact) for fact in facts)]:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return {
        "name": options.dataset,
        "texts": len(texts),
        "facts": len(facts),
        "fingerprint": digest.hexdigest()[:16],
    }


def _settings(options: EvaluateOptions) -> dict[str, Any]:
    if options.dataset == "passkey":
        return {
            "lengths_tokens": list(PASSKEY_LENGTHS),
            "trials": options.limit or PASSKEY_TRIALS,
        }
    if options.dataset in ("planted", "gates"):
        return {}
    return {
        "contexts_tokens": list(continuation.CONTEXTS),
        "target_tokens": continuation.TARGET_TOKENS,
        "passages_a_text": continuation.PASSAGES,
        "far_tokens": continuation.FAR_TOKENS,
    }
