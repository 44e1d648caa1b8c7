"""What a network is asked to do in training; `--objective` names one or several with weights.

A new objective is a class that `Objective` describes, and a line in `objectives_named`.
"""

from __future__ import annotations

from infinisum.errors import UsageError
from infinisum.tokenizer import Tokenizer
from infinisum.training.objectives.base import Draw, Objective, RowInfo
from infinisum.training.objectives.supervised import Salience, Summarize

__all__ = ["OBJECTIVES", "Draw", "Objective", "RowInfo", "objectives_named"]

OBJECTIVES = ("summarize", "salience")


def objectives_named(
    weights: dict[str, float], tokenizer: Tokenizer, segment_length: int
) -> dict[Objective, float]:
    """The objectives and the weights they are drawn with.

    Args:
        weights: of each name, as `FinetuneOptions.weights` gives them.
        tokenizer: of the model.
        segment_length: most tokens in a segment.

    Raises:
        UsageError: a name is unknown.
    """
    unknown = [name for name in weights if name not in OBJECTIVES]
    if unknown:
        raise UsageError(
            f"--objective {','.join(unknown)}: unknown.", f"Known: {', '.join(OBJECTIVES)}."
        )
    known: dict[str, Objective] = {
        objective.name: objective for objective in (Summarize(), Salience())
    }
    return {known[name]: weight for name, weight in weights.items()}
