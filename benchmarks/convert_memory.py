"""Peak memory and size of converting a donor of Flan-T5-XXL's width, layer by layer.

    python benchmarks/convert_memory.py /some/folder --layers 1 2

Writes donors with weights of zero, in files of 1 GB as on the hub, and converts each by command.
Memory that did not grow from one number of layers to the next will not for all 24 of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

from infinisum.convert.writing import Planned, write_shards

ROWS = 32_128
XXL = {"d_model": 4096, "d_kv": 64, "d_ff": 10_240, "num_heads": 64}


def write_donor(folder: Path, layers: int, dtype: torch.dtype) -> None:
    """A T5 v1.1 of `layers` encoder and decoder layers, tensor by tensor."""
    folder.mkdir(parents=True)
    config = T5Config(
        vocab_size=ROWS,
        num_layers=layers,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=0,
        tie_word_embeddings=False,
        **XXL,
    )
    with torch.device("meta"):
        state = T5ForConditionalGeneration(config).state_dict()
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        state.pop(name, None)
    tensors = [Planned(name, tuple(like.shape), dtype) for name, like in state.items()]

    def zeros(planned: Planned) -> torch.Tensor:
        # The output matrix must differ from the embeddings, or it is taken for the same.
        fill = 1.0 if planned.name == "lm_head.weight" else 0.0
        return torch.full(planned.shape, fill, dtype=planned.dtype)

    list(write_shards(tensors, zeros, folder, 10**9))
    content = {**config.to_dict(), "tie_word_embeddings": False, "scale_decoder_outputs": False}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    write_vocabulary(folder)


def write_vocabulary(folder: Path) -> None:
    """Letters and T5's hundred placeholders: all that a conversion asks of a vocabulary."""
    letters = [(letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789.,;:"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters]
    pieces += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(100))]
    T5Tokenizer(vocab=pieces).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with room for twice the donor")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    arguments = parser.parse_args()
    rows = []
    for layers in arguments.layers:
        donor, output = arguments.folder / f"donor-{layers}", arguments.folder / f"ours-{layers}"
        write_donor(donor, layers, getattr(torch, arguments.dtype))
        command = [
            sys.executable,
            "-m",
            "infinisum",
            "convert",
            donor,
            "-o",
            output,
            "--json",
            "-q",
        ]
        done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        shutil.rmtree(donor)
        shutil.rmtree(output)
        row = {
            "layers": layers,
            "weights_bytes": told["weights_bytes"],
            "peak_bytes": told["run"]["peak_bytes"],
        }
        rows.append(row)
        print(f"{layers} + {layers} layers: {row}", flush=True)
    print(json.dumps({"dtype": arguments.dtype, "rows": rows}))


if __name__ == "__main__":
    main()
