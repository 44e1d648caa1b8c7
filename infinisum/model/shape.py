"""`Shape`: every size and switch of the network, as plain data.

A network that reads is made from it without `transformers`, whose import takes longer than torch's
(`LOG.md`, Start-up); `InfinisumConfig` is the same with what that library knows of a config.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from infinisum.config import MEMORY_RULES, RESERVOIR_LENGTH, WINDOW_SEGMENTS

COMPRESSIVE_RULES = MEMORY_RULES  # the list itself: rules of one's own are added to it
BASELINES = ("none", "xl", "knn")


@dataclass(kw_only=True)
class Shape:
    """Sizes and switches of an Infini-attention encoder-decoder.

    The defaults are the default shape of the design: 44 M parameters, and 2 M for sentence
    vectors. `T5` weights fit the same class with `position="t5_bias"`, `attention_scale=1.0` and
    `ffn="relu"` or `"geglu"`.
    """

    # Names of `transformers` → ours.
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "decoder_layers",  # what the decoder's cache is sized by
        "head_dim": "d_kv",
    }

    vocab_size: int = 16_384
    d_model: int = 512  # width of the residual stream, D
    d_kv: int = 64  # size of one head, d_k = d_v
    num_heads: int = 8
    encoder_layers: int = 8
    decoder_layers: int = 4
    d_ff: int = 1_024
    ffn: str = "swiglu"  # "swiglu" | "geglu" | "relu"
    position: str = "rope"  # "rope" | "t5_bias"; both restart in each segment
    rope_theta: float = 10_000.0
    relative_buckets: int = 32  # of position="t5_bias"
    relative_max_distance: int = 128
    bias_every_layer: bool = False  # UMT5: a bias of its own in each layer, not one for the stack
    local_radius: int | None = None  # LongT5: how far encoder tokens see each other; None: N
    attention_scale: float | None = None  # None: 1/sqrt(d_kv); T5 uses 1.0
    scale_decoder_outputs: bool = False  # T5 1.0 multiplies the last hidden state by D^-0.5
    norm_epsilon: float = 1e-6
    dropout: float = 0.0

    segment_length: int = 1_024  # N
    window_segments: int = WINDOW_SEGMENTS  # W: whole segments the decoder sees exactly
    reservoir_length: int = RESERVOIR_LENGTH  # R: states of salient sentences that stay exact
    memory_rule: str = "delta_net"  # a compressive rule or a baseline; of the encoder
    cross_memory_rule: str = "delta_net"  # a compressive rule or "none"; of the decoder
    memory_norm: bool = False  # per-head RMSNorm with gain on what is read from memory
    place_embeddings: bool = (
        True  # zero-initialised: distance of exact states, place of written ones
    )
    place_buckets: int = 32
    place_max_segments: int = 4_096  # distances beyond this share the last bucket
    gate_init: float = 0.0  # beta; 0 from scratch, -2 on pretrained weights
    delta_chunk: int = 64  # tokens solved at once by delta_net, rounded up to a power of two
    knn_neighbours: int = 32  # of memory_rule="knn"
    knn_layer: int | None = None  # None: the middle layer

    sentence_features: int = 25  # surface features given to the salience head with each sentence
    salience_hidden: int = 128
    sentence_words: int = 128  # width of the word vectors that sentence vectors are made of
    sentence_dim: int = 384  # width of the sentence vectors (distilled from a sentence encoder)

    donor: str = ""  # the pretrained model whose weights these were made from
    infinisum_version: str = ""  # of the weights, said in every summary they make
    writes_well: bool = False  # whether the text they generate is fit to be shown unasked

    initializer_range: float = 0.02  # of matrices
    embedding_range: float = 0.02  # of token embeddings
    is_encoder_decoder: bool = True
    use_cache: bool = True
    tie_word_embeddings: bool = True
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    bos_token_id: int | None = 2
    decoder_start_token_id: int | None = 2

    def validate_architecture(self) -> None:
        """Refuse values that no network can be built from.

        Raises:
            ValueError: names the field and what it may be.
        """
        choices = {
            "ffn": ("swiglu", "geglu", "relu"),
            "position": ("rope", "t5_bias"),
            "memory_rule": (*COMPRESSIVE_RULES, *BASELINES),
            "cross_memory_rule": (*COMPRESSIVE_RULES, "none"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}")
        if self.position == "rope" and self.d_kv % 2:
            raise ValueError("d_kv must be even with position='rope'")
        for name in ("segment_length", "delta_chunk", "num_heads", "d_kv", "d_model"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.local_radius is not None and self.local_radius < 0:
            raise ValueError("local_radius must be at least 0")


def read_shape(content: Mapping[str, Any]) -> Shape:
    """The shape that a model's config says; what it says of other things is left aside.

    Raises:
        TypeError: a value of another kind than its field's.
        ValueError: no network can be built from it.
    """
    known = {Shape.attribute_map.get(name, name): value for name, value in content.items()}
    kinds = get_type_hints(Shape)
    values = {field.name: known[field.name] for field in fields(Shape) if field.name in known}
    for name, value in values.items():
        if not _is(value, kinds[name]):
            raise TypeError(f"{name} cannot be {value!r:.60}")
    shape = Shape(**values)
    shape.validate_architecture()
    return shape


def _is(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is of a kind that a field of `Shape` has."""
    if isinstance(kind, UnionType):
        return any(_is(value, part) for part in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_is(part, *get_args(kind)) for part in value)
    return type(value) is kind or (kind is float and type(value) is int)
