"""A model folder → a network ready to read, with its tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from infinisum.checkpoint_safety import check_checkpoint, read_config_file
from infinisum.errors import InputError, NotFoundError, UsageError
from infinisum.hub import CONFIG_FILE, WEIGHTS_FILE, weight_files
from infinisum.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer

GENERATION_FILE: Final = "generation_config.json"

if TYPE_CHECKING:
    import torch
    from torch import nn

    from infinisum.model.modeling import InfinisumForConditionalGeneration
    from infinisum.model.network import Network, Reader


@dataclass(frozen=True)
class LoadedModel:
    """A network with its tokenizer, and what is to be said about it."""

    reader: Reader  # reads; where that is enough, `transformers` is not imported
    tokenizer: Tokenizer
    configs: tuple[dict[str, Any], dict[str, Any] | None]  # what the folder's files said
    name: str
    version: str  # of the weights, from the config
    fingerprint: str  # of the folder's files; the same for every copy
    writes_well: bool  # whether its generated text is fit to be shown by default
    device: str
    dtype: str
    why: str  # why this device and dtype, one line

    @cached_property
    def model(self) -> Network:
        """The same network as `transformers` knows it: it also writes, learns and saves itself."""
        from infinisum.model.reading import ReadingNetwork

        if not isinstance(self.reader, ReadingNetwork):
            return cast("Network", self.reader)
        from infinisum.model.modeling import InfinisumForConditionalGeneration

        with _refused(self.name):
            return InfinisumForConditionalGeneration.around(self.reader, *self.configs)

    @property
    def marks_sentences(self) -> bool:
        """Whether it says how much each sentence matters; what does not cannot quote."""
        return hasattr(self.reader, "salience")

    @property
    def encoder_decoder(self) -> InfinisumForConditionalGeneration:
        """The network, for what a decoder alone cannot do.

        Raises:
            UsageError: it is a decoder alone.
        """
        from infinisum.model.modeling import InfinisumForConditionalGeneration

        if not isinstance(self.model, InfinisumForConditionalGeneration):
            raise UsageError(
                f"{self.name}: a decoder alone, and this is for models with an encoder.",
                "infinisum summarize, read and finetune work with it.",
            )
        return self.model


def load_model(folder: str | Path, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Load a model folder (config.json, model.safetensors or its parts, tokenizer.json).

    Weights come from safetensors only; nothing of a checkpoint is executed.

    Args:
        folder: the folder.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        dtype: "auto", "float32", "bfloat16" or "float16".

    Raises:
        NotFoundError: the folder or its weights are missing.
        InputError: the weights or the config cannot be read.
        UsageError: the device is not there, or the dtype is unknown.
    """
    folder = Path(folder)
    has_config = (folder / CONFIG_FILE).is_file()
    for name, there in ((CONFIG_FILE, has_config), (WEIGHTS_FILE, weight_files(folder))):
        if not there:
            raise NotFoundError(
                f"{folder}: no model here ({name} is missing).",
                "Name a model folder with --model, or leave it out for the default model.",
            )
    from infinisum.model.network import read_network

    check_checkpoint(folder)
    torch_device, torch_dtype, why = choose(device, dtype)
    tokenizer = load_tokenizer(folder)
    with _refused(folder):
        network = read_network(folder, torch_dtype)
    _check_loaded(network, tokenizer, folder)
    module: nn.Module = network  # `transformers` gives `to` no types
    module.to(torch_device)
    return LoadedModel(
        reader=network,
        tokenizer=tokenizer,
        configs=(read_config_file(folder), _generation_config(folder)),
        name=folder.resolve().name,
        version=network.config.infinisum_version,
        fingerprint=model_fingerprint(folder),
        writes_well=network.config.writes_well,
        device=str(torch_device),
        dtype=str(torch_dtype).removeprefix("torch."),
        why=why,
    )


@contextmanager
def _refused(name: str | Path) -> Iterator[None]:
    """Say in one line why no network can be made of what a model folder holds."""
    from safetensors import SafetensorError

    faults = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)
    try:
        yield
    except (*faults, SafetensorError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{name}: the model cannot be loaded: {reason}", "Is the folder complete?"
        ) from error


def _generation_config(folder: Path) -> dict[str, Any] | None:
    """What `generate()` starts from, where the folder says it."""
    try:
        return read_config_file(folder, GENERATION_FILE)
    except InputError:
        return None


def _check_loaded(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Refuse a tokenizer that does not fit, and weights that are no numbers."""
    if tokenizer.vocab_size > model.config.vocab_size:
        raise InputError(
            f"{folder}: the tokenizer knows {tokenizer.vocab_size} tokens, "
            f"the model {model.config.vocab_size}.",
            "They do not belong together.",
        )
    for name, weights in model.named_parameters():
        # A sum is ten times as fast, and finite only where all its parts are.
        if not weights.sum().isfinite() and not weights.isfinite().all():
            raise InputError(
                f"{folder}: the weights {name} are not all numbers (NaN or infinite).",
                "The training went wrong, or the file is damaged; use another checkpoint.",
            )


def model_fingerprint(folder: Path) -> str:
    """Tells models apart: a hash of the files that decide what a model computes."""
    digest = hashlib.sha256()
    files = [folder / CONFIG_FILE, folder / TOKENIZER_FILE, *weight_files(folder)]
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def choose(device: str, dtype: str) -> tuple[torch.device, torch.dtype, str]:
    """Device and dtype for what was asked, and one line that says why.

    Raises:
        UsageError: the device is not there, or the dtype is unknown.
    """
    import torch

    why = "as asked"
    if device == "auto":
        if torch.cuda.is_available():
            device, why = "cuda", "a GPU is there"
        elif torch.backends.mps.is_available():
            device, why = "mps", "Apple's GPU is there"
        else:
            device, why = "cpu", "no GPU is there"
    kind, _, number = device.partition(":")
    missing = UsageError(f"--device {device}: there is no such device here.", "Try --device auto.")
    if kind == "cuda":
        if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
            raise missing
    elif kind == "mps":
        if not torch.backends.mps.is_available():
            raise missing
    elif kind != "cpu":
        raise missing
    if dtype == "auto":
        dtype = "bfloat16" if kind == "cuda" else "float32"
        why += f"; {dtype} is the safe choice on {kind}"
    chosen = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in chosen:
        raise UsageError(f"--dtype {dtype} is unknown.", "Use auto, float32, bfloat16 or float16.")
    return torch.device(device), chosen[dtype], why
