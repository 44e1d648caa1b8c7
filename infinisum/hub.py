"""From a model's name to its folder: a path, the bundled default, or a hub id."""

from __future__ import annotations

import json
import re
from pathlib import Path

from infinisum.config import BUNDLED_MODELS, DEFAULT_MODEL
from infinisum.errors import InputError, NotFoundError

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"  # of weights in several files, by tensor
MODEL_HINT = "Name a folder with config.json, model.safetensors and tokenizer.json, or a hub id."
FETCH_HINT = "Fetch the model again; all of its files belong in one folder."
CONNECT_SECONDS = 5.0  # how long the hub may take to answer before it counts as out of reach

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def find_model(name: str | Path = DEFAULT_MODEL) -> Path:
    """The folder of a model.

    Args:
        name: path of a folder, the name of a bundled model, or a hub id such as
            "someone/their-model". Only a hub id that is not cached uses the network.

    Raises:
        NotFoundError: there is no such model, or the hub cannot be reached.
    """
    folder = Path(name).expanduser()
    if (folder / CONFIG_FILE).is_file():
        return folder
    if folder.exists():
        raise NotFoundError(f"{name}: not a model, it has no {CONFIG_FILE}.", MODEL_HINT)
    if str(name) in BUNDLED_MODELS:
        return _bundled_model(str(name))
    if _HUB_ID.fullmatch(str(name)) and not folder.parent.is_dir():
        return _hub_model(str(name))
    raise NotFoundError(f"{name}: no such model.", MODEL_HINT)


def is_model(name: str) -> bool:
    """Whether a name is a model's without asking the network: a folder, or a bundled one."""
    return name in BUNDLED_MODELS or (Path(name).expanduser() / CONFIG_FILE).is_file()


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files a model's weights are in: one, or those its index names; none where there are none.

    Raises:
        InputError: the index cannot be read, or a file it names is missing.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return (folder / WEIGHTS_FILE,)
    index = folder / INDEX_FILE
    if not index.is_file():
        return ()
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        paths = tuple(folder / Path(name).name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: not an index of weights.", FETCH_HINT) from error
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: this part of the weights is missing.", FETCH_HINT)
    return paths


def bundled_folders(name: str = DEFAULT_MODEL) -> tuple[Path, ...]:
    """Where a bundled model may be: in the installed package, in a checkout."""
    package = Path(__file__).resolve().parent
    return (package / "models" / name, package.parent / "models" / name)


def _bundled_model(name: str) -> Path:
    for folder in bundled_folders(name):
        if (folder / CONFIG_FILE).is_file():
            return folder
    raise NotFoundError(
        f"{name}: this model is part of infinisum, but is not installed.",
        "Install infinisum again, or name another with --model.",
    )


def _hub_model(hub_id: str) -> Path:
    """The cached copy of a hub model, fetched if there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    files = ["*.json", "*.safetensors", "*.txt", "*.model"]  # weights as safetensors only, no code
    # The bases are the errors of the HTTP library, whichever one the hub client is built on.
    failures: tuple[type[BaseException], ...] = (
        *HfHubHTTPError.__bases__,
        HFValidationError,
        OSError,
    )
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=files, local_files_only=True))
        if any(folder.glob("*.safetensors")) and (folder / CONFIG_FILE).is_file():
            return folder
    except (LocalEntryNotFoundError, HFValidationError):
        pass
    try:
        return Path(snapshot_download(hub_id, allow_patterns=files, etag_timeout=CONNECT_SECONDS))
    except failures as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        missing = status in (401, 404) or isinstance(error, HFValidationError)
        what = "no such model on the hub" if missing else "the hub cannot be reached"
        raise NotFoundError(
            f"{hub_id}: not cached, and {what}.",
            "Check the name and the connection, or name a folder.",
        ) from error
