"""What evaluations of every kind share: their results, who watches them, what is said of models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import infinisum
from infinisum.evaluation.models import model_fingerprint

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel

FORMAT, FORMAT_VERSION = "infinisum-eval", 1
LIBRARIES = ("numpy", "rouge-score", "syntok", "torch", "transformers", "sumy")


class Watcher(Protocol):
    """What a caller may want to see while an evaluation runs."""

    def step(self, what: str, done: int, total: int) -> None:
        """So many texts of a part are done."""

    def loaded(self, model: LoadedModel) -> None:
        """A model was loaded."""

    def finished(self, evaluation: Evaluation) -> None:
        """All is done; what is raised here, as on a full disk, leaves the journal there."""


class Unwatched:
    """An evaluation nobody watches."""

    def step(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def loaded(self, model: LoadedModel) -> None:
        """Say nothing."""

    def finished(self, evaluation: Evaluation) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Evaluation:
    """Results, and the texts they were counted on."""

    results: dict[str, Any]
    predictions: list[dict[str, Any]] = field(default_factory=list)


def header(
    dataset: dict[str, Any], settings: dict[str, Any], folders: Mapping[str, Path]
) -> dict[str, Any]:
    """How results of every kind begin: all that decides the figures, besides the figures."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "dataset": dataset,
        "settings": settings,
        "models": [
            {"name": name, "fingerprint": model_fingerprint(folder)}
            for name, folder in folders.items()
        ],
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of this package and of what its figures depend on."""
    found = {"infinisum": infinisum.__version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def key_of(*content: Any) -> str:
    """A hash of anything JSON can say."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
