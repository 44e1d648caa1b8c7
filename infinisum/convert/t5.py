"""The T5 family: T5 1.0, v1.1 and Flan-T5, mT5, UMT5, LongT5 (arXiv 1910.10683, 2112.07916)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import torch

from infinisum.config import ConvertOptions
from infinisum.convert.donor import Donor
from infinisum.convert.plan import Plan, Source
from infinisum.convert.tokens import Vocabulary, carry_vocabulary
from infinisum.errors import InputError
from infinisum.features import FEATURE_NAMES
from infinisum.hub import CONFIG_FILE
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration

# Our names → theirs, inside a layer; `{self}` is what the encoder's attention is called.
ENCODER_LAYER: Final = {
    "attention_norm": "layer.0.layer_norm",
    **{f"attention.{x}": f"layer.0.{{self}}.{x}" for x in "qkvo"},
    "ffn_norm": "layer.1.layer_norm",
}
DECODER_LAYER: Final = {
    "self_norm": "layer.0.layer_norm",
    **{f"self_attention.{x}": f"layer.0.SelfAttention.{x}" for x in "qkvo"},
    "cross_norm": "layer.1.layer_norm",
    **{f"cross_attention.{x}": f"layer.1.EncDecAttention.{x}" for x in "qkvo"},
    "ffn_norm": "layer.2.layer_norm",
}
PLAIN_FFN: Final = {"ffn.wi": "wi", "ffn.wo": "wo"}
GATED_FFN: Final = {"ffn.wi": "wi_0", "ffn.wi_linear": "wi_1", "ffn.wo": "wo"}
KINDS: Final = {"relu": "relu", "gated-gelu": "geglu", "gated-silu": "swiglu"}
SELF_ATTENTION: Final = {
    "local": "LocalSelfAttention",
    "transient-global": "TransientGlobalSelfAttention",
}
SEGMENT_LENGTH: Final = {"t5": 512}  # tokens they were trained on; the others on 1,024 or more

SHARED, HEAD = "shared.weight", "lm_head.weight"
EMBEDDINGS: Final = (SHARED, "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# Some old checkpoints have a bias that nothing reads.
UNUSED: Final = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


def plan(donor: Donor, options: ConvertOptions) -> Plan:
    """How to convert a member of the T5 family; see `plan.Family`.

    Raises:
        InputError: an encoder alone, a feed-forward layer we do not have, separate embeddings.
    """
    embedding = _embedding(donor)
    start = donor.setting("decoder_start_token_id", donor.setting("pad_token_id", 0))
    vocabulary = carry_vocabulary(donor, start)
    config = _config(donor, options, vocabulary, start)
    sources = {
        SHARED: Source((embedding,), vocabulary.extend_rows),
        **{ours: Source((theirs,)) for ours, theirs in _names(donor, config)},
    }
    # A head that knows nothing yet says the same of every sentence, rather than anything.
    no_score = partial(torch.zeros, 1, config.salience_hidden)
    sources["salience.score.weight"] = Source((), no_score)
    if not config.tie_word_embeddings:
        sources[HEAD] = Source((HEAD,), vocabulary.extend_rows)
    left_out = {*EMBEDDINGS, HEAD, UNUSED}
    notes = []
    if donor.model_type == "longt5":
        notes.append(
            f"A token sees {config.local_radius} tokens to each side, as it did in {donor.name}; "
            "what is further off is reached through memory, from the next segment on."
        )
        dropped = [name for name in donor.tensors if ".global_" in name]
        if dropped:
            left_out |= set(dropped)
            notes.append(
                "The transient global tokens (sums of 16 tokens that every token saw) have no "
                f"place here: {len(dropped)} tensors of them are left out, and the states differ "
                "from the donor's until it is trained further."
            )
    return Plan(
        network=InfinisumForConditionalGeneration,
        config=config,
        sources=sources,
        vocabulary=vocabulary,
        left_out=frozenset(left_out),
        notes=tuple(notes),
    )


def _config(
    donor: Donor, options: ConvertOptions, vocabulary: Vocabulary, start: int
) -> InfinisumConfig:
    layers = donor.setting("num_layers", 6)
    tied = HEAD not in donor.tensors or donor.equal(HEAD, _embedding(donor))
    # T5 1.0 scales the decoder's output. Configs say so by tied embeddings, newer ones also by
    # its name; mT5 never does.
    scaled = donor.setting("scale_decoder_outputs", donor.setting("tie_word_embeddings", True))
    return InfinisumConfig(
        vocab_size=vocabulary.rows,
        d_model=donor.setting("d_model", 512),
        d_kv=donor.setting("d_kv", 64),
        num_heads=donor.setting("num_heads", 8),
        encoder_layers=layers,
        decoder_layers=donor.setting("num_decoder_layers", layers),
        d_ff=donor.setting("d_ff", 2048),
        ffn=_ffn(donor),
        position="t5_bias",
        relative_buckets=donor.setting("relative_attention_num_buckets", 32),
        relative_max_distance=donor.setting("relative_attention_max_distance", 128),
        bias_every_layer=donor.model_type == "umt5",
        local_radius=donor.setting("local_radius", 127) if donor.model_type == "longt5" else None,
        attention_scale=1.0,
        scale_decoder_outputs=scaled and donor.model_type != "mt5",
        norm_epsilon=donor.setting("layer_norm_epsilon", 1e-6),
        dropout=donor.setting("dropout_rate", 0.1),
        segment_length=options.segment_length or SEGMENT_LENGTH.get(donor.model_type, 1_024),
        **_exact(options),
        memory_rule=options.memory_rule,
        cross_memory_rule=options.memory_rule,
        gate_init=options.gate,
        sentence_features=len(FEATURE_NAMES),
        donor=donor.name,
        tie_word_embeddings=tied,
        pad_token_id=vocabulary.pad_id,
        eos_token_id=vocabulary.eos_id,
        bos_token_id=start,
        decoder_start_token_id=start,
    )


def _exact(options: ConvertOptions) -> dict[str, Any]:
    """What the decoder sees exactly, as far as it was asked for."""
    asked = {
        "window_segments": options.window_segments,
        "reservoir_length": options.reservoir_length,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _embedding(donor: Donor) -> str:
    """The name of the token embeddings that both stacks share.

    Raises:
        InputError: there are none, or the stacks have different ones.
    """
    found = [name for name in EMBEDDINGS if name in donor.tensors]
    if not found:
        raise InputError(f"{donor.folder}: has no {SHARED}.", "Is this a whole T5?")
    for name in found[1:]:
        if not donor.equal(found[0], name):
            raise InputError(
                f"{donor.folder}: encoder and decoder have different token embeddings.",
                "Only models whose stacks share them can be converted.",
            )
    return found[0]


def _ffn(donor: Donor) -> str:
    kind = donor.setting("feed_forward_proj", "relu")
    if kind not in KINDS:
        raise InputError(
            f"{donor.folder / CONFIG_FILE}: feed_forward_proj {kind!r} cannot be converted.",
            f"Known are {', '.join(KINDS)}.",
        )
    return KINDS[kind]


def _self_attention(donor: Donor) -> str:
    """What the encoder's self-attention is called."""
    if donor.model_type != "longt5":
        return "SelfAttention"
    kind = donor.setting("encoder_attention_type", "local")
    if kind not in SELF_ATTENTION:
        raise InputError(
            f"{donor.folder / CONFIG_FILE}: encoder_attention_type {kind!r} cannot be converted.",
            f"Known are {', '.join(SELF_ATTENTION)}.",
        )
    return SELF_ATTENTION[kind]


def _names(donor: Donor, config: InfinisumConfig) -> Iterator[tuple[str, str]]:
    """Our names with theirs, of all but the embeddings."""
    attention = _self_attention(donor)
    ffn = PLAIN_FFN if config.ffn == "relu" else GATED_FFN
    stacks = (
        ("encoder", config.encoder_layers, ENCODER_LAYER, 1, attention),
        ("decoder", config.decoder_layers, DECODER_LAYER, 2, "SelfAttention"),
    )
    for stack, layers, table, last, own in stacks:
        yield f"{stack}.norm.weight", f"{stack}.final_layer_norm.weight"
        for i in range(layers):
            ours, theirs = f"{stack}.layers.{i}", f"{stack}.block.{i}"
            for a, b in table.items():
                yield f"{ours}.{a}.weight", f"{theirs}.{b.format(self=own)}.weight"
            for a, b in ffn.items():
                yield f"{ours}.{a}.weight", f"{theirs}.layer.{last}.DenseReluDense.{b}.weight"
        for i in range(layers if config.bias_every_layer else 1):
            ours = f"{stack}.relative_bias" + (f".{i}" if config.bias_every_layer else "")
            theirs = f"{stack}.block.{i}.layer.0.{own}.relative_attention_bias"
            yield f"{ours}.embedding.weight", f"{theirs}.weight"
