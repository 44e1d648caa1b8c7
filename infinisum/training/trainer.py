"""`finetune`: transformers' Seq2SeqTrainer with our objectives and optimizer groups."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from infinisum.config import FinetuneOptions
from infinisum.errors import UsageError
from infinisum.loading import choose, load_model
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.presets import PRESETS
from infinisum.tokenizer import Tokenizer, load_tokenizer
from infinisum.training.batches import Collator
from infinisum.training.callbacks import Clock, JsonLog
from infinisum.training.head import fit_head
from infinisum.training.losses import (
    VECTOR_WEIGHT,
    Counts,
    salience_loss,
    summary_loss,
    vector_loss,
)
from infinisum.training.objectives import Objective, objectives_named
from infinisum.training.overlap import held_out
from infinisum.training.plan import Curriculum, DrawnTexts, Plan, rows_of
from infinisum.training.shards import ShardDataset, prepared

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
    """Seq2SeqTrainer with our plan of batches, losses and optimizer groups.

    Args:
        plan: the batches of the run, from which accelerate gives each process its own.
        objectives: that the plan draws from, with their weights.
        gate_learning_rate: of the mixing gates.
    """

    loss_is_scaled_for_ga = True  # compute_loss divides by the counts of the whole step

    def __init__(
        self,
        *args: Any,
        plan: Plan,
        objectives: dict[Objective, float],
        gate_learning_rate: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.plan = plan
        self.weights = {objective.name: weight for objective, weight in objectives.items()}
        self.gate_learning_rate = gate_learning_rate
        self.parts: dict[str, list[float]] = {}

    @property
    def network(self) -> InfinisumForConditionalGeneration:
        """The network being trained."""
        assert isinstance(self.model, InfinisumForConditionalGeneration)
        return self.model

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches of the plan."""
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,  # type: ignore[arg-type]
            batch_sampler=self.plan,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """AdamW over our groups."""
        if self.optimizer is None:
            groups = optimizer_groups(
                self.network, self.args.learning_rate, self.gate_learning_rate
            )
            self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8)
        return self.optimizer

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor:
        """Counts of the step, over its micro-batches and all processes: `[4]`, as in `Counts`."""
        counts = torch.stack([torch.stack(Counts.of(batch)) for batch in batch_samples]).sum(0)
        gathered: Tensor = self.accelerator.gather(counts.to(device)[None])
        return gathered.sum(0)

    def compute_loss(  # type: ignore[override]
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """Loss of the step's objective, and of salience where texts have labels for it."""
        inputs = dict(inputs)
        objective = inputs.pop("objective")
        del inputs["ids"]
        labels, salience_labels = inputs.pop("labels"), inputs.pop("salience_labels")
        teacher = inputs.pop("salience_vectors", None)
        counts = Counts(*num_items_in_batch) if num_items_in_batch is not None else None
        if counts is None:
            counts = Counts.of({"labels": labels, "salience_labels": salience_labels})
        outputs = model(**inputs)
        parts: dict[str, Tensor] = {}
        # Whatever the objective is, every weight takes part: processes exchange all gradients.
        loss = 0 * (outputs.logits.sum() + outputs.salience.sum() + outputs.vectors.sum())
        if objective != "salience":
            parts[objective] = summary_loss(outputs.logits, labels, counts.tokens)
            loss = loss + parts[objective]
        if "salience" in self.weights and counts.sentences:
            parts["salience"] = salience_loss(
                outputs.salience, salience_labels, counts.sentences, counts.ranked
            )
            beside = self.weights["salience"] / self.weights[objective]
            loss = loss + beside * parts["salience"]
            if teacher is not None:
                parts["vectors"] = vector_loss(outputs.vectors, teacher, counts.vectors)
                loss = loss + beside * VECTOR_WEIGHT * parts["vectors"]
        for name, part in parts.items():
            self.parts.setdefault(name, []).append(float(part.detach()))
        loss = loss * self.accelerator.num_processes  # which average their gradients
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


def finetune(options: FinetuneOptions, say: Callable[[str], None] = lambda _: None) -> Path:
    """Train, and leave a loadable model in `options.output`.

    Args:
        options: what to train on and how.
        say: told which rows were used and refused, and how the fit of a head goes.

    Returns:
        The output folder.

    Raises:
        UsageError: an unknown objective, preset or device.
        NotFoundError: nothing usable in the data.
        InputError: data or weights that cannot be read.
    """
    device, dtype, _ = choose(options.device, options.dtype)
    model, tokenizer = start_model(options)
    objectives = objectives_named(options.weights(), tokenizer, model.config.segment_length)
    data = prepared(
        options.data,
        tokenizer,
        model.config.segment_length,
        options.output / "shards",
        held=held_out(options.held_out),
        bare=any(objective.name not in ("summarize", "salience") for objective in objectives),
    )
    say(f"Data: {data.index.get('report') or f'{len(data)} examples'}")
    if options.train == "head":
        fit_head(model, tokenizer, data, options, say)
        save_model(model, options, options.output)
        return options.output
    plan = plan_of(options, objectives, data, model.config.segment_length)
    collator = Collator(
        model.config.segment_length, tokenizer.pad_id, model.config.reservoir_length
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
        train_dataset=DrawnTexts(data, objectives, options.seed),
        data_collator=collator,
        callbacks=[
            Clock(options.time_limit_minutes, options.save_minutes),
            JsonLog(output / "training.jsonl"),
        ],
        plan=plan,
        objectives=objectives,
        gate_learning_rate=options.gate_learning_rate,
    )
    trainer.train(resume_from_checkpoint=resume)
    save_model(model, options, output)
    return output


def plan_of(
    options: FinetuneOptions,
    objectives: dict[Objective, float],
    data: ShardDataset,
    segment_length: int,
) -> Plan:
    """The plan that the options describe.

    Raises:
        NotFoundError: an objective finds no usable example.
    """
    return Plan(
        objectives,
        rows_of(data),
        seed=options.seed,
        steps=options.max_steps,
        curriculum=Curriculum(options.min_segments, options.max_segments, options.curriculum_share),
        micro_batches=1,
        batch_texts=options.batch_size,
        batch_tokens=options.batch_tokens,
        segment_length=segment_length,
    )


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
        accelerator_config={"even_batches": False},
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
