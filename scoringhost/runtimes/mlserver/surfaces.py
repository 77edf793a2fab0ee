"""Whose types a runtime was made with: ours, or those of the real package."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Surface:
    """The parts of the package that a runtime is handed things of."""

    types: Any
    settings: Any
    context: Any

    def model_context(self, model_settings: Any) -> AbstractContextManager[Any]:
        """What a model logs in here belongs to it."""
        made: AbstractContextManager[Any] = self.context.model_context(model_settings)
        return made


def surface_of(kind: type) -> Surface:
    """The surface for a runtime's class: that of the real package if it is derived from its MLModel, else ours."""
    is_real = any(base.__module__.partition(".")[0] == "mlserver" for base in kind.__mro__)
    package = "mlserver" if is_real else "scoringhost.runtimes.mlserver"
    types, settings, context = (
        importlib.import_module(f"{package}.{part}") for part in ("types", "settings", "context")
    )
    return Surface(types, settings, context)
