"""The JSON form: every field of `Summary`, under the same names.

The keys are those of the dataclasses in `infinisum.summary.summary`, where each is explained;
besides them, `format` says what the document is and `format_version` changes when a key does.
Counts and sizes carry their unit in the key (`source_words`, `source_tokens`, `state_bytes`).
`summary.schema.json` beside this file is the JSON Schema of the document.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from infinisum.summary.summary import Summary

FORMAT = "infinisum-summary"
FORMAT_VERSION = 2
_DIGITS = 4  # of salience, position and score: the last bits of a float differ between machines


def to_dict(summary: Summary) -> dict[str, Any]:
    """A summary as what `json` can write."""
    content = asdict(summary)
    for level in (content, *content["chapters"]):
        for passage in level["passages"]:
            _round(passage, "salience", "position")
        for sentence in level["sentences"]:
            if sentence["evidence"] is not None:
                _round(sentence["evidence"], "score")
    return {"format": FORMAT, "format_version": FORMAT_VERSION, **content}


def to_json(summary: Summary) -> str:
    """A summary as an indented JSON document."""
    return json.dumps(to_dict(summary), ensure_ascii=False, indent=2) + "\n"


def _round(content: dict[str, Any], *keys: str) -> None:
    for key in keys:
        content[key] = round(content[key], _DIGITS)
