"""A model folder → a network ready to read, with its tokenizer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.checkpoint_safety import check_checkpoint
from infinisum.errors import InputError, NotFoundError, UsageError
from infinisum.hub import CONFIG_FILE, WEIGHTS_FILE, weight_files
from infinisum.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch

    from infinisum.model.modeling import InfinisumForConditionalGeneration
    from infinisum.model.network import Network


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network with its tokenizer, and what is to be said about it."""

    model: Network
    tokenizer: Tokenizer
    name: str
    version: str  # of the weights, from the config
    fingerprint: str  # of the folder's files; the same for every copy
    writes_well: bool  # whether its generated text is fit to be shown by default
    device: str
    dtype: str
    why: str  # why this device and dtype, one line

    @property
    def marks_sentences(self) -> bool:
        """Whether it says how much each sentence matters; what does not cannot quote."""
        return hasattr(self.model, "salience")

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
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    from infinisum.model.network import network_class

    check_checkpoint(folder)
    torch_device, torch_dtype, why = choose(device, dtype)
    tokenizer = load_tokenizer(folder)
    try:
        model: Any = network_class(model_type(folder)).from_pretrained(
            folder, dtype=torch_dtype, use_safetensors=True, local_files_only=True
        )
    except (
        *(OSError, ValueError, KeyError, TypeError, RuntimeError),
        *(SafetensorError, StrictDataclassError),
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{folder}: the model cannot be loaded: {reason}", "Is the folder complete?"
        ) from error
    _check_loaded(model, tokenizer, folder)
    model.to(torch_device).eval()
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        name=folder.resolve().name,
        version=model.config.infinisum_version,
        fingerprint=model_fingerprint(folder),
        writes_well=model.config.writes_well,
        device=str(torch_device),
        dtype=str(torch_dtype).removeprefix("torch."),
        why=why,
    )


def model_type(folder: Path) -> str:
    """Which network a model folder holds, as its config says; "" where it does not say."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # whoever reads the config next will say what is wrong with it
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""


def _check_loaded(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Refuse a tokenizer that does not fit, and weights that are no numbers."""
    if tokenizer.vocab_size > model.config.vocab_size:
        raise InputError(
            f"{folder}: the tokenizer knows {tokenizer.vocab_size} tokens, "
            f"the model {model.config.vocab_size}.",
            "They do not belong together.",
        )
    for name, weights in model.named_parameters():
        if not weights.isfinite().all():
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
