"""Seq2SeqTrainer with our batches, losses, optimizer groups, checkpoints and logs."""

from __future__ import annotations

import logging
import math
import shutil
import time
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Seq2SeqTrainer

from infinisum.bench.measure import matmul_peak
from infinisum.errors import InfinisumError
from infinisum.model.causal.modeling import InfinisumForCausalLM
from infinisum.model.cost import flops_per_segment
from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.tokenizer import Tokenizer
from infinisum.training.checkpoints import UNFINISHED, publish, whole_checkpoints
from infinisum.training.datasets import IGNORED
from infinisum.training.losses import (
    VECTOR_WEIGHT,
    Counts,
    salience_loss,
    vector_loss,
    written_loss,
)
from infinisum.training.optimizer import make_optimizer, optimizer_groups
from infinisum.training.plan import Plan
from infinisum.training.probe import SAMPLE_TOKENS, Probe
from infinisum.training.write_cost import WriteCost

logger = logging.getLogger("infinisum.training")

Trained: TypeAlias = InfinisumForConditionalGeneration | InfinisumForCausalLM
EXPLODED = 3.0  # times the loss of guessing every token alike
PEAK_SECONDS = 0.05  # of measuring the matmul peak
TALLIED = ("tokens", "segments")


class BookTrainer(Seq2SeqTrainer):
    """One step is as many micro-batches of the plan as there are processes, times accumulation.

    Args:
        plan: the batches of the run, of which accelerate gives each process its own.
        weights: of each objective.
        run: what a checkpoint must have in common with the run that goes on from it.
        gate_learning_rate: of the mixing gates.
        write_cost: what writing to memory costs.
        optimizer_kind: "adamw" or "adafactor".
        recompute: whether activations are computed again; counts as work done.
        probe: None where the data have nothing for it.
        probe_steps: between two probes.
        tokenizer: of the samples.
    """

    loss_is_scaled_for_ga = True  # compute_loss divides by the counts of the whole step

    def __init__(
        self,
        *args: Any,
        plan: Plan,
        weights: dict[str, float],
        run: dict[str, Any],
        gate_learning_rate: float,
        write_cost: WriteCost,
        optimizer_kind: str,
        recompute: bool,
        probe: Probe | None,
        probe_steps: int,
        tokenizer: Tokenizer,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.plan, self.weights, self.run = plan, weights, run
        self.gate_learning_rate, self.optimizer_kind = gate_learning_rate, optimizer_kind
        self.probe, self.probe_steps, self.vocabulary = probe, probe_steps, tokenizer
        self.recompute, self.probed = recompute, -1
        self.write_cost = write_cost
        self.part_names = (*sorted({*weights, "salience"}), "vectors", "write_cost")
        self.parts: dict[str, float] = {}
        self.part_steps: dict[str, set[int]] = {}
        self.tally = dict.fromkeys(TALLIED, 0)
        self.logged_at = time.monotonic()
        self.peak = 0.0
        self.unfinished: Path | None = None

    @property
    def network(self) -> Trained:
        """The network being trained."""
        assert isinstance(self.model, InfinisumForConditionalGeneration | InfinisumForCausalLM)
        return self.model

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches of the plan."""
        workers = self.args.dataloader_num_workers
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,  # type: ignore[arg-type]
            batch_sampler=self.plan,
            collate_fn=self.data_collator,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.args.device.type == "cuda",
        )
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """The optimizer over our groups."""
        if self.optimizer is None:
            groups = optimizer_groups(
                self.network, self.args.learning_rate, self.gate_learning_rate
            )
            self.optimizer = make_optimizer(self.optimizer_kind, groups, self.args.device)
        return self.optimizer

    def _get_learning_rate(self) -> float:
        """Of the matrices, the last group; the gates have their own."""
        assert self.optimizer is not None
        return float(self.optimizer.param_groups[-1]["lr"])

    # Loss ----------------------------------------------------------------------------------

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
        """Loss of the step's objective, and of salience where texts have labels for it.

        Raises:
            InfinisumError: the loss is no number, or has exploded.
        """
        inputs = dict(inputs)
        own = Counts.of(inputs)
        counts = own if num_items_in_batch is None else Counts(*num_items_in_batch)
        objective, ids = inputs.pop("objective"), inputs.pop("ids")
        labels, salience_labels = inputs.pop("labels"), inputs.pop("salience_labels")
        teacher = inputs.pop("salience_vectors", None)
        self.write_cost.start()
        written, outputs = written_loss(model, inputs, labels, counts.tokens)
        parts: dict[str, Tensor] = {}
        loss = 0 * written
        if "sentence_ids" in inputs:
            # Whatever the objective is, every weight takes part: processes exchange all gradients.
            loss = 0 * (outputs.logits.sum() + outputs.salience.sum() + outputs.vectors.sum())
        if objective != "salience":
            parts[objective] = written
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
        token_loss = float(parts[objective].detach() * counts.tokens / own.tokens.clamp(min=1))
        self._check(float(loss.detach()), token_loss if objective != "salience" else 0.0, ids)
        if self.write_cost.weight:
            cost = self.write_cost.loss(self.state.global_step / self.state.max_steps)
            parts["write_cost"] = cost / self.plan.micro_batches
            loss = loss + parts["write_cost"]
        for name, part in parts.items():
            self.parts[name] = self.parts.get(name, 0.0) + float(part.detach())
            self.part_steps.setdefault(name, set()).add(self.state.global_step)
        behind = own.tokens if "decoder_input_ids" in inputs else 0  # else the text was the target
        self.tally["tokens"] += int(inputs["attention_mask"].sum() + behind)
        self.tally["segments"] += inputs["input_ids"].shape[0] * inputs["input_ids"].shape[1]
        loss = loss * self.accelerator.num_processes  # which average their gradients
        return (loss, outputs) if return_outputs else loss

    def _check(self, loss: float, token_loss: float, ids: list[str]) -> None:
        """Stop where going on makes no sense.

        Raises:
            InfinisumError: names the step, the texts and the last good checkpoint.
        """
        limit = EXPLODED * math.log(self.network.config.vocab_size)
        if math.isfinite(loss) and token_loss <= limit:
            return
        good = whole_checkpoints(Path(str(self.args.output_dir)))
        what = f"{token_loss:.1f} nats a token" if math.isfinite(loss) else f"{loss}"
        raise InfinisumError(
            f"Step {self.state.global_step + 1}: the loss is {what}, with the texts "
            f"{', '.join(ids)}.",
            f"Last good checkpoint: {good[-1] if good else 'none yet'}. Look at these texts, or "
            "train with a lower --learning-rate.",
        )

    # Logs ----------------------------------------------------------------------------------

    def log(self, logs: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Add the objectives' own losses, the gates and the speed to what is logged."""
        if "loss" in logs:
            logs |= self._speed() | self._part_losses()
        super().log(logs, *args, **kwargs)

    def _part_losses(self) -> dict[str, float]:
        """Mean of each objective's loss over the steps that had it."""
        sums = [self.parts.get(name, 0.0) for name in self.part_names]
        steps = [len(self.part_steps.get(name, ())) for name in self.part_names]
        self.parts, self.part_steps = {}, {}
        local = torch.tensor([sums, steps], dtype=torch.float64, device=self.args.device)
        gathered: Tensor = self.accelerator.gather(local[None])
        total, most = gathered[:, 0].sum(0), gathered[:, 1].amax(0)
        return {
            f"loss_{name}": float(value / count)
            for name, value, count in zip(self.part_names, total, most, strict=True)
            if count
        }

    def _speed(self) -> dict[str, float]:
        """Tokens a second of all processes, and the share of the matmul peak that reading took."""
        now = time.monotonic()
        seconds, self.logged_at = max(now - self.logged_at, 1e-6), now
        local = torch.tensor([list(self.tally.values())], device=self.args.device)
        tokens, segments = self.accelerator.gather(local).sum(0).tolist()
        self.tally = dict.fromkeys(TALLIED, 0)
        if not self.peak:
            dtype = torch.bfloat16 if self.args.bf16 else torch.float32
            self.peak = matmul_peak(self.args.device, dtype, PEAK_SECONDS)
        passes = 4 if self.recompute else 3
        done = segments * passes * flops_per_segment(self.network.config)
        available = self.peak * self.accelerator.num_processes * seconds
        return {"tokens_per_s": tokens / seconds, "share_of_peak": done / available}

    def _maybe_log_save_evaluate(self, tr_loss: Tensor, *args: Any, **kwargs: Any) -> None:
        step = self.state.global_step
        due = step % self.probe_steps == 0 or step in (1, self.state.max_steps)
        if self.probe is not None and due and step != self.probed:
            self.probed = step
            wanted = self.control.should_log
            self._log_probe(self.probe)
            self.control.should_log = wanted  # which logging has taken back
        super()._maybe_log_save_evaluate(tr_loss, *args, **kwargs)

    def _log_probe(self, probe: Probe) -> None:
        """Loss with and without memory, gates, norms, and a sample of what the model writes."""
        reading = probe.read(self.model_wrapped, self.args.device)
        logs: dict[str, Any] = dict(reading.values)
        logs["gates"] = [round(gate, 4) for gate in reading.gates]
        logs["gate_histogram"] = reading.histogram
        writes = "decoder_input_ids" in probe.inputs
        if writes and not self.is_fsdp_enabled and self.is_world_process_zero():
            logs["sample"] = self._sample(probe)
        found = probe.warnings(reading.values)
        if found:
            logs["warning"] = "; ".join(found)
            if self.is_world_process_zero():
                for line in found:
                    logger.warning("Step %d: %s", self.state.global_step, line)
        self.log(logs)

    @torch.no_grad()
    def _sample(self, probe: Probe) -> str:
        """What the model writes of the probe's first text."""
        network = self.network
        prompt = int((probe.labels[0] == IGNORED).int().cumprod(0).sum())
        inputs: dict[str, Any] = {
            name: value[:1].to(self.args.device) if torch.is_tensor(value) else value
            for name, value in probe.inputs.items()
        }
        inputs["decoder_input_ids"] = inputs["decoder_input_ids"][:, : max(1, prompt)]
        training = network.training
        network.eval()  # type: ignore[no-untyped-call]
        try:
            written = network.generate(**inputs, max_new_tokens=SAMPLE_TOKENS, do_sample=False)
        finally:
            network.train(training)
        return self.vocabulary.decode(written[0].tolist())

    # Checkpoints ---------------------------------------------------------------------------

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.unfinished or self.args.output_dir)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint beside its place, and give it its name when it is whole.

        A full disk costs this checkpoint only; the run goes on, and says so.
        """
        folder = Path(str(self.args.output_dir))
        self.unfinished = folder / UNFINISHED
        first = self.is_world_process_zero()
        if first:
            shutil.rmtree(self.unfinished, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if first:
                name = f"checkpoint-{self.state.global_step}"
                publish(self.unfinished / name, folder, self.run)
        except (OSError, RuntimeError, SafetensorError) as error:
            good = whole_checkpoints(folder)
            logger.warning(
                "Step %d: no checkpoint could be written (%s); last good one: %s",
                *(self.state.global_step, " ".join(str(error).split())[:120]),
                good[-1] if good else "none yet",
            )
        if first:
            shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished = None
        self.accelerator.wait_for_everyone()
