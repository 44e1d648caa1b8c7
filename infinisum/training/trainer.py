"""`finetune`: transformers' Seq2SeqTrainer with our objectives and optimizer groups."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from infinisum.config import FinetuneOptions
from infinisum.errors import UsageError
from infinisum.loading import choose, load_model
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.presets import PRESETS
from infinisum.tokenizer import Tokenizer, load_tokenizer
from infinisum.training.callbacks import Clock, JsonLog
from infinisum.training.objectives import (
    VECTOR_WEIGHT,
    Collator,
    salience_loss,
    summary_loss,
    vector_loss,
)
from infinisum.training.shards import prepared

OBJECTIVES = ("summarize", "salience")
WEIGHT_DECAY = 0.05
WARMUP_SHARE = 0.05


def optimizer_groups(
    model: nn.Module, learning_rate: float, gate_learning_rate: float
) -> list[dict[str, Any]]:
    """Parameters in three groups: mixing gates, vectors without decay, matrices with decay.

    At the rate of the other weights a gate would hardly move in a whole training run; decay would
    pull it back to 0.5.
    """
    gates, plain, decayed = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith("mix.gate"):
            gates.append(parameter)
        elif parameter.dim() < 2 or "place" in name or "distance" in name:
            plain.append(parameter)
        else:
            decayed.append(parameter)
    return [
        {"params": gates, "lr": gate_learning_rate, "weight_decay": 0.0},
        {"params": plain, "lr": learning_rate, "weight_decay": 0.0},
        {"params": decayed, "lr": learning_rate, "weight_decay": WEIGHT_DECAY},
    ]


class BookTrainer(Seq2SeqTrainer):
    """Seq2SeqTrainer with our losses and optimizer groups.

    Args:
        weights: weight of each objective.
        gate_learning_rate: of the mixing gates.
    """

    def __init__(
        self, *args: Any, weights: dict[str, float], gate_learning_rate: float, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.weights = weights
        self.gate_learning_rate = gate_learning_rate
        self.parts: dict[str, list[float]] = {}

    @property
    def network(self) -> InfinisumForConditionalGeneration:
        """The network being trained."""
        assert isinstance(self.model, InfinisumForConditionalGeneration)
        return self.model

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """AdamW over our groups."""
        if self.optimizer is None:
            groups = optimizer_groups(
                self.network, self.args.learning_rate, self.gate_learning_rate
            )
            self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8)
        return self.optimizer

    def compute_loss(  # type: ignore[override]
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Any:
        """Weighted sum of the objectives' losses; each is logged by itself."""
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        salience_labels = inputs.pop("salience_labels")
        teacher = inputs.pop("salience_vectors", None)
        outputs = model(**inputs)
        parts: dict[str, Tensor] = {}
        if "summarize" in self.weights:
            parts["summarize"] = summary_loss(outputs.logits, labels)
        if "salience" in self.weights:
            parts["salience"] = salience_loss(outputs.salience, salience_labels)
        loss = sum((self.weights[name] * part for name, part in parts.items()), torch.tensor(0.0))
        if "salience" in self.weights and teacher is not None:
            parts["vectors"] = vector_loss(outputs.vectors, teacher)
            loss = loss + self.weights["salience"] * VECTOR_WEIGHT * parts["vectors"]
        for name, part in parts.items():
            if part.detach() != 0:  # a batch without labels for an objective says nothing of it
                self.parts.setdefault(name, []).append(float(part.detach()))
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Add the objectives' own losses and the gates to what is logged."""
        for name, values in self.parts.items():
            logs[f"loss_{name}"] = sum(values) / len(values)
        self.parts = {}
        gates = [
            torch.sigmoid(parameter.detach().float())
            for name, parameter in self.network.named_parameters()
            if name.endswith("mix.gate")
        ]
        if gates and "loss" in logs:
            g = torch.cat(gates)
            logs["gate_mean"] = float(g.mean())
            logs["gate_least"], logs["gate_most"] = float(g.min()), float(g.max())
            logs["gates_undecided"] = float(((g > 0.45) & (g < 0.55)).float().mean())
        super().log(logs, *args, **kwargs)


def start_model(options: FinetuneOptions) -> tuple[InfinisumForConditionalGeneration, Tokenizer]:
    """The network to train: loaded, or new with the sizes of a preset.

    A folder that holds a tokenizer alone gives new weights their vocabulary.

    Raises:
        UsageError: unknown preset, or neither a model nor a tokenizer was named.
        NotFoundError, InputError: the folder cannot be used.
    """
    if options.model is None:
        raise UsageError(
            "--model is missing.", "Name a model folder, or one with a tokenizer.json alone."
        )
    if (options.model / "model.safetensors").is_file():
        loaded = load_model(options.model, "cpu", "float32")
        return loaded.model, loaded.tokenizer
    if options.preset not in PRESETS:
        raise UsageError(f"--preset {options.preset}: unknown.", f"One of {', '.join(PRESETS)}.")
    tokenizer = load_tokenizer(options.model)
    from infinisum.features import FEATURE_NAMES

    config = InfinisumConfig(
        **PRESETS[options.preset],
        vocab_size=-(-tokenizer.vocab_size // 64) * 64,
        sentence_features=len(FEATURE_NAMES),
        pad_token_id=tokenizer.pad_id,
        eos_token_id=tokenizer.eos_id,
        bos_token_id=tokenizer.bos_id,
        decoder_start_token_id=tokenizer.bos_id,
    )
    set_seed(options.seed)
    model = InfinisumForConditionalGeneration(config)
    if options.embeddings == "distilled":
        from infinisum.training.embeddings import distill_embeddings

        distill_embeddings(model, tokenizer)
    return model, tokenizer


def finetune(options: FinetuneOptions) -> Path:
    """Train, and leave a loadable model in `options.output`.

    Returns:
        The output folder.

    Raises:
        UsageError: an unknown objective, preset or device.
        NotFoundError: nothing usable in the data.
        InputError: data or weights that cannot be read.
    """
    weights = options.weights()
    unknown = [name for name in weights if name not in OBJECTIVES]
    if unknown:
        raise UsageError(
            f"--objective {','.join(unknown)}: unknown.", f"Known: {', '.join(OBJECTIVES)}."
        )
    device, dtype, _ = choose(options.device, options.dtype)
    model, tokenizer = start_model(options)
    data = prepared(options.data, tokenizer, model.config.segment_length, options.output / "shards")
    collator = Collator(
        model.config.segment_length,
        tokenizer.pad_id,
        model.config.reservoir_length,
        options.max_segments,
    )
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    resume = (
        get_last_checkpoint(str(output / "checkpoints"))
        if options.resume and (output / "checkpoints").is_dir()
        else None
    )
    trainer = BookTrainer(
        model=model,
        args=training_arguments(options, device, dtype),
        train_dataset=data,
        data_collator=collator,
        callbacks=[
            Clock(options.time_limit_minutes, options.save_minutes),
            JsonLog(output / "training.jsonl"),
        ],
        weights=weights,
        gate_learning_rate=options.gate_learning_rate,
    )
    trainer.train(resume_from_checkpoint=resume)
    save_model(model, options, output)
    return output


def training_arguments(
    options: FinetuneOptions, device: torch.device, dtype: torch.dtype
) -> Seq2SeqTrainingArguments:
    """Our options in transformers' words."""
    return Seq2SeqTrainingArguments(
        output_dir=str(options.output / "checkpoints"),
        max_steps=options.max_steps,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=max(1, round(WARMUP_SHARE * options.max_steps)),
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        bf16=dtype == torch.bfloat16,
        use_cpu=device.type == "cpu",
        logging_steps=10,
        save_strategy="no",
        save_total_limit=2,
        seed=options.seed,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=[],
        disable_tqdm=True,
    )


def save_model(
    model: InfinisumForConditionalGeneration, options: FinetuneOptions, output: Path
) -> None:
    """Write weights, config and tokenizer, so that the folder is a model of its own."""
    model.config.use_cache = True  # the trainer turns it off
    model.save_pretrained(output)
    assert options.model is not None
    for name in ("tokenizer.json", "tokenizer_config.json"):
        source = options.model / name
        if source.is_file() and source.resolve() != (output / name).resolve():
            shutil.copyfile(source, output / name)
