"""`transformers`' Auto classes know our models once `infinisum` is imported, whichever came first.

Registering needs `transformers` and `torch`, which `import infinisum` must not load. So it waits
for the module of each Auto class: when somebody imports it, the part of ours that registers itself
there is imported right behind it, or, where that happens in the middle of `modeling_utils`, which
ours build on, right behind that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.abc import Loader

# Their module → ours, which register themselves in it at their ends.
REGISTERED_IN: Final = {
    "transformers.models.auto.configuration_auto": (
        "infinisum.model.config",
        "infinisum.model.causal.config",
    ),
    "transformers.models.auto.modeling_auto": (
        "infinisum.model.modeling",
        "infinisum.model.causal.modeling",
    ),
}
BASE: Final = "transformers.modeling_utils"  # what our models are made of


class _ThenOurs:
    """Loads a module as it would have been loaded, and then ours that can be loaded by now.

    A `Loader` without the class of this name, whose module takes 10 ms to import.
    """

    def __init__(self, loader: Loader, ours: Sequence[str], late: list[str]) -> None:
        self._loader, self._ours, self._late = loader, ours, late

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader  # nobody needs to know of us
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._late += self._ours
        if BASE not in sys.modules or hasattr(sys.modules[BASE], "PreTrainedModel"):
            ready = self._late.copy()
            self._late.clear()
            _import(ready)


class _WhenImported:
    """Finds only what is waited for, and each of it once."""

    def __init__(self, waiting: dict[str, tuple[str, ...]]) -> None:
        self._waiting = waiting
        self._late: list[str] = []  # ours whose turn it was too early

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = self._waiting.pop(name, None)
        spec = find_spec(name) if ours is not None else None  # asks the other finders
        if ours is not None and spec is not None and spec.loader is not None:
            late: Any = _ThenOurs(spec.loader, ours, self._late)  # a `Loader` in all but name
            spec.loader = late
        return spec


def register_when_imported() -> None:
    """Register with the Auto classes that are there already, and with the others when they come."""
    sys.meta_path.insert(0, _WhenImported({BASE: (), **REGISTERED_IN}))
    for theirs, ours in REGISTERED_IN.items():
        if theirs in sys.modules:
            _import(ours)


def _import(names: Sequence[str]) -> None:
    for name in names:
        import_module(name)
