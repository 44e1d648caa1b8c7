"""Named shapes of the network, as data."""

from __future__ import annotations

from typing import Any, Final

PRESETS: Final[dict[str, dict[str, Any]]] = {
    # 44 M parameters, the shape of the design; wants a GPU to be trained.
    "base": {},
    # 11 M parameters: learns something on two CPU cores in an hour.
    "small": {
        "d_model": 256,
        "num_heads": 4,
        "encoder_layers": 4,
        "decoder_layers": 3,
        "d_ff": 768,
        "segment_length": 512,
        "reservoir_length": 1_024,
    },
    # Under a million parameters without its vocabulary: for tests and for trying commands.
    "tiny": {
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
