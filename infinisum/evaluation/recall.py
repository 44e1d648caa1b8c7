"""Facts that a book plants early and needs late: does the memory hold them beyond the window?

Each fact is a phrase of an early paragraph that occurs again, word for word, in a later one. The
decoder has the later paragraph up to the phrase before it and is scored on the phrase, after it
read everything before (`told`), the same text without any earlier paragraph that has the phrase
(`untold`), or the window alone (`none`). Told and untold differ by nothing but the fact.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import torch

from infinisum.books.reader import read_book
from infinisum.engine import Engine
from infinisum.errors import InputError, NotFoundError
from infinisum.evaluation.statistics import Clusters, tidy
from infinisum.evaluation.tokenbook import TokenBook
from infinisum.tokenizer import plain_typography

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel
    from infinisum.model.reading import StreamState

FACTS_FILE: Final = Path("source") / "planted.json"
BOOK_FILE: Final = "the-tide-ledger.epub"
LAYOUT = (
    f"Understood: a folder with {FACTS_FILE} and {BOOK_FILE}, such as data/ of this project's "
    "repository."
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A phrase, where it is planted, and where it is needed."""

    what: str
    answer: str
    before: tuple[str, ...]  # paragraphs before the one that needs it
    opening: str  # of that paragraph, up to the phrase
    planted: int  # index in `before` of the last paragraph that has the phrase


def load_facts(folder: Path) -> list[Fact]:
    """The facts of a book whose phrase occurs again, word for word, in a later chapter.

    Raises:
        NotFoundError: the folder has no planted facts.
        InputError: they cannot be read.
    """
    path = folder / FACTS_FILE
    if not path.is_file() or not (folder / BOOK_FILE).is_file():
        raise NotFoundError(f"{folder}: no planted facts.", LAYOUT)
    chapters = [
        [plain_typography(paragraph.text) for paragraph in chapter.paragraphs]
        for chapter in read_book(folder / BOOK_FILE).chapters
    ]
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        facts = [_fact(row, chapters) for row in rows]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path}: no planted facts ({error}).", LAYOUT) from error
    return [fact for fact in facts if fact is not None]


def _fact(row: dict[str, Any], chapters: Sequence[Sequence[str]]) -> Fact | None:
    answer = plain_typography(row["answer"])
    chapter, paragraph = row["matters"]
    text = chapters[chapter - 1][paragraph]
    at = text.lower().find(answer.lower())
    before = [p for part in chapters[: chapter - 1] for p in part]
    before += chapters[chapter - 1][:paragraph]
    having = [i for i, part in enumerate(before) if answer.lower() in part.lower()]
    if at < 0 or not having:
        return None
    said = text[at : at + len(answer)]
    return Fact(row["what"], said, tuple(before), text[:at], having[-1])


@torch.no_grad()
def measure_facts(loaded: LoadedModel, facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Every fact with its distance, and the losses of its tokens under each condition."""
    config, rows = loaded.model.config, []
    window = config.segment_length * config.window_segments
    for fact in facts:
        told = TokenBook("\n\n".join(fact.before), loaded.tokenizer)
        last = told.paragraph_of.index(fact.planted)
        without = [p for p in fact.before if fact.answer.lower() not in p.lower()]
        untold = TokenBook("\n\n".join(without), loaded.tokenizer)
        ids, count = _answer_ids(loaded, fact)
        states = {
            "told": _state(loaded, told, 0),
            "untold": _state(loaded, untold, 0),
            "none": _state(loaded, told, told.sentence_at(told.tokens - window)),
        }
        row: dict[str, Any] = {"what": fact.what, "answer": fact.answer, "tokens": count}
        row["distance_tokens"] = told.tokens - told.starts[last]
        row["beyond_window"] = row["distance_tokens"] > window
        for name, state in states.items():
            row[name] = _score(loaded, state, ids, count)
        rows.append(row)
    return rows


def summarise(rows: Sequence[dict[str, Any]], model: str, seed: int) -> dict[str, Any]:
    """Recall beyond the window: shares of facts and of tokens said, and bits the memory saves."""
    far = [row for row in rows if row["beyond_window"]]
    content: dict[str, Any] = {"model": model, "facts": len(rows), "beyond_window": len(far)}
    if not far:
        return content
    for name in ("told", "untold", "none"):
        content[name] = {
            "exact": tidy(sum(row[name]["exact"] for row in far) / len(far)),
            "per_token": tidy(
                sum(row[name]["right"] for row in far) / sum(row["tokens"] for row in far)
            ),
            "bits": tidy(sum(row[name]["bits"] for row in far) / len(far)),
        }
    clusters = Clusters([row["answer"] for row in far], seed)
    gains = np.array([[row["untold"]["bits"] - row["told"]["bits"]] for row in far])
    mean, drawn = clusters.means(gains)
    content["bits_gained_by_being_told"] = clusters.difference(float(mean[0]), drawn[:, 0])
    return content


def _answer_ids(loaded: LoadedModel, fact: Fact) -> tuple[list[int], int]:
    """Tokens of the paragraph up to the end of the phrase, and how many of them are the phrase."""
    opening = loaded.tokenizer.encode(fact.opening.rstrip())
    whole = loaded.tokenizer.encode(fact.opening + fact.answer)
    shared = 0
    for a, b in zip(opening, whole, strict=False):
        if a != b:
            break
        shared += 1
    return whole, len(whole) - shared


def _state(loaded: LoadedModel, book: TokenBook, first: int) -> StreamState:
    engine = Engine(loaded.model, pad_id=loaded.tokenizer.pad_id, block_segments=8)
    chapter = book.stretch(first, len(book.sentences), loaded.model.config.segment_length)
    for _ in engine.read([chapter], contexts=False):
        pass
    return cast("StreamState", engine.state)


def _score(loaded: LoadedModel, state: StreamState, ids: list[int], count: int) -> dict[str, Any]:
    """Bits of the last `count` tokens, and how many of them were the likeliest."""
    model = loaded.encoder_decoder
    prompt = loaded.tokenizer.prompt("continue", 1)[:2]
    given = torch.tensor([[*prompt, *ids]], device=model.device)
    output = model(
        encoder_outputs=model.visible(state), decoder_input_ids=given[:, :-1], use_cache=False
    )
    assert output.logits is not None
    logits, wanted = output.logits[0, -count:].float(), given[0, -count:]
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")
    right = int((logits.argmax(-1) == wanted).sum())
    return {"bits": round(float(losses) / math.log(2), 4), "right": right, "exact": right == count}
