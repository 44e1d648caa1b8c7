"""A small data set of our own: four works, six texts, one with two references."""

from __future__ import annotations

import json
from pathlib import Path

from infinisum.evaluation.cases import Case
from tests.tiny_model import paragraph

WORKS = ("The Small Harbour", "The Low Light", "A Winter Ledger", "Three Bells")


def text_of(number: int) -> str:
    """Twelve paragraphs, different for every number."""
    return "\n\n".join(paragraph(12 * number + n) for n in range(12))


def rows() -> list[dict[str, str]]:
    """Rows as a JSONL file has them."""
    found = []
    for number in range(6):
        found.append(
            {
                "id": f"text-{number}",
                "title": WORKS[number % 4],
                "level": "chapter",
                "split": "validation",
                "text": text_of(number),
                "summary": f"Anna Brook counted the boats near the quay on day {12 * number + 2}. "
                "Captain Hale waited for a letter.",
            }
        )
    second = "Nobody knew why Lucy hid the key. The rain went on."
    return [*found, {**found[0], "id": "text-0-second", "summary": second}]


def write_rows(path: Path) -> Path:
    """The data set as a file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path


def cases() -> list[Case]:
    """The same as cases."""
    found: dict[str, Case] = {}
    for row in rows():
        case = found.setdefault(row["text"], Case(row["id"], row["title"], row["text"]))
        case.references[row["id"]] = row["summary"]
    return list(found.values())
