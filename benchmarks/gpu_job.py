"""Train the default model on one GPU, in commands of a few minutes.

    python benchmarks/gpu_job.py sanity --model models/infinisum-base -o sanity.json
    python benchmarks/gpu_job.py train --data shards --model models/infinisum-base \
        --sanity sanity.json --minutes 24 -o run --detach
    python benchmarks/gpu_job.py collect run --to carried --carry 0
    python benchmarks/gpu_job.py join carried -o model

`sanity` proves that the GPU computes what the CPU does, and measures how many steps fit; `train`
pre-trains for two thirds of the time and fine-tunes with salience for one third, and goes on from
its newest checkpoint when it is called again; `collect` cuts the newest weights into parts of at
most 16 MiB, a carry of at most 60 MiB a call; `join` puts them together. Everything works on a CPU:
--preset tiny --minutes 0.3 is a rehearsal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

PART = 15 * 2**20  # bytes
CARRY = 60 * 2**20
PRETRAINING = 2 / 3  # of the time
MARGIN = 0.85  # of the measured speed that the schedule counts on
STAGES = ("pretrained", "finetuned")
OBJECTIVES = ("pretrain:3,summarize,salience", "summarize,salience")


def sanity(arguments: argparse.Namespace) -> None:
    import torch

    from infinisum.bench.measure import matmul_peak
    from infinisum.loading import choose
    from infinisum.model.cost import flops_per_segment

    device, dtype, _ = choose(arguments.device, arguments.dtype)
    model = _new_model(arguments)
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "dtype": str(dtype).removeprefix("torch."),
        **_equality(model, device, dtype),
        "matmul_peak_flops": matmul_peak(device, dtype),
    }
    model.to(device)
    for name, speed in (("reading", _reading), ("training", _training)):
        tokens_per_s = speed(model, device, dtype, arguments)
        passes = 1 if name == "reading" else 3
        per_token = passes * flops_per_segment(model.config) / model.config.segment_length
        result[f"{name}_tokens_per_s"] = tokens_per_s
        result[f"{name}_share_of_peak"] = tokens_per_s * per_token / result["matmul_peak_flops"]
    text = json.dumps(result, indent=1)
    arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)
    if result["float32_error"] > 1e-3 or result["error"] > 0.1:
        sys.exit("The device does not compute what the CPU does.")


def _new_model(arguments: argparse.Namespace) -> Any:
    from infinisum.config import FinetuneOptions
    from infinisum.training.trainer import start_model

    vocabulary = _vocabulary(arguments.model, arguments.output.parent / "vocabulary")
    options = FinetuneOptions((Path(),), Path(), model=vocabulary, preset=arguments.preset)
    return start_model(options)[0]


def _vocabulary(model: Path, folder: Path) -> Path:
    """A folder with the tokenizer alone: weights start anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    return folder


def _equality(model: Any, device: Any, dtype: Any) -> dict[str, float]:
    """Largest error of encoder states and cross memories on the device, relative to their size."""
    import torch

    N = model.config.segment_length
    ids = torch.randint(10, model.config.vocab_size, (1, 3, N), generator=torch.manual_seed(0))
    errors = {}
    with torch.no_grad():
        model.cpu().eval()
        wanted = model.encode(ids, window_segments=1)
        for name, kind in (("float32_error", torch.float32), ("error", dtype)):
            model.to(device)
            with torch.autocast(device.type, kind, enabled=kind != torch.float32):
                found = model.encode(ids.to(device), window_segments=1)
            worst = 0.0
            for part in ("last_hidden_state", "M"):
                a, b = getattr(wanted, part).float(), getattr(found, part).float().cpu()
                worst = max(worst, float((a - b).norm() / a.norm()))
            errors[name] = worst
    return errors


def _reading(model: Any, device: Any, dtype: Any, arguments: argparse.Namespace) -> float:
    import torch

    N, S = model.config.segment_length, arguments.segments
    ids = torch.randint(10, model.config.vocab_size, (arguments.batch, S, N), device=device)
    mask = torch.ones_like(ids, dtype=torch.bool)
    model.eval()

    def once() -> None:
        with torch.no_grad(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            model.read_block(ids, mask, model.initial_state(arguments.batch))

    return ids.numel() * _times_a_second(once, device, arguments.seconds)


def _training(model: Any, device: Any, dtype: Any, arguments: argparse.Namespace) -> float:
    import torch

    from infinisum.training.optimizer import make_optimizer, optimizer_groups

    N, S = model.config.segment_length, arguments.segments
    ids = torch.randint(10, model.config.vocab_size, (arguments.batch, S, N), device=device)
    target = torch.randint(10, model.config.vocab_size, (arguments.batch, 256), device=device)
    optimizer = make_optimizer("adamw", optimizer_groups(model, 1e-4, 1e-2), device)
    model.train()

    def once() -> None:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = model(input_ids=ids.flatten(1), decoder_input_ids=target, labels=target).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return ids.numel() * _times_a_second(once, device, arguments.seconds)


def _times_a_second(once: Any, device: Any, seconds: float) -> float:
    from infinisum.bench.measure import synchronize

    once()  # memory is allocated, kernels are chosen
    synchronize(device)
    start, times = time.perf_counter(), 0
    while times == 0 or time.perf_counter() - start < seconds:
        once()
        times += 1
        synchronize(device)
    return times / (time.perf_counter() - start)


def train(arguments: argparse.Namespace) -> None:
    if arguments.detach:
        arguments.output.mkdir(parents=True, exist_ok=True)
        again = [sys.executable, __file__, *(word for word in sys.argv[1:] if word != "--detach")]
        with (arguments.output / "output.txt").open("ab") as output:
            child = subprocess.Popen(
                again,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        print(f"Started as process {child.pid}; it writes {arguments.output / 'output.txt'}")
        return
    from infinisum.training.trainer import finetune

    start = _vocabulary(arguments.model, arguments.output / "vocabulary")
    speed = json.loads(arguments.sanity.read_text(encoding="utf-8"))["training_tokens_per_s"]
    for stage, objective in zip(STAGES, arguments.objectives, strict=True):
        output = arguments.output / stage
        share = PRETRAINING if stage == "pretrained" else 1 - PRETRAINING
        if not (output / "model.safetensors").is_file():
            finetune(_options(arguments, start, output, objective, share, speed), print)
        start = output


def _options(
    arguments: argparse.Namespace,
    start: Path,
    output: Path,
    objective: str,
    share: float,
    speed: float,
) -> Any:
    """A stage that its share of the time is enough for; the time limit holds whatever happens."""
    from infinisum.config import FinetuneOptions

    minutes = share * arguments.minutes
    steps = max(1, round(MARGIN * 60 * minutes * speed / arguments.batch_tokens))
    return FinetuneOptions(
        data=tuple(arguments.data),
        output=output,
        model=start,
        preset=arguments.preset,
        objective=objective,
        max_steps=min(steps, arguments.most_steps),
        time_limit_minutes=minutes,
        save_minutes=2.0,
        batch_size=arguments.batch_texts,
        batch_tokens=arguments.batch_tokens,
        max_segments=arguments.max_segments,
        workers=arguments.workers,
        learning_rate=arguments.learning_rate * (1.0 if output.name == "pretrained" else 0.4),
        device=arguments.device,
        dtype=arguments.dtype,
        resume=True,
    )


def collect(arguments: argparse.Namespace) -> None:
    """Parts of the newest weights: of the last finished stage, or of the newest checkpoint."""
    import torch
    from safetensors.torch import load_file, save_file

    from infinisum.training.checkpoints import whole_checkpoints

    found: list[Path] = []
    for stage in STAGES:
        found += whole_checkpoints(arguments.run / stage / "checkpoints")
        if (arguments.run / stage / "model.safetensors").is_file():
            found.append(arguments.run / stage)
    if not found:
        sys.exit(f"{arguments.run}: nothing to collect yet.")
    newest = found[-1]
    arguments.to.mkdir(parents=True, exist_ok=True)
    weights = load_file(newest / "model.safetensors")
    keep = ("gate", "feature_mean", "feature_scale")  # small, and wanted exactly
    small = {
        name: value if name.endswith(keep) else value.to(torch.bfloat16)
        for name, value in weights.items()
    }
    whole = arguments.to / "whole"
    save_file(small, whole, {"format": "pt"})
    data = whole.read_bytes()
    whole.unlink()
    parts = [data[at : at + PART] for at in range(0, len(data), PART)]
    a_carry = CARRY // PART
    for number in range(arguments.carry * a_carry, (arguments.carry + 1) * a_carry):
        if number < len(parts):
            (arguments.to / f"weights.{number:03}").write_bytes(parts[number])
    manifest = {
        "from": str(newest),
        "parts": len(parts),
        "carries": -(-len(parts) // a_carry),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (arguments.to / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    vocabulary = arguments.run / "vocabulary"
    for source in [
        newest / "config.json",
        newest / "generation_config.json",
        *vocabulary.iterdir(),
    ]:
        if source.is_file():
            shutil.copyfile(source, arguments.to / source.name)
    for stage in STAGES:
        log = arguments.run / stage / "training.jsonl"
        if log.is_file():
            shutil.copyfile(log, arguments.to / f"{stage}.jsonl")
    print(json.dumps(manifest))


def join(arguments: argparse.Namespace) -> None:
    manifest = json.loads((arguments.parts / "manifest.json").read_text(encoding="utf-8"))
    names = [arguments.parts / f"weights.{number:03}" for number in range(manifest["parts"])]
    missing = [path.name for path in names if not path.is_file()]
    if missing:
        sys.exit(f"{arguments.parts}: still missing {', '.join(missing)}.")
    data = b"".join(path.read_bytes() for path in names)
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        sys.exit(f"{arguments.parts}: the parts are of different weights; collect them again.")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for path in arguments.parts.glob("*config.json"):
        shutil.copyfile(path, arguments.output / path.name)
    shutil.copyfile(arguments.parts / "tokenizer.json", arguments.output / "tokenizer.json")
    (arguments.output / "model.safetensors").write_bytes(data)
    print(f"{arguments.output}: {len(data):,} bytes from {manifest['from']}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--model", type=Path, required=True, help="folder with the tokenizer")
    common.add_argument("--preset", default="base")
    common.add_argument("--device", default="auto")
    common.add_argument("--dtype", default="auto")
    common.add_argument("-o", "--output", type=Path, required=True)
    one = commands.add_parser("sanity", parents=[common])
    one.add_argument("--seconds", type=float, default=30, help="of each measurement")
    one.add_argument("--batch", type=int, default=4)
    one.add_argument("--segments", type=int, default=16)
    one.set_defaults(run_command=sanity)
    two = commands.add_parser("train", parents=[common])
    two.add_argument("--data", type=Path, nargs="+", required=True)
    two.add_argument("--sanity", type=Path, required=True, help="what `sanity` wrote")
    two.add_argument("--minutes", type=float, default=24)
    two.add_argument("--objectives", nargs=2, default=OBJECTIVES, help="of the two stages")
    two.add_argument("--batch-tokens", type=int, default=65_536)
    two.add_argument("--batch-texts", type=int, default=32)
    two.add_argument("--max-segments", type=int, default=32)
    two.add_argument("--most-steps", type=int, default=1_000_000)
    two.add_argument("--learning-rate", type=float, default=6e-4)
    two.add_argument("--workers", type=int, default=0)
    two.add_argument("--detach", action="store_true")
    two.set_defaults(run_command=train)
    three = commands.add_parser("collect")
    three.add_argument("run", type=Path)
    three.add_argument("--to", type=Path, required=True)
    three.add_argument("--carry", type=int, default=0)
    three.set_defaults(run_command=collect)
    four = commands.add_parser("join")
    four.add_argument("parts", type=Path)
    four.add_argument("-o", "--output", type=Path, required=True)
    four.set_defaults(run_command=join)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from infinisum.errors import InfinisumError

    try:
        arguments.run_command(arguments)
    except InfinisumError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
