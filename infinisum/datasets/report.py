"""What became of the documents of a data set: counted while they are read, told before training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infinisum.datasets.document import SPLITS, Document, Missing

DUPLICATE = "duplicate"
KINDS = ("book", "chapter", "section")  # a section is several chapters under one summary
_SHOWN = 3  # missing files and works that are named


def kind_of(document: Document) -> str:
    """One of `KINDS`."""
    return "section" if document.aggregate and document.level != "book" else document.level


@dataclass(slots=True)
class Group:
    """Usable documents of one split and kind."""

    documents: int = 0
    works: set[str] = field(default_factory=set)
    tokens: list[int] = field(default_factory=list)  # of each document's text


@dataclass(slots=True)
class ReadReport:
    """Counts of one reading. `used` are documents of the split that was asked for."""

    read: int = 0
    used: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # reason → documents
    missing: list[str] = field(default_factory=list)  # files
    groups: dict[tuple[str, str], Group] = field(default_factory=lambda: defaultdict(Group))
    titles: dict[str, str] = field(default_factory=dict)  # work → its title

    def take(self, document: Document, split: str) -> None:
        """Count a usable document of a split."""
        group = self.groups[split, kind_of(document)]
        group.documents += 1
        if document.work:
            group.works.add(document.work)
            self.titles.setdefault(document.work, document.title)

    def add_tokens(self, split: str, kind: str, tokens: int) -> None:
        """Note the length of a document that was counted."""
        self.groups[split, kind].tokens.append(tokens)

    def miss(self, missing: Missing) -> None:
        """Count a document whose files are not all there."""
        self.refused[missing.reason] += 1
        self.missing.append(missing.file)

    @property
    def works_in_several_splits(self) -> dict[str, list[str]]:
        """Titles of works that more than one split has, and which."""
        splits: dict[str, set[str]] = defaultdict(set)
        for (split, _), group in self.groups.items():
            for work in group.works:
                splits[work].add(split)
        found = {work: sorted(own, key=_rank) for work, own in splits.items() if len(own) > 1}
        return {self.titles[work]: found[work] for work in sorted(found)}

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON: `documents` has one entry for each split and level."""
        order = sorted(self.groups, key=lambda key: (_rank(key[0]), KINDS.index(key[1])))
        return {
            "read": self.read,
            "used": self.used,
            "documents": [
                {"split": split, "level": kind, **_figures(self.groups[split, kind])}
                for split, kind in order
            ],
            "duplicates": self.refused[DUPLICATE],
            "refused": dict(self.refused.most_common()),
            "missing_files": len(set(self.missing)),
            "missing_files_first": list(dict.fromkeys(self.missing))[:_SHOWN],
            "works_in_several_splits": self.works_in_several_splits,
        }

    def __str__(self) -> str:
        others = sum(group.documents for group in self.groups.values()) - self.used
        text = f"{self.read} rows read, {self.used} used"
        if others > 0:
            text += f", {others} of other splits"
        if self.refused:
            text += f"; refused: {reasons(self.refused)}"
        if self.missing:
            text += f"; missing: {named(self.as_dict()['missing_files_first'], len(self.missing))}"
        return text


def reasons(refused: Mapping[str, int]) -> str:
    """Reasons with their counts, the most frequent first."""
    ordered = sorted(refused.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{reason} {count:,}" for reason, count in ordered)


def named(first: Sequence[str], count: int) -> str:
    """The first few of many things."""
    return ", ".join(first) + (", …" if count > len(first) else "")


def _figures(group: Group) -> dict[str, int]:
    lengths = sorted(group.tokens) or [0]
    return {
        "documents": group.documents,
        "works": len(group.works),
        "tokens": sum(lengths),
        "tokens_median": lengths[(len(lengths) - 1) // 2],
        "tokens_p95": lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))],
    }


def _rank(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
