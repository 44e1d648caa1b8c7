"""What the network costs: bytes of state, operations of a segment, parameters."""

from __future__ import annotations

from infinisum.model.causal import cost as causal
from infinisum.model.memory_cost import memory_size, read_flops, write_flops
from infinisum.model.network import Config
from infinisum.model.shape import COMPRESSIVE_RULES, Shape


def memory_bytes(config: Shape) -> int:
    """Bytes of one layer's memory of one text: M and z in fp32, count in int64.

    For `knn` this is the part that does not grow.
    """
    return memory_size(config.num_heads, config.d_kv)


def state_bytes(config: Config, value_bytes: int = 4) -> int:
    """Bytes of all that is kept of one text, whatever its length.

    Args:
        config: the network's sizes.
        value_bytes: bytes of a number in the network's dtype (4 in fp32, 2 in bf16).
    """
    if not isinstance(config, Shape):
        return causal.state_bytes(config, value_bytes)
    N, W, R = config.segment_length, config.window_segments, config.reservoir_length
    D, H, d = config.d_model, config.num_heads, config.d_kv
    encoder = config.encoder_layers * memory_bytes(config) + 8
    if config.memory_rule == "xl":
        encoder += config.encoder_layers * N * (2 * H * d * value_bytes + 1)
    cross = config.decoder_layers * memory_bytes(config)
    window = W * (N * (D * value_bytes + 1 + 4 + 8) + 8)  # states, mask, score, sentence; index
    reservoir = R * (D * value_bytes + 1 + 4 + 8 + 8) + 4  # and place; threshold
    return encoder + cross + window + reservoir


def attention_bytes_per_token(config: Config, value_bytes: int = 4) -> int:
    """Bytes of keys and values that ordinary attention of the encoder's layers keeps of a token."""
    if not isinstance(config, Shape):
        return causal.attention_bytes_per_token(config, value_bytes)
    return 2 * config.encoder_layers * config.num_heads * config.d_kv * value_bytes


def parameters(config: Config) -> int:
    """Number of parameters; tied ones count once."""
    if not isinstance(config, Shape):
        return causal.parameters(config)
    D, inner, H = config.d_model, config.num_heads * config.d_kv, config.num_heads
    ffn = (2 if config.ffn == "relu" else 3) * D * config.d_ff
    attention = 4 * D * inner
    embeddings = config.vocab_size * D * (1 if config.tie_word_embeddings else 2)

    def memory(rule: str) -> int:
        total = H + (H * config.d_kv if config.memory_norm else 0)
        if rule in COMPRESSIVE_RULES and config.place_embeddings:
            total += config.place_buckets * inner
        return total + (D * H + H if rule == "delta_net" else 0)

    encoder = config.encoder_layers * (attention + ffn + 2 * D) + D
    if config.memory_rule in COMPRESSIVE_RULES:
        encoder += config.encoder_layers * memory(config.memory_rule)
    elif config.memory_rule == "knn":
        encoder += memory("knn")
    decoder = config.decoder_layers * (2 * attention + ffn + 3 * D) + D
    if config.cross_memory_rule in COMPRESSIVE_RULES:
        decoder += config.decoder_layers * memory(config.cross_memory_rule)
    if config.place_embeddings:
        decoder += config.place_buckets * D
    if config.position == "t5_bias":
        layers = config.encoder_layers + config.decoder_layers
        embeddings += (layers if config.bias_every_layer else 2) * config.relative_buckets * H
    E, hidden = config.sentence_dim, config.salience_hidden
    head = config.vocab_size * config.sentence_words + config.sentence_words * E
    head += (D + E + config.sentence_features) * hidden + hidden + hidden + 1
    return embeddings + encoder + decoder + head


def writing_bytes_per_step(
    config: Shape, batch: int, states: int, written: int, value_bytes: int = 4
) -> int:
    """Bytes of weights, keys and values that decoding one token of each text has to read.

    Args:
        config: the network's sizes.
        batch: texts written at once; they share the weights.
        states: exact encoder states each of them looks at.
        written: tokens of each that were written before.
        value_bytes: bytes of a number in the network's dtype.
    """
    D, inner = config.d_model, config.num_heads * config.d_kv
    ffn = (2 if config.ffn == "relu" else 3) * D * config.d_ff
    weights = config.decoder_layers * (6 * D * inner + ffn) + config.vocab_size * D
    keys_values = config.decoder_layers * batch * (states + written) * 2 * inner
    memories = batch * config.decoder_layers * memory_bytes(config)
    return (weights + keys_values) * value_bytes + memories


def flops_per_segment(config: Config) -> int:
    """Multiply-adds, times two, of reading one full segment: encoder and cross memories.

    Counted: matrix products of the layers, local attention, memory read and write. Not counted:
    normalisation, activations, embedding look-up, softmax.
    """
    if not isinstance(config, Shape):
        return causal.flops_per_segment(config)
    N, D, d = config.segment_length, config.d_model, config.d_kv
    H = config.num_heads
    inner = H * d
    keys = 2 * N if config.memory_rule == "xl" else N
    ffn = (2 if config.ffn == "relu" else 3) * D * config.d_ff
    layer = 2 * N * (4 * D * inner + ffn) + 4 * N * keys * inner
    total = config.encoder_layers * (layer + _memory_flops(config, config.memory_rule, reads=True))
    if config.cross_memory_rule in COMPRESSIVE_RULES:
        write = _memory_flops(config, config.cross_memory_rule, reads=False)
        total += config.decoder_layers * (2 * N * 2 * D * inner + write)
    return total


def _memory_flops(config: Shape, rule: str, reads: bool) -> int:
    """Operations of one layer's memory for one segment."""
    N, H, d = config.segment_length, config.num_heads, config.d_kv
    read = read_flops(rule, N, H, d) if reads else 0
    return read + write_flops(rule, N, H, d, config.delta_chunk)
