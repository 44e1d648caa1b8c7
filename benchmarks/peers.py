"""Reading speed beside the encoders of other models for long text, from `transformers`.

    python benchmarks/peers.py --threads 2 -o benchmarks/results/peers-cpu-fp32.json
    python benchmarks/peers.py --tokens 16384 65536 262144 1048576 --device cuda --dtype bfloat16

Random weights; eight layers of width 512 and the same number of parameters (embeddings and, of
ours, what writes the cross memories, included; tables of absolute positions are not), reached by
the width of the feed-forward layers. Every row is a process of its own, which warms up on a short
text and then reads once; peak memory is of that process, or of the GPU. Ours reads a stream of
blocks, as it reads books; the others take the text whole, as they do. A row that wants more memory
than there is, or takes longer than --limit-s, says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from infinisum.atomic import write_atomically
from infinisum.bench.measure import matmul_peak, peak_bytes, random_blocks, reset_peak, synchronize
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration

VOCABULARY, HEAD = 16_384, 64
OURS = "infinisum"
WINDOW = 1_024  # of LED, both sides together; the others have the sizes of their papers
BLOCK_SEGMENTS = 4
OUT_OF_MEMORY = 3  # exit status of a row that wanted more memory than there is

Build = Callable[[int, int, int, int], nn.Module]  # layers, width, d_ff, tokens


def led(layers: int, width: int, d_ff: int, tokens: int) -> nn.Module:
    from transformers.models.led.modeling_led import LEDConfig, LEDEncoder

    return LEDEncoder(
        LEDConfig(
            vocab_size=VOCABULARY,
            d_model=width,
            encoder_layers=layers,
            encoder_ffn_dim=d_ff,
            encoder_attention_heads=width // HEAD,
            attention_window=WINDOW,
            max_encoder_position_embeddings=-(-tokens // WINDOW) * WINDOW + 2,
        )
    )


def pegasus_x(layers: int, width: int, d_ff: int, tokens: int) -> nn.Module:
    from transformers.models.pegasus_x.modeling_pegasus_x import PegasusXConfig, PegasusXEncoder

    return PegasusXEncoder(
        PegasusXConfig(
            vocab_size=VOCABULARY,
            d_model=width,
            encoder_layers=layers,
            encoder_ffn_dim=d_ff,
            encoder_attention_heads=width // HEAD,
            max_position_embeddings=tokens,
        )
    )


def longt5(attention: str) -> Build:
    def build(layers: int, width: int, d_ff: int, tokens: int) -> nn.Module:
        from transformers import LongT5Config, LongT5EncoderModel

        return LongT5EncoderModel(
            LongT5Config(
                vocab_size=VOCABULARY,
                d_model=width,
                num_layers=layers,
                d_ff=d_ff,
                num_heads=width // HEAD,
                feed_forward_proj="gated-gelu",
                encoder_attention_type=attention,
            )
        )

    return build


def t5(layers: int, width: int, d_ff: int, tokens: int) -> nn.Module:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=VOCABULARY,
            d_model=width,
            num_layers=layers,
            d_ff=d_ff,
            num_heads=width // HEAD,
            feed_forward_proj="gated-gelu",
        )
    )


PEERS: dict[str, Build] = {
    "led": led,
    "longt5-tglobal": longt5("transient-global"),
    "longt5-local": longt5("local"),
    "pegasus-x": pegasus_x,
    "t5": t5,
}


def our_model(layers: int, width: int, segment: int) -> InfinisumForConditionalGeneration:
    config = InfinisumConfig(
        vocab_size=VOCABULARY,
        d_model=width,
        d_ff=2 * width,
        d_kv=HEAD,
        num_heads=width // HEAD,
        encoder_layers=layers,
        decoder_layers=layers // 2,
        segment_length=segment,
    )
    return InfinisumForConditionalGeneration(config)


def reading_parameters(model: InfinisumForConditionalGeneration) -> int:
    """Parameters that take part in reading: encoder, embeddings, writers of the cross memories."""
    writers = [m for w in model.decoder.writers for m in (w.k, w.v, w.write_strength, w.place)]
    parts = [model.shared, model.encoder, *writers]
    return sum(p.numel() for part in parts for p in part.parameters())


def counted(model: nn.Module) -> int:
    """Parameters without tables of absolute positions, whose size is the longest text."""
    names = {name: p.numel() for name, p in model.named_parameters()}
    return sum(n for name, n in names.items() if "embed_positions" not in name)


def equal_d_ff(build: Build, layers: int, width: int, wanted: int) -> int:
    """The width of the feed-forward layers that gives `wanted` parameters, to a multiple of 8."""
    with torch.device("meta"):
        small, large = (counted(build(layers, width, d_ff, WINDOW)) for d_ff in (8, 1_032))
    return max(8, round((wanted - small) * 128 / (large - small)) * 8 + 8)


def measure(name: str, tokens: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row, in this process."""
    device, dtype = torch.device(arguments.device), getattr(torch, arguments.dtype)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    ours = our_model(arguments.layers, arguments.width, arguments.segment)
    model: nn.Module = ours
    if name != OURS:
        d_ff = equal_d_ff(PEERS[name], arguments.layers, arguments.width, reading_parameters(ours))
        model = PEERS[name](arguments.layers, arguments.width, d_ff, tokens)
    parameters = reading_parameters(ours) if name == OURS else counted(model)
    del ours
    model.to(device, dtype).eval()  # type: ignore[arg-type]
    peak = matmul_peak(device, dtype, arguments.peak_s)
    read = read_stream if name == OURS else read_whole
    with torch.no_grad():
        read(model, min(tokens, 2 * WINDOW), arguments.seed)
        synchronize(device)
        reset_peak(device)
        start, cpu = time.perf_counter(), time.process_time()
        read(model, tokens, arguments.seed)
        synchronize(device)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return {
        "model": name,
        "length_tokens": tokens,
        "parameters": parameters,
        "seconds_s": round(seconds, 3),
        "cpu_s": round(cpu_seconds, 3),
        "tokens_per_s": round(tokens / seconds, 1),
        "tokens_per_cpu_s": round(tokens / cpu_seconds, 1),
        "peak_bytes": peak_bytes(device),
        "matmul_peak_flop_per_s": round(peak),
        "threads": torch.get_num_threads(),
    }


def read_stream(model: nn.Module, tokens: int, seed: int) -> None:
    assert isinstance(model, InfinisumForConditionalGeneration)
    state = model.initial_state(1)
    for ids, mask in random_blocks(model, tokens, BLOCK_SEGMENTS, seed):
        _, state = model.read_block(ids, mask, state)


def read_whole(model: nn.Module, tokens: int, seed: int) -> None:
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY, (1, tokens), generator=generator).to(device)
    extra = {}
    if type(model).__name__ == "LEDEncoder":  # summarising, it attends from everywhere to <s>
        extra["global_attention_mask"] = (torch.arange(tokens, device=device) == 0).long()[None]
    model(input_ids=ids, attention_mask=torch.ones_like(ids), **extra)


def run_row(name: str, tokens: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--tokens", str(tokens)]
    for option in ("device", "dtype", "layers", "width", "segment", "threads", "seed", "peak_s"):
        command += ["--" + option.replace("_", "-"), str(getattr(arguments, option))]
    command += ["--memory-gib", str(arguments.memory_gib)]
    row: dict[str, Any] = {"model": name, "length_tokens": tokens}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=arguments.limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return row | {"failed": f"over {arguments.limit_s:g} s"}
    if done.returncode == 0:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    if done.returncode == OUT_OF_MEMORY:
        return row | {"failed": f"out of memory ({done.stderr.strip().splitlines()[-1]})"}
    return row | {"failed": (done.stderr.strip().splitlines() or ["killed"])[-1][:200]}


def free_gib() -> float:
    """Nine tenths of the memory that is free now."""
    return 0.9 * os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def limit_memory(gib: float) -> None:
    """Let an allocation fail instead of the machine: on a CPU there is no other 'out of memory'."""
    import resource

    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    room = used * resource.getpagesize() + int(gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))


def one_row(arguments: argparse.Namespace) -> None:
    """What the process of a row does: prints it, or leaves with `OUT_OF_MEMORY`."""
    if arguments.device == "cpu" and Path("/proc/self/statm").exists():
        limit_memory(arguments.memory_gib)
    try:
        print(json.dumps(measure(arguments.one, arguments.tokens[0], arguments)))
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        print(" ".join(str(error).split())[:120], file=sys.stderr)
        raise SystemExit(OUT_OF_MEMORY) from None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=[OURS, *PEERS], choices=[OURS, *PEERS])
    parser.add_argument("--tokens", type=int, nargs="+", default=[4_096, 16_384])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--segment", type=int, default=1_024, help="of ours")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as PyTorch takes")
    parser.add_argument("--limit-s", type=float, default=600)
    parser.add_argument("--memory-gib", type=float, default=free_gib(), help="a row may take")
    parser.add_argument("--peak-s", type=float, default=1.0, help="to measure the matmul peak")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path, help="JSON; rows that are there are kept")
    arguments = parser.parse_args()
    if arguments.one:
        one_row(arguments)
        return
    rows: list[dict[str, Any]] = []
    if arguments.output and arguments.output.exists():
        rows = json.loads(arguments.output.read_text(encoding="utf-8"))["rows"]
    there = {(row["model"], row["length_tokens"]) for row in rows}
    setting = {
        key: getattr(arguments, key) for key in ("device", "dtype", "layers", "width", "segment")
    }
    for tokens in arguments.tokens:
        for name in arguments.models:
            if (name, tokens) in there:
                continue
            rows.append(run_row(name, tokens, arguments))
            print(json.dumps(rows[-1]), flush=True)
            if arguments.output:
                result = {**setting, "torch": torch.__version__, "rows": rows}
                write_atomically(arguments.output, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
