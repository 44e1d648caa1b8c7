"""What a network is asked to do in training; `--objective` names one or several with weights.

A new objective is a class that `Objective` describes, and a line in `objectives_named`.
"""

from __future__ import annotations

from infinisum.errors import UsageError
from infinisum.tokenizer import Tokenizer
from infinisum.training.objectives.base import Draw, Objective, RowInfo
from infinisum.training.objectives.passkey import Passkey
from infinisum.training.objectives.supervised import Salience, Summarize
from infinisum.training.objectives.unsupervised import Continuation, Gaps, Infill, Language

__all__ = ["OBJECTIVES", "Draw", "Objective", "RowInfo", "objectives_named"]

# What `pretrain` stands for, and the share of each in it.
PRETRAIN = {"gaps": 0.3, "continue": 0.3, "infill": 0.2, "language": 0.2}
OBJECTIVES = ("summarize", "salience", "passkey", "pretrain", *PRETRAIN)


def objectives_named(
    weights: dict[str, float], tokenizer: Tokenizer, segment_length: int
) -> dict[Objective, float]:
    """The objectives and the weights they are drawn with.

    Args:
        weights: of each name, as `FinetuneOptions.weights` gives them; `pretrain` stands for
            several.
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
    shares = dict.fromkeys(OBJECTIVES, 0.0)
    for name, weight in weights.items():
        for part, share in PRETRAIN.items() if name == "pretrain" else [(name, 1.0)]:
            shares[part] += weight * share
    known: tuple[Objective, ...] = (
        Summarize(),
        Salience(),
        Passkey(tokenizer, segment_length),
        *(kind(tokenizer) for kind in (Gaps, Continuation, Infill, Language)),
    )
    return {objective: shares[objective.name] for objective in known if shares[objective.name] > 0}
