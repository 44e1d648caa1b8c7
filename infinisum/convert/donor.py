"""A donor: the folder of a pretrained model, read from safetensors only, one tensor at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from infinisum.errors import InputError, NotFoundError
from infinisum.hub import CONFIG_FILE, FETCH_HINT, weight_files

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
OTHERS = ("*.h5", "*.msgpack", "*.gguf")
ROWS_AT_ONCE = 4_096  # of two tensors that are compared
T = TypeVar("T", int, float, str, bool)


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a checkpoint, without its numbers."""

    file: Path
    shape: tuple[int, ...]
    dtype: torch.dtype


class Donor:
    """A pretrained model in a folder.

    Attributes:
        folder: where it is.
        name: how messages call it.
        config: what `config.json` says.
        model_type: of the architecture, as `transformers` calls it.
        tensors: by name.

    Args:
        folder: with `config.json` and weights as safetensors, in one file or several.
        name: what the user called it.

    Raises:
        NotFoundError: there are no weights.
        InputError: config or weights cannot be read, a file is missing, or weights are pickled.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.config = _read_config(folder / CONFIG_FILE)
        self.model_type = str(self.config.get("model_type", ""))
        files = weight_files(folder)
        if not files:
            raise _no_weights(folder)
        self._open: dict[Path, Any] = {}
        self.tensors: dict[str, Entry] = {}
        for file in files:
            self.tensors |= self._entries(file)

    def setting(self, name: str, default: T) -> T:
        """A value of the config of the type of `default`, which stands for a missing one.

        Raises:
            InputError: it is of another type.
        """
        value = self.config.get(name)
        if value is None:
            return default
        if isinstance(default, float) and isinstance(value, int):
            value = float(value)
        if not isinstance(value, type(default)) or isinstance(value, bool) != isinstance(
            default, bool
        ):
            raise InputError(f"{self.folder / CONFIG_FILE}: {name} is {value!r}.", FETCH_HINT)
        return value

    def read_json(self, name: str) -> dict[str, Any]:
        """A small file of the folder; empty where it is missing or no JSON object."""
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def load(self, name: str) -> Tensor:
        """The numbers of one tensor, from the disk.

        Raises:
            InputError: they cannot be read.
        """
        entry = self.tensors[name]
        try:
            tensor: Tensor = self._file(entry.file).get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise _damaged(entry.file, error) from error
        return tensor

    def close(self) -> None:
        """Let go of the files; they are opened again when something is read."""
        self._open.clear()

    def equal(self, one: str, other: str) -> bool:
        """Whether two tensors hold the same numbers; compared a few rows at a time."""
        a, b = self.tensors[one], self.tensors[other]
        if a.shape != b.shape:
            return False
        first, second = self._file(a.file).get_slice(one), self._file(b.file).get_slice(other)
        return all(
            torch.equal(first[at : at + ROWS_AT_ONCE], second[at : at + ROWS_AT_ONCE])
            for at in range(0, a.shape[0], ROWS_AT_ONCE)
        )

    def _file(self, path: Path) -> Any:
        if path not in self._open:
            try:
                self._open[path] = safe_open(path, framework="pt")
            except (SafetensorError, OSError) as error:
                raise _damaged(path, error) from error
        return self._open[path]

    def _entries(self, path: Path) -> dict[str, Entry]:
        file = self._file(path)
        entries = {}
        for name in file.keys():  # noqa: SIM118 (no mapping)
            part = file.get_slice(name)
            dtype = _DTYPES.get(part.get_dtype())
            if dtype is None:
                raise InputError(
                    f"{path}: {name} is stored as {part.get_dtype()}.",
                    "Only float32, float16 and bfloat16 can be converted; undo the quantisation.",
                )
            entries[name] = Entry(path, tuple(part.get_shape()), dtype)
        return entries


_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,  # buffers such as position ids
    "I32": torch.int32,
    "BOOL": torch.bool,
}


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise InputError(f"{path}: cannot be read, {reason.lower()}.", FETCH_HINT) from error
    if not isinstance(config, dict):
        raise InputError(f"{path}: is no config of a model.", FETCH_HINT)
    return config


def _no_weights(folder: Path) -> InputError | NotFoundError:
    """What to say of a folder without safetensors: weights of another kind, or none."""
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return InputError(
            f"{folder}: the weights are pickled ({pickles[0]}), and a pickle can run any code.",
            "Where you trust them, write them anew with transformers: AutoModelForSeq2SeqLM"
            f'.from_pretrained("{folder}").save_pretrained("NEW"), and copy the tokenizer.',
        )
    others = sorted(path.name for pattern in OTHERS for path in folder.glob(pattern))
    if others:
        return InputError(
            f"{folder}: the weights are no safetensors ({others[0]}).",
            "Load them with transformers, and write them with save_pretrained().",
        )
    return NotFoundError(
        f"{folder}: there are no weights in model.safetensors.",
        "Only safetensors are read. A hub model may have pickles alone: load it with transformers "
        "where you trust it, and write it with save_pretrained().",
    )


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:120]
    return InputError(f"{path}: the weights cannot be read ({reason}).", FETCH_HINT)
