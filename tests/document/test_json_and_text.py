from __future__ import annotations

import json

from infinisum.document import to_json, to_text
from infinisum.summary.summary import printable
from tests.document.samples import passage, sample


def test_json_has_the_documented_keys() -> None:
    content = json.loads(to_json(sample()))
    assert content["format"] == "infinisum-summary"
    assert content["format_version"] == 1
    assert list(content)[2:] == [
        "title",
        "author",
        "language",
        "source_format",
        "source_words",
        "source_chapters",
        "source_tokens",
        "part",
        "text",
        "passages",
        "chapters",
        "grounding",
        "rouge",
        "left_out",
        "making",
    ]
    assert content["passages"][0] == {
        "text": "She waited.",
        "chapter": 1,
        "paragraph": 3,
        "page": None,
        "salience": 0.1235,
        "position": 0.25,
    }
    assert content["making"]["state_bytes"] == 8_100_000
    assert "run" not in content


def test_text_is_wrapped_and_has_everything() -> None:
    long = passage("A sentence of many words that has to be wrapped somewhere " * 4, 2, 7)
    text = to_text(sample(passages=(long,)))
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split(" ")).replace("\n", " ")
    for wanted in (
        "THE SMALL HARBOUR",
        "by A. Tester",
        "Anna waits.",
        "(¶\u00a07)",
        "found: Harry.",
    ):
        assert wanted in flat


def test_control_characters_never_reach_a_document() -> None:
    assert printable("a\x1b[31mred\x07\u202e\x9b2J\r\nb\tc") == "a[31mred2J\nb\tc"
