"""`finetune`: from options to a trained model."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import PrinterCallback, Seq2SeqTrainingArguments, set_seed

from infinisum.atomic import replace_files
from infinisum.config import DEFAULT_OBJECTIVE, FinetuneOptions
from infinisum.errors import OutputError, UsageError
from infinisum.hub import INDEX_FILE, WEIGHTS_FILE, weight_files
from infinisum.loading import choose, load_model
from infinisum.model.causal.modeling import InfinisumForCausalLM
from infinisum.model.config import InfinisumConfig
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.network import Config
from infinisum.model.presets import PRESETS
from infinisum.model.shape import COMPRESSIVE_RULES
from infinisum.tokenizer import Tokenizer, load_tokenizer
from infinisum.training.batches import Collator
from infinisum.training.book_trainer import BookTrainer, Trained
from infinisum.training.callbacks import Clock, JsonLog, Report, TensorBoardLog
from infinisum.training.card import CARD, model_card
from infinisum.training.checkpoints import (
    check_resumable,
    describe_run,
    fingerprint,
    whole_checkpoints,
)
from infinisum.training.decoders import DecoderCollator, decoder_objectives
from infinisum.training.head import fit_head
from infinisum.training.objectives import Objective, objectives_named
from infinisum.training.overlap import held_out
from infinisum.training.parts import choose_parts, merge_parts
from infinisum.training.plan import Curriculum, DrawnTexts, Plan, of_use, rows_of
from infinisum.training.preparing import needs_no_summary, prepared
from infinisum.training.probe import Probe, probe_batch
from infinisum.training.shards import ShardDataset
from infinisum.training.write_cost import WriteCost

CHECKPOINTS = "checkpoints"
WARMUP_SHARE = 0.05
logger = logging.getLogger("infinisum.training")


def start_model(options: FinetuneOptions) -> tuple[Trained, Tokenizer]:
    """The network to train: loaded, or new with the sizes of a preset.

    A folder that holds a tokenizer alone gives new weights their vocabulary.

    Raises:
        UsageError: unknown preset, neither a model nor a tokenizer was named, or the head of a
            decoder alone, which has none.
        NotFoundError, InputError: the folder cannot be used.
    """
    if options.model is None:
        raise UsageError(
            "--model is missing.", "Name a model folder, or one with a tokenizer.json alone."
        )
    if weight_files(options.model):
        loaded = load_model(options.model, "cpu", "float32")
        model: Any = loaded.encoder_decoder if options.train == "head" else loaded.model
        return model, loaded.tokenizer
    if options.preset not in PRESETS:
        raise UsageError(f"--preset {options.preset}: unknown.", f"One of {', '.join(PRESETS)}.")
    tokenizer = load_tokenizer(options.model)
    from infinisum.features import FEATURE_NAMES

    sizes = dict(PRESETS[options.preset])
    if options.memory_rule is not None:
        sizes |= dict.fromkeys(("memory_rule", "cross_memory_rule"), options.memory_rule)
    if options.encoder_rule is not None:
        sizes["memory_rule"] = options.encoder_rule
    config = InfinisumConfig(
        **sizes,
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


def finetune(
    options: FinetuneOptions,
    say: Callable[[str], None] = lambda _: None,
    on_data: Callable[[ShardDataset], None] = lambda _: None,
) -> Path:
    """Train, and leave a loadable model in `options.output`.

    Under `torchrun` or `accelerate launch` every process calls this alike.

    Args:
        options: what to train on and how.
        say: told how it goes, a line at a time.
        on_data: called with the data before training starts.

    Returns:
        The output folder.

    Raises:
        UsageError: an unknown objective, preset or device; a checkpoint of another run.
        NotFoundError: nothing usable in the data.
        InputError: data or weights that cannot be read.
        OutputError: the model cannot be written.
        InfinisumError: the loss is no number, or has exploded.
    """
    if options.train == "head":
        _check_alone()
    clock = Clock(options.time_limit_minutes, options.save_minutes)
    device, dtype, _ = choose(options.device, options.dtype)
    model, tokenizer = start_model(options)
    objectives = _objectives(options, model, tokenizer, say)
    arguments = training_arguments(options, model.config, device, dtype)
    with arguments.main_process_first(desc="preparing the data"):
        data = prepared(
            options.data,
            tokenizer,
            model.config.segment_length,
            options.output / "shards",
            held=held_out(options.held_out),
            bare=needs_no_summary(options),
        )
    on_data(data)
    if options.train == "head":
        assert isinstance(model, InfinisumForConditionalGeneration)
        fit_head(model, tokenizer, data, options, say)
        # The rest was not trained: it is written in the numbers it was read in.
        model.to(stored_dtype(options.model))  # type: ignore[arg-type]
        save_model(model, options)
        return options.output
    choose_parts(model, options)
    if options.objective == DEFAULT_OBJECTIVE:
        objectives = of_use(objectives, data)
    plan = plan_of(options, objectives, data, model.config, arguments.world_size)
    run = describe_run(options, fingerprint(data.index), plan, arguments.world_size)
    checkpoint = _start_from(options, run)
    texts = DrawnTexts(data, objectives, options.seed)
    trainer = make_trainer(options, model, tokenizer, arguments, plan, texts, run)
    trainer.add_callback(clock)
    trainer.add_callback(Report(say))
    _train(trainer, checkpoint, options)
    sharded = trainer.is_fsdp_enabled
    weights = trainer.accelerator.get_state_dict(trainer.model) if sharded else None
    if trainer.is_world_process_zero():
        merge_parts(trainer.network)
        save_model(trainer.network, options, weights)
    return options.output


def _objectives(
    options: FinetuneOptions, model: Trained, tokenizer: Tokenizer, say: Callable[[str], None]
) -> dict[Objective, float]:
    """What to train on, with weights; a decoder alone takes some of it another way."""
    N = model.config.segment_length
    if isinstance(model, InfinisumForCausalLM):
        return decoder_objectives(options, tokenizer, N, say)
    return objectives_named(options.weights(), tokenizer, N)


def make_trainer(
    options: FinetuneOptions,
    model: Trained,
    tokenizer: Tokenizer,
    arguments: Seq2SeqTrainingArguments,
    plan: Plan,
    texts: DrawnTexts,
    run: dict[str, Any],
) -> BookTrainer:
    """The trainer of a run, with its logs; `run` describes it to a later one that goes on."""
    collator = collator_of(model, tokenizer)
    found = probe_batch(plan, texts)
    new = options.model is not None and not weight_files(options.model)
    options.output.mkdir(parents=True, exist_ok=True)
    trainer = BookTrainer(
        model=model,
        args=arguments,
        train_dataset=texts,
        data_collator=collator,
        callbacks=[
            JsonLog(options.output / "training.jsonl"),
            TensorBoardLog(options.output / "tensorboard"),
        ],
        plan=plan,
        weights={objective.name: weight for objective, weight in plan.objectives.items()},
        run=run,
        gate_learning_rate=options.gate_learning_rate,
        write_cost=WriteCost(model, options.write_cost, options.write_free, grows=new),
        optimizer_kind=options.optimizer,
        recompute=options.recompute,
        probe=Probe(collator(found)) if found else None,
        probe_steps=options.probe_steps,
        tokenizer=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)  # prints on stdout
    return trainer


def _train(trainer: BookTrainer, checkpoint: Path | None, options: FinetuneOptions) -> None:
    """Train to the end, from a checkpoint if there is one; Ctrl-C says how to go on."""
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt:
        good = whole_checkpoints(options.output / CHECKPOINTS)
        logger.warning(
            "Interrupted at step %d. %s",
            trainer.state.global_step,
            f"The same command with --resume goes on from {good[-1]}." if good else "",
        )
        raise


def collator_of(model: Trained, tokenizer: Tokenizer) -> Collator:
    """What lays out the texts of a step."""
    N = model.config.segment_length
    if isinstance(model, InfinisumForCausalLM):
        return DecoderCollator(N, tokenizer.pad_id, 0)
    return Collator(N, tokenizer.pad_id, model.config.reservoir_length)


def _check_alone() -> None:
    """Refuse to fit a head in several processes: each would fit the same one.

    Raises:
        UsageError: there are several.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        raise UsageError(
            f"--train head runs in one process, not in {processes}.", "Start it without torchrun."
        )


def _start_from(options: FinetuneOptions, run: dict[str, Any]) -> Path | None:
    """The checkpoint to go on from, if that was asked for.

    Raises:
        UsageError: the run would do something else, or would mix with an earlier one.
    """
    found = whole_checkpoints(options.output / CHECKPOINTS)
    if not options.resume:
        if found:
            raise UsageError(
                f"{options.output}: has checkpoints of an earlier run.",
                "Go on with --resume, name another --output, or delete its checkpoints folder.",
            )
        return None
    if not found:
        logger.warning("%s has no checkpoint yet; starting anew.", options.output)
        return None
    check_resumable(found[-1], run)
    return found[-1]


def plan_of(
    options: FinetuneOptions,
    objectives: dict[Objective, float],
    data: ShardDataset,
    config: Config,
    world_size: int,
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
        micro_batches=world_size * options.accumulate,
        batch_texts=options.batch_size,
        batch_tokens=options.batch_tokens,
        segment_length=config.segment_length,
        most_window=getattr(config, "window_segments", 0),
        fixed_window=options.fixed_window,
    )


def training_arguments(
    options: FinetuneOptions, config: Config, device: torch.device, dtype: torch.dtype
) -> Seq2SeqTrainingArguments:
    """Our options in transformers' words."""
    sharded: dict[str, Any] = {}
    if options.parallel == "fsdp":
        layer = "EncoderLayer" if config.is_encoder_decoder else "CausalLayer"
        sharded = {
            "fsdp": True,
            "fsdp_config": {"version": 2, "transformer_layer_cls_to_wrap": [layer]},
        }
    known = Seq2SeqTrainingArguments.__dataclass_fields__
    name = "activation_checkpointing"
    name = name if name in known else "gradient_checkpointing"  # its earlier name
    recomputing: dict[str, Any] = {
        name: options.recompute,
        f"{name}_kwargs": {"use_reentrant": False},
    }
    # Rules that keep nothing, or exactly, leave some weights without a part in some steps.
    rules = (config.memory_rule, getattr(config, "cross_memory_rule", config.memory_rule))
    return Seq2SeqTrainingArguments(
        output_dir=str(options.output / CHECKPOINTS),
        max_steps=options.max_steps,
        per_device_train_batch_size=options.batch_size,
        gradient_accumulation_steps=options.accumulate,
        learning_rate=options.learning_rate,
        warmup_steps=max(1, round(WARMUP_SHARE * options.max_steps)),
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        bf16=dtype == torch.bfloat16,
        use_cpu=device.type == "cpu",
        **recomputing,
        dataloader_num_workers=options.workers,
        ddp_find_unused_parameters=not set(rules) <= set(COMPRESSIVE_RULES),
        logging_steps=options.log_steps,
        logging_nan_inf_filter=False,
        save_strategy="no",
        seed=options.seed,
        remove_unused_columns=False,
        label_names=["labels"],
        accelerator_config={"even_batches": False},
        report_to=[],
        disable_tqdm=True,
        **sharded,
    )


def stored_dtype(folder: Path | None) -> torch.dtype:
    """What the weights of a model folder are written in; float32 where there are none yet."""
    if folder is None or not (folder / "model.safetensors").is_file():
        return torch.float32
    with safe_open(folder / "model.safetensors", "pt") as weights:
        dtype: torch.dtype = weights.get_tensor("shared.weight").dtype
    return dtype


def save_model(
    model: Trained,
    options: FinetuneOptions,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write weights, config, tokenizer and a card: a model of its own, as the hub lays it out.

    They are written beside their place; a model that stands there stays until the new one is whole.

    Args:
        model: the network.
        options: name the folder, and the one the tokenizer comes from.
        weights: where the model has only a share of them.

    Raises:
        OutputError: they cannot be written.
    """
    assert options.model is not None
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    part = output / ".model"
    shutil.rmtree(part, ignore_errors=True)
    model.config.use_cache = True  # the trainer turns it off
    try:
        model.save_pretrained(part, state_dict=weights)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            source = options.model / name
            if source.is_file():
                shutil.copyfile(source, part / name)
        if not (output / CARD).exists():  # what somebody wrote there stays
            (part / CARD).write_text(model_card(options, model.config), encoding="utf-8")
        replace_files(part, output, last=(WEIGHTS_FILE, INDEX_FILE))
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        good = whole_checkpoints(output / CHECKPOINTS)
        raise OutputError(
            f"{output}: cannot write the model, {' '.join(str(error).split())[:120]}.",
            f"Make room, then --resume goes on from {good[-1]}." if good else "Make room.",
        ) from error
