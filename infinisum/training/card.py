"""The `README.md` of a trained model: metadata as the hub reads it, and what is known of it."""

from __future__ import annotations

from typing import Final

from infinisum.config import FinetuneOptions
from infinisum.hub import is_model
from infinisum.model.cost import parameters
from infinisum.model.network import Config
from infinisum.model.shape import Shape

CARD: Final = "README.md"


def model_card(options: FinetuneOptions, config: Config) -> str:
    """A card to be filled in: it claims no figure, and names no licence.

    Args:
        options: what the model was trained with.
        config: the model's.
    """
    from huggingface_hub import ModelCardData

    assert options.model is not None
    data = ModelCardData(
        library_name="infinisum",
        pipeline_tag="summarization",
        tags=["infini-attention", "long-context", "books", config.memory_rule],
    )
    if is_model(str(options.model)):
        begun = f"It was trained further from `{options.model.resolve().name}`."
    else:
        begun = "It started from new weights."
    if isinstance(config, Shape):
        kind, auto = "encoder-decoder", "AutoModelForSeq2SeqLM"
        layers = f"{config.encoder_layers} encoder and {config.decoder_layers} decoder layers"
    else:
        kind, auto, layers = "decoder", "AutoModelForCausalLM", f"{config.num_layers} layers"
    return f"""---
{data.to_yaml()}
---

# {options.output.resolve().name}

An Infini-attention {kind} of {parameters(config) / 1e6:.1f} M parameters
({layers}, width {config.d_model}, segments of {config.segment_length} tokens, memory rule
`{config.memory_rule}`). {begun}

    infinisum finetune --objective {options.objective} --seed {options.seed}

for at most {options.max_steps:,} steps, at a highest learning rate of {options.learning_rate:g}.

To be said here: the data and their licences, the licence of the weights, figures, limits.

## Use

    infinisum summarize book.epub --model FOLDER_OR_HUB_ID

or, in Python after `import infinisum`,
`transformers.{auto}.from_pretrained("FOLDER_OR_HUB_ID")`.
"""
