"""What a family says about a donor: the network to make, and where each of its tensors is from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from infinisum.config import ConvertOptions

if TYPE_CHECKING:
    from infinisum.convert.donor import Donor
    from infinisum.convert.tokens import Vocabulary


@dataclass(frozen=True, slots=True)
class Source:
    """Where one of our tensors comes from.

    Attributes:
        names: of the donor's tensors it is made of; none for a constant.
        make: makes it; None: it is the one tensor as it is. It is also called with tensors
            on the meta device, to find out about shapes before anything is read.
    """

    names: tuple[str, ...]
    make: Callable[..., Tensor] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A conversion, before anything is read but names, shapes and the config.

    Attributes:
        network: class of the converted model.
        config: of it.
        sources: of our tensors by name; the others are new, and get what the network's
            `_init_weights` gives them.
        vocabulary: the tokenizer that comes along; None where there is nothing to bring.
        left_out: donor's tensors that are known and not needed.
        notes: what cannot be carried over, in sentences for the user.
    """

    network: type[PreTrainedModel]
    config: PreTrainedConfig
    sources: dict[str, Source]
    vocabulary: Vocabulary | None = None
    left_out: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())


class Family(Protocol):
    """Donors of one kind: one file of this package, named in `families.py`."""

    def plan(self, donor: Donor, options: ConvertOptions) -> Plan:
        """How to convert a donor.

        Raises:
            InputError: this one cannot be converted; says why.
        """
