from __future__ import annotations

import json

from infinisum.config import PARTS
from infinisum.document import to_json, to_text
from infinisum.lines import printable
from tests.document.samples import passage, sample


def test_json_has_the_documented_keys() -> None:
    content = json.loads(to_json(sample()))
    assert content["format"] == "infinisum-summary"
    assert content["format_version"] == 2
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
        "sentences",
        "passages",
        "chapters",
        "people",
        "places",
        "map",
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
    assert content["sentences"][1] == {
        "text": "Hale returns.",
        "evidence": {
            "chapter": 1,
            "paragraph": 3,
            "page": None,
            "quote": "She waited at the quay | for *him*.",
            "score": 0.1,
            "supported": False,
        },
    }
    assert content["chapters"][0]["sentences"][0]["evidence"]["score"] == 0.8123
    assert content["people"][0]["together"] == [{"name": "Hale", "paragraphs": 31}]
    assert len(content["places"][0]["mentions_by_part"]) == PARTS
    assert content["making"]["state_bytes"] == 8_100_000
    assert "run" not in content


def test_text_is_wrapped_and_has_everything() -> None:
    long = passage("A sentence of many words that has to be wrapped somewhere " * 4, 2, 7)
    text = to_text(sample(passages=(long,)))
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.replace("\u00a0", "~").split()).replace("~", "\u00a0")
    for wanted in (
        "THE SMALL HARBOUR",
        "by A. Tester",
        "Anna waits. (1\u00a0¶\u00a03) Hale returns. (unsupported)",
        "Sentences without support in the book: Hale returns.",
        "Anna Brook (Anna, Miss Brook): 1,200 mentions, first in 1\u00a0¶\u00a02; most often with",
        "the Quay (Quay): 12 mentions, first in 2\u00a0¶\u00a01",
        "(¶\u00a07)",
        "found: Harry.",
    ):
        assert wanted in flat


def test_control_characters_never_reach_a_document() -> None:
    assert printable("a\x1b[31mred\x07\u202e\x9b2J\r\nb\tc") == "a[31mred2J\nb\tc"
