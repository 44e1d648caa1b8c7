"""Objectives that need data made by people: reference summaries, and salience labels."""

from __future__ import annotations

from infinisum.training.datasets import Example
from infinisum.training.objectives.base import Draw, RowInfo, crop, without_target


class Summarize:
    """The reference summary, after a task token (chapter or book) and a length token."""

    name = "summarize"
    needs_text = True

    def usable(self, row: RowInfo) -> bool:
        """Examples with a summary."""
        return row.target_tokens > 0

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """Once a pass."""
        return 1

    def target_tokens(self, row: RowInfo | None) -> int:
        """As many as the summary has."""
        return row.target_tokens if row else 0

    def make(self, example: Example | None, draw: Draw) -> Example:
        """The text, or a run of its segments, and the summary."""
        assert example is not None
        return crop(example, draw)


class Salience:
    """The label of each sentence, and the sentence encoder's vector of it where there is one."""

    name = "salience"
    needs_text = True

    def usable(self, row: RowInfo) -> bool:
        """Examples with labels."""
        return row.labelled

    def texts(self, row: RowInfo, most_segments: int) -> int:
        """Once a pass."""
        return 1

    def target_tokens(self, row: RowInfo | None) -> int:
        """The decoder writes nothing."""
        return 0

    def make(self, example: Example | None, draw: Draw) -> Example:
        """The text, or a run of its segments."""
        assert example is not None
        return without_target(crop(example, draw))
