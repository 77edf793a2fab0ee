"""register() and log(): what a model counts for itself, as histograms with its name and version as labels.

They stand in `/metrics` with the host's own, over all workers (`--metrics`). Where prometheus_client is not installed
nothing is counted, and nothing fails.
"""

from __future__ import annotations

from typing import Any

from scoringhost.runtimes.mlserver.context import model_name_var, model_version_var
from scoringhost.runtimes.mlserver.errors import InvalidModelContext

LABELS = ("model_name", "model_version")

_MADE: dict[str, Any] = {}


def register(name: str, description: str) -> Any:
    """A histogram of that name; the one that is there if it has been registered before.

    Raises:
        ValueError: if it is no name that Prometheus takes, or another metric of the process has it.
    """
    if name not in _MADE:
        try:
            import prometheus_client
        except ImportError:
            return None
        _MADE[name] = prometheus_client.Histogram(name, description, LABELS)
    return _MADE[name]


def log(**metrics: float) -> None:
    """Count values by the names of their metrics; one that is not registered is now.

    Raises:
        InvalidModelContext: if no model is at work.
    """
    name, version = model_name_var.get(None), model_version_var.get(None)
    if name is None:
        raise InvalidModelContext
    for metric, value in metrics.items():
        histogram = register(metric, f"Values of {metric}, as the model has logged them.")
        if histogram is not None:
            histogram.labels(name, version or "").observe(value)
