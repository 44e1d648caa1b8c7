"""The families of donors: which module knows which `model_type`.

To add one: a module here with a `plan(donor, options)` as in `plan.Family`, and its line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from infinisum.convert.donor import Donor
from infinisum.convert.plan import Family
from infinisum.errors import InputError
from infinisum.hub import CONFIG_FILE

FAMILIES: Final[dict[str, str]] = {
    "t5": "t5",  # 1.0, v1.1, Flan-T5, and what was made of them
    "mt5": "t5",
    "umt5": "t5",
    "longt5": "t5",
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), "decoders"),
}


def family_of(donor: Donor) -> Family:
    """The module that knows a donor.

    Raises:
        InputError: none does.
    """
    module = FAMILIES.get(donor.model_type)
    if module is None:
        kind = f"model_type {donor.model_type!r}" if donor.model_type else "no model_type"
        raise InputError(
            f"{donor.folder / CONFIG_FILE}: {kind} cannot be converted.",
            f"Known are {', '.join(FAMILIES)}.",
        )
    return cast(Family, import_module(f"infinisum.convert.{module}"))
