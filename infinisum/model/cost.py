"""What the network costs: bytes of state, operations of a segment, parameters."""

from __future__ import annotations

from infinisum.model.config import COMPRESSIVE_RULES, InfinisumConfig
from infinisum.model.memory import chunk_length


def memory_bytes(config: InfinisumConfig) -> int:
    """Bytes of one layer's memory of one text: M and z in fp32, count in int64.

    For `knn` this is the part that does not grow.
    """
    H, d = config.num_heads, config.d_kv
    return H * (d * d * 4 + d * 4 + 8)


def state_bytes(config: InfinisumConfig, value_bytes: int = 4) -> int:
    """Bytes of all that is kept of one text, whatever its length.

    Args:
        config: the network's sizes.
        value_bytes: bytes of a number in the network's dtype (4 in fp32, 2 in bf16).
    """
    N, W, R = config.segment_length, config.window_segments, config.reservoir_length
    D, H, d = config.d_model, config.num_heads, config.d_kv
    encoder = config.encoder_layers * memory_bytes(config) + 8
    if config.memory_rule == "xl":
        encoder += config.encoder_layers * N * (2 * H * d * value_bytes + 1)
    cross = config.decoder_layers * memory_bytes(config)
    window = W * (N * (D * value_bytes + 1 + 4 + 8) + 8)  # states, mask, score, sentence; index
    reservoir = R * (D * value_bytes + 1 + 4 + 8 + 8) + 4  # and place; threshold
    return encoder + cross + window + reservoir


def attention_bytes_per_token(config: InfinisumConfig, value_bytes: int = 4) -> int:
    """Bytes of keys and values that ordinary attention of the encoder's layers keeps of a token."""
    return 2 * config.encoder_layers * config.num_heads * config.d_kv * value_bytes


def parameters(config: InfinisumConfig) -> int:
    """Number of parameters; tied ones count once."""
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
        embeddings += 2 * config.relative_buckets * H
    E, hidden = config.sentence_dim, config.salience_hidden
    head = config.vocab_size * config.sentence_words + config.sentence_words * E
    head += (D + E + config.sentence_features) * hidden + hidden + hidden + 1
    return embeddings + encoder + decoder + head


def flops_per_segment(config: InfinisumConfig) -> int:
    """Multiply-adds, times two, of reading one full segment: encoder and cross memories.

    Counted: matrix products of the layers, local attention, memory read and write. Not counted:
    normalisation, activations, embedding look-up, softmax.
    """
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


def _memory_flops(config: InfinisumConfig, rule: str, reads: bool) -> int:
    """Operations of one layer's memory for one segment."""
    N, d, H = config.segment_length, config.d_kv, config.num_heads
    if rule not in COMPRESSIVE_RULES:
        return 0
    read = 2 * N * d * (d if rule == "delta_net" else d + 1) * H if reads else 0
    if rule != "delta_net":
        write = 2 * N * d * d * H * (1 if rule == "linear" else 2)
        return read + write
    C = chunk_length(config.delta_chunk, N)
    chunks = -(-N // C)
    gram = 2 * C * C * d
    solve = 2 * C * (C * C - 1) // 3 + 2 * C * C * 2 * d  # inverse, then d_k + d_v columns
    maps = 2 * C * d * 2 * d
    scan = 2 * d * d * d
    return read + H * chunks * (gram + solve + maps + scan)
