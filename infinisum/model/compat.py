"""What versions of `transformers` call differently."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from transformers.modeling_outputs import Seq2SeqLMOutput

# Keys and values of earlier steps, as an argument and as a field of the output: `cache` from
# version 5.24 on, `past_key_values` before.
CACHE: Final = (
    "cache" if "cache" in {field.name for field in fields(Seq2SeqLMOutput)} else "past_key_values"
)
