"""`evaluate()`: one call for every data set."""

from __future__ import annotations

from pathlib import Path

from infinisum.config import EvaluateOptions
from infinisum.evaluation.common import Evaluation, Watcher

MEMORY = ("pg19", "arxiv-math", "planted", "passkey", "gates")


def evaluate(
    options: EvaluateOptions | None = None,
    *,
    journal: Path | None = None,
    watcher: Watcher | None = None,
) -> Evaluation:
    """Evaluate models on a data set, beside rows that take no model where there are references.

    Args:
        options: data, models, conventions.
        journal: file that keeps finished texts, so that a second call goes on after the first
            was interrupted; it is deleted at the end.
        watcher: is told how far it is, and of the results before the journal is deleted.

    Raises:
        NotFoundError: no data set or no model.
        InputError: the data or the model cannot be read.
        OutputError: the journal cannot be written.
        UsageError: the data set measures models, and none is named.
    """
    options = options or EvaluateOptions()
    if options.dataset in MEMORY:
        from infinisum.evaluation.memory import evaluate_memory

        return evaluate_memory(options, journal, watcher)
    from infinisum.evaluation.runner import evaluate_summaries

    return evaluate_summaries(options, journal, watcher)
