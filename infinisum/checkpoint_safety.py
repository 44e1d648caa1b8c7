"""What a model folder says about itself, checked before anything is made of it.

A config is a list of sizes, and a stranger's may ask for a terabyte. Every product of sizes that
is a weight matrix must be there in the weights; what no weight vouches for (segments, windows) has
limits of its own. The header of a safetensors file must describe the file it stands in. Nothing
here imports torch, nothing of the weights is read.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, Final

from infinisum.errors import InputError
from infinisum.hub import CONFIG_FILE, weight_files

_MOST_CONFIG_BYTES: Final = 4 << 20
_MOST_HEADER_BYTES: Final = 64 << 20
_MOST_TOKENIZER_BYTES: Final = 256 << 20
_MOST_STATE_BYTES: Final = 32 << 30  # of window and reservoir in float32
_MOST: Final = 1 << 24  # of any size that no weight vouches for
_DTYPES: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
# Names of sizes, by what they are in the network; families differ in their words.
_WIDTHS: Final = ("d_model", "hidden_size", "n_embd")
_LAYERS: Final = (
    *("encoder_layers", "decoder_layers", "num_layers", "num_decoder_layers"),
    "num_hidden_layers",
)
_ROWS: Final = ("vocab_size", "d_ff", "intermediate_size", *_LAYERS)
_TOKENS: Final = ("segment_length", "window_segments", "reservoir_length")
_HINT: Final = "The folder is damaged, or made to exhaust memory; fetch the model again."


def check_checkpoint(folder: Path) -> None:
    """Refuse a model folder that lies about sizes.

    Args:
        folder: has config.json, weights in one file or several, and tokenizer.json.

    Raises:
        InputError: one of the files cannot be what it says, or is missing.
    """
    config = read_config_file(folder)
    numbers = sum(check_weights(path) for path in weight_files(folder))
    tokenizer = folder / "tokenizer.json"
    if tokenizer.is_file() and tokenizer.stat().st_size > _MOST_TOKENIZER_BYTES:
        raise InputError(f"{tokenizer}: too large for a tokenizer.", _HINT)
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        _check_sizes(part, numbers, folder / "config.json")


def check_weights(path: Path) -> int:
    """The number of values in a safetensors file, by its header.

    Raises:
        InputError: the header does not describe the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, _MOST_HEADER_BYTES):
                raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
            header = json.loads(file.read(length))
        return _check_header(header, size - 8 - length)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read, {reason}.", "Check its permissions.") from error
    except (ValueError, RecursionError, struct.error) as error:
        reason = " ".join(str(error).split())[:120] or "its header is cut off"
        raise InputError(f"{path}: cannot be loaded, no weights: {reason}.", _HINT) from error


def _check_header(header: Any, data_bytes: int) -> int:
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    places, numbers = [], 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or entry.get("dtype") not in _DTYPES:
            raise ValueError(f"{name[:60]} has no known kind of numbers")
        count = math.prod(_sizes(entry, "shape"))
        offsets = _sizes(entry, "data_offsets")
        if len(offsets) != 2:
            raise ValueError(f"{name[:60]} has no place")
        if 8 * (offsets[1] - offsets[0]) != count * _DTYPES[entry["dtype"]]:
            raise ValueError(f"{name[:60]} says another size than it has")
        places.append((offsets[0], offsets[1]))
        numbers += count
    end = 0
    for start, after in sorted(places):
        if start != end:
            raise ValueError("tensors overlap or leave gaps")
        end = after
    if end != data_bytes:
        raise ValueError(f"{end:,} bytes of tensors in {data_bytes:,} bytes")
    return numbers


def _sizes(entry: dict[str, Any], name: str) -> list[int]:
    values = entry.get(name)
    if not isinstance(values, list) or not all(type(v) is int and 0 <= v < 1 << 62 for v in values):
        raise ValueError(f"a tensor whose {name} are no sizes")
    return values


def _check_sizes(config: dict[str, Any], numbers: int, path: Path) -> None:
    """Refuse sizes that the weights do not have, or that would take all memory."""
    sizes = {name: value for name, value in config.items() if type(value) is int}
    width = max((sizes[name] for name in _WIDTHS if name in sizes), default=1)
    heads = sizes.get("num_heads", 1) * sizes.get("d_kv", 1)
    for name, rows in [*((name, sizes.get(name, 1)) for name in _ROWS), ("heads", heads)]:
        if rows < 0 or rows * max(width, 1) > numbers:
            raise InputError(
                f"{path}: cannot be loaded, {name} {rows:,} times width {width:,} is more than "
                "the weights have.",
                _HINT,
            )
    for name, value in sizes.items():
        if name not in _ROWS and not name.endswith("_id") and abs(value) > _MOST:
            raise InputError(
                f"{path}: cannot be loaded, {name} is {value:,}, beyond all sense.", _HINT
            )
    segment, window, reservoir = (sizes.get(name, 0) for name in _TOKENS)
    if (segment * max(window, 1) + reservoir) * width * 4 > _MOST_STATE_BYTES:
        raise InputError(
            f"{path}: cannot be loaded, a window of {segment * window:,} tokens and a reservoir of "
            f"{reservoir:,} would take more than {_MOST_STATE_BYTES >> 30} GiB.",
            _HINT,
        )


def read_config_file(folder: Path, name: str = CONFIG_FILE) -> dict[str, Any]:
    """What a config of a model folder says, whatever that is.

    Raises:
        InputError: it is missing, too large, or no object of JSON.
    """
    path = folder / name
    try:
        if path.stat().st_size > _MOST_CONFIG_BYTES:
            raise ValueError("it is too large")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no object")
        return content
    except (OSError, ValueError, RecursionError) as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:120]
        raise InputError(f"{path}: cannot be loaded, no config: {reason}.", _HINT) from error
