"""Named shapes of the network, as data."""

from __future__ import annotations

from typing import Any, Final

# Embeddings as small as the matrices drown in what the layers add to every token alike: then
# sentence vectors learn nothing in hundreds of steps. The output is scaled down in return, as T5
# does, since the embeddings are also the output matrix.
_SCALE: Final[dict[str, Any]] = {"embedding_range": 0.25, "scale_decoder_outputs": True}

PRESETS: Final[dict[str, dict[str, Any]]] = {
    # 44 M parameters, the shape of the design; wants a GPU to be trained.
    "base": {**_SCALE},
    # 11 M parameters: learns something on two CPU cores in an hour.
    "small": {
        **_SCALE,
        "d_model": 256,
        "num_heads": 4,
        "encoder_layers": 4,
        "decoder_layers": 3,
        "d_ff": 768,
        "segment_length": 512,
        "reservoir_length": 1_024,
        "sentence_words": 256,
    },
    # 0.7 M parameters for the passkey test; all that it finds it finds in memory.
    "passkey": {
        "embedding_range": 0.1,
        "d_model": 128,
        "d_kv": 32,
        "num_heads": 2,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "d_ff": 256,
        "segment_length": 64,
        "window_segments": 0,
        "reservoir_length": 0,
        "place_embeddings": False,
        "salience_hidden": 1,
        "sentence_words": 1,
        "sentence_dim": 1,
    },
    # Under a million parameters without its vocabulary: for tests and for trying commands.
    "tiny": {
        **_SCALE,
        "d_model": 64,
        "d_kv": 16,
        "num_heads": 4,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "d_ff": 128,
        "segment_length": 128,
        "window_segments": 2,
        "reservoir_length": 128,
        "salience_hidden": 32,
    },
}
