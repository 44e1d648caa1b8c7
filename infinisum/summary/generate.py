"""Writing: the decoder's text from what it sees of a chapter or a book."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from infinisum.books.sentences import split_sentences
from infinisum.config import DecodingOptions
from infinisum.readings.reading import Draft
from infinisum.tokenizer import Task, Tokenizer

if TYPE_CHECKING:
    from infinisum.model.network import Context, Network
    from infinisum.summary.grounding import BookWords

TOKENS_PER_WORD: Final = 1.6  # room for what is asked; the tokenizer needs about 1.3
NO_REPEAT_NGRAM: Final = 4  # tokens; a small model falls into loops without it
# Of what did not read well, usually for a loop. Nothing random, so a batch writes as each alone.
ONCE_MORE: Final = {"repetition_penalty": 1.3, "no_repeat_ngram_size": 3}
MOST_COMPRESSION: Final = 2.4  # text that zlib shrinks by more repeats itself (Whisper's measure)
LEAST_WORDS: Final = 12  # a shorter draft is no summary

_SENTENCE_END = re.compile(r"[.!?…][\"”’»)\]]*(?=\s|$)")

__all__ = ["Draft", "stack", "write_summaries"]


def write_summaries(
    model: Network,
    tokenizer: Tokenizer,
    contexts: Sequence[Context],
    task: Task,
    words: int,
    decoding: DecodingOptions,
    known: BookWords | None = None,
) -> list[Draft]:
    """Write one summary for each context, all in one batch; once more those that do not read well.

    Args:
        model: the network.
        tokenizer: its vocabulary.
        contexts: from `Engine`, of one text each; they are not changed.
        task: "chapter" or "book".
        words: length to aim at.
        decoding: greedy, beams or sampling; sampling is seeded, so it can be repeated.
        known: words of the book; names and numbers it does not have are not written. None: any.
    """
    if not contexts:
        return []
    options = _generation(tokenizer, words, decoding)
    if known is not None:
        from infinisum.summary.sourced import SourcedNames

        options["logits_processor"] = [SourcedNames(tokenizer, known)]
    drafts = _write(model, tokenizer, contexts, task, words, decoding.seed, options)
    again = [row for row, draft in enumerate(drafts) if not draft.reads_well]
    if again:
        some = [contexts[row] for row in again]
        new = _write(model, tokenizer, some, task, words, decoding.seed, options | ONCE_MORE)
        for row, draft in zip(again, new, strict=True):
            if draft.reads_well:
                drafts[row] = draft
    return drafts


def _write(
    model: Network,
    tokenizer: Tokenizer,
    contexts: Sequence[Context],
    task: Task,
    words: int,
    seed: int,
    options: dict[str, Any],
) -> list[Draft]:
    """One batch, with options of `generate()`."""
    from infinisum.model.cache import writing_cache

    prompt = torch.tensor([tokenizer.prompt(task, words)], device=model.device)
    torch.manual_seed(seed)
    ids = model.generate(
        encoder_outputs=stack(contexts),
        decoder_input_ids=prompt.repeat(len(contexts), 1),
        **(writing_cache(model.config.decoder_layers) if model.config.is_encoder_decoder else {}),
        **options,
    )
    return [_draft(tokenizer.decode(row[prompt.shape[1] :].tolist())) for row in ids]


def stack(contexts: Sequence[Context]) -> Context:
    """Contexts of one text each → one batch; exact states are padded to the longest."""
    from infinisum.model.causal.state import CausalContext
    from infinisum.model.modeling import InfiniEncoderOutput

    if isinstance(contexts[0], CausalContext):
        return CausalContext.stacked(contexts)
    X = max(context["last_hidden_state"].shape[1] for context in contexts)

    def padded(name: str) -> Tensor:
        parts = [context[name] for context in contexts]
        room = [X - part.shape[1] for part in parts]
        behind = [
            (0, 0, 0, n) if part.dim() == 3 else (0, n) for part, n in zip(parts, room, strict=True)
        ]
        return torch.cat([F.pad(part, pad) for part, pad in zip(parts, behind, strict=True)])

    def joined(name: str) -> Tensor:
        return torch.cat([context[name] for context in contexts])

    return InfiniEncoderOutput(
        last_hidden_state=padded("last_hidden_state"),
        exact_mask=padded("exact_mask"),
        distance=padded("distance"),
        M=joined("M"),
        z=joined("z"),
        count=joined("count"),
    )


def _generation(tokenizer: Tokenizer, words: int, decoding: DecodingOptions) -> dict[str, Any]:
    """Our decoding options in the words of `generate()`."""
    options: dict[str, Any] = {
        "max_new_tokens": max(16, round(TOKENS_PER_WORD * words)),
        "num_beams": decoding.num_beams,
        "do_sample": decoding.temperature > 0,
        "no_repeat_ngram_size": NO_REPEAT_NGRAM,
        "eos_token_id": tokenizer.eos_id,
        "pad_token_id": tokenizer.pad_id,
    }
    if decoding.temperature > 0:
        options |= {"temperature": decoding.temperature, "top_p": decoding.top_p}
    return options


def _draft(text: str) -> Draft:
    """Without an unfinished last sentence and what was said before; and whether it reads well."""
    text = " ".join(text.split())
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    whole = text[: ends[-1]] if ends else text
    said: dict[str, str] = {}
    for sentence in split_sentences(whole):
        said.setdefault(sentence.casefold(), sentence)
    whole = " ".join(said.values())
    data = whole.encode("utf-8")
    repeats = len(data) > MOST_COMPRESSION * max(1, len(zlib.compress(data)))
    return Draft(whole, bool(ends) and not repeats and len(whole.split()) >= LEAST_WORDS)
