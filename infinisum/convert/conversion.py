"""The whole path: a donor's name → a folder with a model of ours."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import PreTrainedModel

from infinisum.atomic import replace_files
from infinisum.config import ConvertOptions
from infinisum.convert.donor import Donor
from infinisum.convert.families import family_of
from infinisum.convert.plan import Plan
from infinisum.convert.writing import Planned, write_shards
from infinisum.errors import InputError, OutputError
from infinisum.hub import CONFIG_FILE, FETCH_HINT, INDEX_FILE, WEIGHTS_FILE, find_model

PART = ".model"  # where a model is until it is whole
GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a donor."""

    folder: Path
    family: str  # the donor's model_type
    parameters: int
    bytes: int
    carried: int  # tensors made of the donor's
    new: int  # tensors that the donor has nothing for
    left_out: tuple[str, ...]  # tensors of the donor that nothing is made of and nobody knows
    notes: tuple[str, ...]  # what could not be carried over
    decoder_alone: bool


def convert(
    options: ConvertOptions, on_bytes: Callable[[int, int], None] = lambda *_: None
) -> Conversion:
    """Give a pretrained model an unbounded memory.

    Args:
        options: what to convert and how.
        on_bytes: told the bytes written and the bytes there will be, after each file.

    Raises:
        NotFoundError: there is no such model, it has no safetensors or no tokenizer.
        InputError: an architecture we do not know, or a checkpoint that is damaged, incomplete
            or pickled.
        OutputError: the output folder holds something else, or cannot be written.
    """
    check_output(options.output)
    donor = Donor(find_model(options.donor), options.donor)
    plan, network = planned_network(donor, options)
    tensors = planned(plan, donor, network, options)
    sizes = sum(tensor.size for tensor in tensors)
    new = _new_tensors(network, plan, options.seed)

    def make(tensor: Planned) -> Tensor:
        source = plan.sources.get(tensor.name)
        if source is None:
            return new[tensor.name].to(tensor.dtype)
        parts = [donor.load(name) for name in source.names]
        made = parts[0] if source.make is None else source.make(*parts)
        return made.to(tensor.dtype)

    existed, part = options.output.is_dir(), options.output / PART
    _check_room(options.output, sizes)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for done in write_shards(tensors, make, part, round(options.shard_gb * GIGABYTE)):
            donor.close()  # what was mapped of its files would add up to all of them
            on_bytes(done, sizes)
        _write_rest(plan, network, tensors, part)
        replace_files(part, options.output, last=(WEIGHTS_FILE, INDEX_FILE))
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise _cannot_write(options.output, reason.lower(), sizes) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if not existed:
            with suppress(OSError):  # it has a model in it
                options.output.rmdir()
    carried = sum(bool(source.names) for source in plan.sources.values())
    return Conversion(
        folder=options.output,
        family=donor.model_type,
        parameters=sum(torch.Size(tensor.shape).numel() for tensor in tensors),
        bytes=sizes,
        carried=carried,
        new=len(tensors) - carried,
        left_out=tuple(sorted(set(donor.tensors) - _used(plan))),
        notes=plan.notes,
        decoder_alone=not plan.config.is_encoder_decoder,
    )


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something that is no model of ours, before any work.

    Raises:
        OutputError: it does, or it is a file.
    """
    if folder.is_file():
        raise OutputError(f"{folder}: is a file.", "Name a folder with -o.")
    if folder.is_dir() and any(path.name != PART for path in folder.iterdir()):
        raise OutputError(
            f"{folder}: is not empty.", "Name a new folder with -o, or empty this one."
        )


def _check_room(folder: Path, size: int) -> None:
    """Refuse before the work what the disk has no room for.

    Raises:
        OutputError: it has less than `size` bytes.
    """
    place = next(
        (path for path in (folder, *folder.absolute().parents) if path.is_dir()), Path("/")
    )
    free = shutil.disk_usage(place).free
    if free < size:
        raise _cannot_write(folder, f"{free / GIGABYTE:.1f} GB are free", size)


def _cannot_write(folder: Path, reason: str, size: int) -> OutputError:
    return OutputError(
        f"{folder}: cannot write the model, {reason}.",
        f"It needs {size / GIGABYTE:.1f} GB; make room, or name another place with -o.",
    )


def planned_network(donor: Donor, options: ConvertOptions) -> tuple[Plan, PreTrainedModel]:
    """The plan of the donor's family, and the network without numbers: its names and shapes.

    Raises:
        InputError: no family knows the donor, or no network has such sizes.
    """
    family = family_of(donor)
    try:
        plan = family.plan(donor, options)
        with torch.device("meta"):
            return plan, plan.network(plan.config)
    except (ValueError, RuntimeError, TypeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split()).rpartition("ValueError: ")[2][:160]
        raise InputError(
            f"{donor.folder / CONFIG_FILE}: makes no network: {reason}.", FETCH_HINT
        ) from error


def planned(
    plan: Plan, donor: Donor, network: PreTrainedModel, options: ConvertOptions
) -> list[Planned]:
    """What will be written, after a look at every name and shape.

    Raises:
        InputError: the donor lacks a tensor, or has it in another shape than its config says.
    """
    state = network.state_dict()
    tied = network._tied_weights_keys if plan.config.tie_word_embeddings else None
    for name in tied or ():
        state.pop(name, None)
    for name in plan.sources.keys() - state.keys():
        raise AssertionError(f"{name} is no tensor of the network")
    exact = getattr(network, "_keep_in_fp32_modules_strict", None) or ()
    wanted = None if options.dtype == "auto" else getattr(torch, options.dtype)
    first = next(iter(plan.sources.values())).names[0]
    tensors = []
    for name, like in state.items():
        source = plan.sources.get(name)
        if source is not None:
            _check_shape(plan, donor, name, tuple(like.shape))
        dtype = donor.tensors[source.names[0] if source and source.names else first].dtype
        if any(part in name.split(".") for part in exact):
            dtype = torch.float32
        elif wanted is not None:
            dtype = wanted
        tensors.append(Planned(name, tuple(like.shape), dtype))
    return tensors


def _check_shape(plan: Plan, donor: Donor, name: str, wanted: tuple[int, ...]) -> None:
    """Make a tensor without its numbers."""
    source = plan.sources[name]
    parts = []
    for theirs in source.names:
        if theirs not in donor.tensors:
            raise InputError(
                f"{donor.folder}: there is no tensor {theirs}.",
                "Only whole models with all of their stacks can be converted.",
            )
        parts.append(torch.empty(donor.tensors[theirs].shape, device="meta"))
    try:
        found = tuple((parts[0] if source.make is None else source.make(*parts)).shape)
    except (RuntimeError, IndexError):
        found = ()
    if found != wanted:
        shapes = " and ".join(
            f"{theirs} is {_times(part)}" for theirs, part in zip(source.names, parts, strict=True)
        )
        raise InputError(
            f"{donor.folder}: {shapes}, which does not fit what config.json says.",
            "Config and weights do not belong together.",
        )


def _times(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _used(plan: Plan) -> set[str]:
    return {name for source in plan.sources.values() for name in source.names} | plan.left_out


def _new_tensors(network: PreTrainedModel, plan: Plan, seed: int) -> dict[str, Tensor]:
    """Numbers for what the donor has nothing for, as the network itself starts them."""
    torch.manual_seed(seed)
    new: dict[str, Tensor] = {}
    for path, module in network.named_modules():
        own = [name for name, _ in _own_tensors(module)]
        names = {name: f"{path}.{name}" if path else name for name in own}
        lacking = {name: full for name, full in names.items() if full not in plan.sources}
        tied = network._tied_weights_keys or {}
        if not lacking or all(full in tied for full in lacking.values()):
            continue
        module.to_empty(device="cpu", recurse=False)
        network._init_weights(module)
        found = dict(_own_tensors(module))
        new |= {full: found[name].detach() for name, full in lacking.items()}
    return new


def _own_tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and kept buffers of a module itself."""
    return [
        *module.named_parameters(recurse=False),
        *module.named_buffers(recurse=False),
    ]


def _write_rest(plan: Plan, network: PreTrainedModel, tensors: list[Planned], folder: Path) -> None:
    """Config and tokenizer, beside the weights."""
    config = plan.config
    config.architectures = [type(network).__name__]
    config.dtype = tensors[0].dtype
    config.save_pretrained(folder)
    for name, content in (plan.vocabulary.files() if plan.vocabulary else {}).items():
        (folder / name).write_text(content, encoding="utf-8")
