"""The collectors of both generations of Azure ML. They take what they are given, and keep nothing of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence


class CorrelationContext:
    """What belongs together has one of these."""

    def get_id(self) -> str:
        """The id of what belongs together."""
        return ""

    def __str__(self) -> str:
        return self.get_id()


class BasicCorrelationContext(CorrelationContext):
    """A correlation context with an id of its own, or one that is given."""

    def __init__(
        self, id: str | None = None, timestamp: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """`timestamp`: seconds since the epoch; now, if it is not given."""
        self.id = id or str(uuid.uuid4())
        self.timestamp = timestamp or time.time_ns() // 1_000_000_000
        self.headers = dict(headers or {})

    def get_id(self) -> str:
        """The id."""
        return self.id

    def get_timestamp(self) -> int:
        """When it was made, in seconds since the epoch."""
        return self.timestamp

    def get_headers(self) -> dict[str, str]:
        """The headers it was made with."""
        return self.headers


def get_context() -> CorrelationContext:
    """A new correlation context."""
    return BasicCorrelationContext()


class Collector:
    """That of azureml.ai.monitoring."""

    def __init__(self, *, name: str, on_error: Callable[[Exception], object] | None = None) -> None:
        """`on_error` is never called: nothing is done that could fail."""
        self.name = name

    def collect(self, data: object, correlation_context: CorrelationContext | None = None) -> CorrelationContext:
        """Keep nothing; returns the context for what belongs to this data, a new one if none is given."""
        return correlation_context or get_context()


class ModelDataCollector:
    """That of azureml.monitoring."""

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: Sequence[str] | None = None,
        *unused: object,
        identifier: str | None = None,
        **further: object,
    ) -> None:
        """`identifier` is what `designation` was called once; the rest says where Azure ML would keep the data."""
        self.model_name, self.designation = model_name, identifier or designation
        self.feature_names = list(feature_names or ())

    def collect(self, input_data: object, user_correlation_id: str = "") -> None:
        """Keep nothing."""
