"""Write the passkey tables of README and model card from the results of `infinisum bench passkey`.

    infinisum bench passkey … --json > benchmarks/results/passkey.json
    python benchmarks/passkey_tables.py

One file a memory rule: passkey.json is the toy that ships, passkey-RULE.json another rule with the
same training. What stands between <!-- passkey --> and <!-- /passkey --> is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", ROOT / "models" / "passkey" / "README.md")
START, END = "<!-- passkey -->\n", "<!-- /passkey -->"
FILLERS = {"repeated": "repeated sentence", "prose": "varied prose"}
POSITIONS = ("start", "middle", "end")

Rows = Sequence[dict[str, Any]]


def results() -> list[tuple[str, Rows]]:
    """Rule and rows of every result, that of the toy that ships first."""
    files = [RESULTS / "passkey.json", *sorted(RESULTS.glob("passkey-*.json"))]
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [(result["cross_memory_rule"], result["rows"]) for result in found]


def section(measured: Sequence[tuple[str, Rows]]) -> Iterator[str]:
    """The lines of the section: the table, and what was written to memory."""
    lengths = sorted({row["length_tokens"] for _, rows in measured for row in rows})
    yield "| | " + " | ".join(map(short, lengths)) + " |"
    yield "|---" * (len(lengths) + 1) + "|"
    for rule, rows in measured:
        for filler, name in FILLERS.items():
            cells = (cell(rows, filler, length, "exact") for length in lengths)
            yield f"| `{rule}`, {name} | " + " | ".join(cells) + " |"
    for rule, rows in measured:
        for filler, name in FILLERS.items():
            cells = (cell(rows, filler, length, "per_digit") for length in lengths)
            yield f"| `{rule}`, {name}, digits | " + " | ".join(cells) + " |"
    yield ""
    for rule, rows in measured:
        counts = "; ".join(f"{name} {trials(rows, filler)}" for filler, name in FILLERS.items())
        yield f"Trials a cell, `{rule}`: {counts}."
    yield "Prose is the novella in `data/`, paragraph by paragraph between generated ones with"
    yield "other numbers in them."
    yield "The other rules were trained by the first two commands of the model card alone, on the"
    yield "excerpts of the third. They write every token, in every head."
    first = measured[0][1]
    for filler, name in FILLERS.items():
        own = [row for row in first if row["filler"] == filler]
        most = max(row["written_tokens"] for row in own)
        least = min(row["written_tokens"] for row in own)
        change = max(row["memory_change"] for row in own)
        yield (
            f"{name[0].upper()}{name[1:]}: the head that writes most wrote {span(least, most)} "
            f"tokens of a text,\nand the filler after the key changed no entry of a memory by more "
            f"than {change:.2g}."
        )


def cell(rows: Rows, filler: str, length: int, what: str) -> str:
    """Start, middle and end in percent; a dash where nothing was measured."""
    found = {
        row["position"]: row[what]
        for row in rows
        if (row["filler"], row["length_tokens"]) == (filler, length)
    }
    return "/".join(f"{100 * found[p]:.0f}" for p in POSITIONS if p in found) or "-"


def trials(rows: Rows, filler: str) -> str:
    """How many trials, by length."""
    counts = {(row["length_tokens"], row["trials"]) for row in rows if row["filler"] == filler}
    if len({count for _, count in counts}) == 1:
        return str(next(iter(counts))[1])
    return ", ".join(f"{count} at {short(length)}" for length, count in sorted(counts))


def span(least: int, most: int) -> str:
    """Both ends, or one number where they are the same."""
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def short(length: int) -> str:
    """A length as 32K or 1M."""
    return f"{length >> 20}M" if length % (1 << 20) == 0 else f"{length >> 10}K"


def main() -> None:
    text = "\n".join(section(results())) + "\n"
    for page in PAGES:
        before, _, rest = page.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        page.write_text(before + START + text + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
