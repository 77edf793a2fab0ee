"""Which model is at work, for the metrics that it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

model_name_var: ContextVar[str] = ContextVar("model_name")
model_version_var: ContextVar[str] = ContextVar("model_version")


@contextmanager
def model_context(model_settings: Any) -> Iterator[None]:
    """What is counted in here belongs to the model of these settings."""
    name = model_name_var.set(model_settings.name)
    version = model_version_var.set(model_settings.version or "")
    try:
        yield
    finally:
        model_name_var.reset(name)
        model_version_var.reset(version)
