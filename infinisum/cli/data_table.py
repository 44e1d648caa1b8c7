"""What a data set holds, as a table on stderr before training starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infinisum.cli.console import Console
from infinisum.datasets.report import DUPLICATE, named, reasons

_COLUMNS = ("documents", "works", "tokens_median", "tokens_p95", "tokens")


def print_data(console: Console, report: Mapping[str, Any] | None) -> None:
    """Print the figures of a `ReadReport`: documents by split and level, refusals, warnings.

    Args:
        console: nothing is printed where it is quiet.
        report: as `ReadReport.as_dict` gives it; None where the data do not say.
    """
    if console.quiet or report is None:
        return
    from rich.table import Table

    table = Table("split", "level", box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for row in report["documents"]:
        table.add_row(row["split"], row["level"], *(f"{row[name]:,}" for name in _COLUMNS))
    console.rich().print(table)
    refused = {k: n for k, n in report["refused"].items() if k != DUPLICATE}
    console.note(
        f"{report['read']:,} rows read, {report['used']:,} to train on, "
        f"{report['duplicates']:,} duplicates, {sum(refused.values()):,} refused"
        + (f": {reasons(refused)}" if refused else "")
        + "."
    )
    if report["missing_files"]:
        first = named(report["missing_files_first"], report["missing_files"])
        console.warning(f"{report['missing_files']:,} missing files: {first}")
    for title, splits in report["works_in_several_splits"].items():
        console.warning(f"{title} is in several splits: {', '.join(splits)}.")
