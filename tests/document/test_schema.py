"""The published JSON Schema is the one of the dataclasses, and documents keep to it.

To write it anew after a change of the dataclasses:

    python -m tests.document.test_schema
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ConfigDict, TypeAdapter, with_config

import infinisum.document.json as form
from infinisum.summary.summary import Summary
from tests.document.samples import sample

SCHEMA = Path(form.__file__).with_name("summary.schema.json")


def made() -> dict[str, Any]:
    """The schema as the dataclasses say it, each with nothing beside its fields."""
    schema = TypeAdapter(with_config(ConfigDict(extra="forbid"))(Summary)).json_schema(
        mode="serialization"
    )
    for part in (schema, *schema["$defs"].values()):
        part["additionalProperties"] = False
        part["required"] = list(part["properties"])
    head = {"format": {"const": form.FORMAT}, "format_version": {"const": form.FORMAT_VERSION}}
    schema["properties"] = head | schema["properties"]
    schema["required"] = [*head, *schema["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A summary by infinisum",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def published() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def test_the_published_schema_is_up_to_date() -> None:
    assert published() == made()


def test_a_document_keeps_to_it() -> None:
    jsonschema.Draft202012Validator.check_schema(published())
    jsonschema.validate(json.loads(form.to_json(sample())), published())


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("people"),
        lambda document: document.update(more=1),
        lambda document: document.update(source_words="many"),
        lambda document: document["chapters"][0].pop("number"),
        lambda document: document.update(format_version=form.FORMAT_VERSION + 1),
    ],
    ids=["a key less", "a key more", "another type", "inside a chapter", "another version"],
)
def test_anything_else_is_refused(change: Any) -> None:
    document = json.loads(form.to_json(sample()))
    change(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, published())


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(made(), indent=2) + "\n", encoding="utf-8")
