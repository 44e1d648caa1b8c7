"""For people who come from `transformers`: Auto classes, a trainer of theirs, the hub's layout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import infinisum
from tests.tiny_model import paragraph

LOAD = """
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer
config = AutoConfig.from_pretrained(sys.argv[1])
model = AutoModelForSeq2SeqLM.from_pretrained(sys.argv[1], dtype="float32")
text = AutoTokenizer.from_pretrained(sys.argv[1])(["Anna Brook hid the key."], return_tensors="pt")
from transformers import AutoModelForCausalLM
causal = AutoConfig.for_model("infinisum_causal")
assert AutoModelForCausalLM._model_mapping[type(causal)].__name__ == "InfinisumForCausalLM"
print(type(config).__name__, type(model).__name__, model.generate(**text, max_new_tokens=4).shape)
"""
FIRST_OURS = "import sys, infinisum\nassert not {'torch', 'transformers'} & set(sys.modules)"
FIRST_THEIRS = "import sys\nfrom transformers import AutoConfig, AutoModelForSeq2SeqLM\n"
FIRST_THEIRS += "import infinisum"

# `transformers.modeling_utils` loads the module of an Auto class before it is whole itself.
FIRST_BASE = "import sys, infinisum\nfrom transformers import PreTrainedModel"
FIRST_A_PART = "import sys, infinisum.model.modeling"
FIRST_THE_OTHER = "import sys, infinisum.model.causal.modeling"
FIRST_A_CONFIG = "import sys, infinisum.model.config"


@pytest.mark.parametrize(
    "start",
    [FIRST_OURS, FIRST_THEIRS, FIRST_BASE, FIRST_A_PART, FIRST_THE_OTHER, FIRST_A_CONFIG],
    ids=["ours first", "theirs first", "their base first", "a part first", "the other", "a config"],
)
def test_auto_classes_after_import_infinisum(start: str, tiny_model: Path) -> None:
    command = [sys.executable, "-c", f"{start}\n{LOAD}", str(tiny_model)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("InfinisumConfig InfinisumForConditionalGeneration")


def test_their_modules_do_not_notice() -> None:
    import inspect

    from transformers.models.auto import modeling_auto

    assert "AutoModelForSeq2SeqLM" in inspect.getsource(modeling_auto)
    assert modeling_auto.__spec__ is not None
    assert modeling_auto.__spec__.loader is modeling_auto.__loader__


def rows(tokenizer: Any) -> list[dict[str, Any]]:
    """Texts and summaries of different lengths, as `Seq2SeqTrainer` takes them."""
    made = []
    for n in range(4):
        row = dict(tokenizer(" ".join(paragraph(n + i) for i in range(2 + 3 * n))))
        row["labels"] = tokenizer(paragraph(n)[: 20 + 40 * n])["input_ids"]
        made.append(row)
    return made


def trainer(folder: Path, model: Path, **settings: Any) -> Any:
    from transformers import (
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
    )

    network = AutoModelForSeq2SeqLM.from_pretrained(model, dtype="float32")
    tokenizer = AutoTokenizer.from_pretrained(model)
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        learning_rate=3e-3,
        lr_scheduler_type="constant",
        logging_steps=1,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        **settings,
    )
    data = rows(tokenizer)
    return Seq2SeqTrainer(
        model=network,
        args=arguments,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=network),
        train_dataset=data,
        eval_dataset=data[:2],
        processing_class=tokenizer,
    )


def losses(run: Any) -> list[float]:
    return [entry["loss"] for entry in run.state.log_history if "loss" in entry]


def test_it_trains_in_a_plain_seq2seq_trainer(tmp_path: Path, tiny_model: Path) -> None:
    run = trainer(
        tmp_path / "run",
        tiny_model,
        max_steps=5,
        per_device_train_batch_size=4,
        predict_with_generate=True,
        generation_max_length=6,
    )
    run.train()
    assert losses(run)[-1] < losses(run)[0] - 0.3
    predicted = run.predict(run.eval_dataset)
    assert predicted.predictions.shape[0] == 2
    assert 0 < predicted.metrics["test_loss"] < losses(run)[0]

    run.save_model(str(tmp_path / "saved"))
    loaded = infinisum.load_model(tmp_path / "saved", device="cpu")
    for (name, ours), theirs in zip(
        loaded.model.named_parameters(), run.model.parameters(), strict=True
    ):
        assert ours.equal(theirs), name
    assert loaded.model.generation_config.use_cache is not False  # or it would write slowly


def test_accumulated_batches_count_every_token_alike(tmp_path: Path, tiny_model: Path) -> None:
    """Four texts of different lengths at once, and one by one: the same loss."""
    whole = trainer(tmp_path, tiny_model, max_steps=1, per_device_train_batch_size=4)
    parts = trainer(
        tmp_path,
        tiny_model,
        max_steps=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=4,
    )
    whole.train()
    parts.train()
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)
