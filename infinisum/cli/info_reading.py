"""What `infinisum info` says of a reading: who made it, what it holds, what it weighs."""

from __future__ import annotations

from typing import Any

from infinisum.document.phrases import counted, size
from infinisum.lines import one_line
from infinisum.readings.file import parse_header, part_bytes


def reading_facts(data: bytes, name: str) -> dict[str, Any]:
    """What a reading's file holds besides the book, as JSON holds it.

    Raises:
        InputError: it is damaged.
    """
    header, parts = parse_header(data, name), part_bytes(data)
    return {
        "kind": "reading",
        "model": one_line(str(header["model"]["name"])),
        "model_version": one_line(str(header["model"]["version"])),
        "model_fingerprint": str(header["model"]["fingerprint"]),
        "device": str(header["model"]["device"]),
        "dtype": str(header["model"]["dtype"]),
        "infinisum_version": str(header["infinisum_version"]),
        "tokens": sum(chapter["tokens"] for chapter in header["book"]["chapters"]),
        "chapter_summaries": sum(len(batch["texts"]) for batch in header["drafts"]),
        "file_bytes": len(data),
        "state_bytes": parts.get("state", 0) + parts.get("settled", 0),
        "text_bytes": parts["text"],
    }


def reading_lines(facts: dict[str, Any]) -> str:
    """The same for people."""
    model = f"{facts['model']} {facts['model_version']}".strip()
    written = facts["chapter_summaries"]
    kept = f", {written} chapter summaries" if written else ""
    return (
        f"Read by {model} on {facts['device']} in {facts['dtype']}: "
        f"{counted(facts['tokens'], 'token')}{kept}\n"
        f"{size(facts['file_bytes'])}: {size(facts['state_bytes'])} memory, whatever the length, "
        f"and {size(facts['text_bytes'])} text\n"
    )
