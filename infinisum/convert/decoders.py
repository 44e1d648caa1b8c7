"""Decoder-only donors: the Llama and Qwen families as `InfinisumForCausalLM`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig

from infinisum.config import ConvertOptions, option_name
from infinisum.convert.causal import causal_config, most_tokens, names
from infinisum.convert.donor import Donor
from infinisum.convert.plan import Plan, Source
from infinisum.convert.tokens import Vocabulary, carry_vocabulary
from infinisum.errors import InputError, UsageError
from infinisum.hub import CONFIG_FILE
from infinisum.model.causal.modeling import InfinisumForCausalLM
from infinisum.tokenizer import SEP

if TYPE_CHECKING:
    import tokenizers

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
SEGMENT_LENGTH: Final = 2_048  # the paper's, where the donor was trained on so much


def plan(donor: Donor, options: ConvertOptions) -> Plan:
    """How to convert a decoder; see `plan.Family`.

    Raises:
        InputError: it has something that `InfinisumForCausalLM` has no place for.
        UsageError: a window or a reservoir is asked for.
    """
    for name in ("window_segments", "reservoir_length"):
        if getattr(options, name) is not None:
            raise UsageError(
                f"{option_name(name)}: {donor.name} is a decoder alone, which sees its own segment "
                "and memory.",
                "Leave it out; it is for encoder-decoders.",
            )
    theirs = _their_config(donor)
    vocabulary = _vocabulary(donor, theirs)
    tied = bool(theirs.tie_word_embeddings) or HEAD not in donor.tensors
    config = causal_config(
        theirs,
        vocab_size=vocabulary.rows,
        segment_length=options.segment_length or min(SEGMENT_LENGTH, most_tokens(theirs)),
        memory_rule=options.memory_rule,
        gate_init=options.gate,
        donor=donor.name,
        tie_word_embeddings=tied,
        pad_token_id=vocabulary.pad_id,
        eos_token_id=vocabulary.eos_id,
        bos_token_id=theirs.bos_token_id,
    )
    sources = {}
    for theirs_name, ours in names(config):
        extended = theirs_name in (EMBEDDING, HEAD)
        sources[ours] = Source((theirs_name,), vocabulary.extend_rows if extended else None)
    frequencies = {name for name in donor.tensors if name.endswith(".rotary_emb.inv_freq")}
    return Plan(
        network=InfinisumForCausalLM,
        config=config,
        sources=sources,
        vocabulary=vocabulary,
        left_out=frozenset(frequencies | ({HEAD} if tied else set())),
        notes=(
            "A decoder alone marks no key sentences, so infinisum summarize writes with it and "
            "does not quote.",
        ),
    )


def _their_config(donor: Donor) -> Any:
    """The donor's config as `transformers` reads it, whatever version wrote it."""
    try:
        return AutoConfig.for_model(**donor.config)
    except (ValueError, TypeError, KeyError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{donor.folder / CONFIG_FILE}: {reason}.", "Is it damaged?") from error


def _vocabulary(donor: Donor, theirs: Any) -> Vocabulary:
    """The donor's tokenizer with our tokens; what is asked of it comes behind a separator.

    Decoders have no token that fills up: what ends a text does, since nothing looks at it.
    """
    ends = theirs.eos_token_id
    eos_id = ends[0] if isinstance(ends, list) else ends
    if eos_id is None:
        raise InputError(f"{donor.folder / CONFIG_FILE}: names no eos_token_id.", "Add it.")
    pad_id = eos_id if theirs.pad_token_id is None else theirs.pad_token_id
    vocabulary = carry_vocabulary(donor, eos_id, pad_id=pad_id, eos_id=eos_id)
    spaced(vocabulary.backend)
    return replace(vocabulary, roles=vocabulary.roles | {"bos_token": SEP})


def spaced(backend: tokenizers.Tokenizer) -> None:
    """Let a byte-level tokenizer put a space before every text and line, as the others do.

    Sentences are encoded one by one: without it they would stand side by side like one word.
    """
    from tokenizers import decoders, normalizers

    steps = str(json.loads(backend.to_str())["pre_tokenizer"])
    if "ByteLevel" not in steps:
        return
    before = [backend.normalizer] if backend.normalizer is not None else []
    backend.normalizer = normalizers.Sequence([*before, normalizers.Prepend(" ")])
    backend.decoder = decoders.Sequence(
        [backend.decoder, decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
