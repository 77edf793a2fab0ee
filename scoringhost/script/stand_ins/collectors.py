"""The collectors of both generations of Azure ML: what they are given is kept if the host collects data.

Whether it does, and where to, is said by `keep_with`. Otherwise they take what they are given, and keep nothing.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

Keep = Callable[[str, str, object, Sequence[str]], None]
"""Keeps, under a name and an id, what a script has collected; with the names of its features, if they are known.
An empty id stands for that of the request."""

_log = logging.getLogger("azmlinfsrv")
_keepers: dict[Path, Keep] = {}
"""Where what the entry scripts of this process collect is kept, by their files."""


def keep_with(script: Path, keep: Keep) -> Callable[[], object]:
    """Have what a script collects kept; returns what ends that."""
    _keepers[script] = keep
    return partial(_keepers.pop, script, None)


def _keep(name: str, id: str, data: object, feature_names: Sequence[str] = ()) -> None:
    """Keep what the script that calls has collected. Raises whatever keeps it from being written as JSON."""
    keep = _keep_of_caller(sys._getframe(2)) if len(_keepers) > 1 else next(iter(_keepers.values()), None)
    if keep is not None:
        keep(name, id, data, feature_names)


def _keep_of_caller(frame: FrameType | None) -> Keep | None:
    """Of several scripts, the one in whose folder the code is that has called; the nearest, if there are several."""
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        around = [script for script in _keepers if file == script or script.parent in file.parents]
        if around:
            return _keepers[max(around, key=lambda script: (script == file, len(script.parts)))]
        frame = frame.f_back
    return None


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
        """`on_error` is told what keeps data from being collected; the log is, if it is not given."""
        self.name, self.on_error = name, on_error

    def collect(self, data: object, correlation_context: CorrelationContext | None = None) -> CorrelationContext:
        """Keep some data; returns the context for what belongs to it, a new one if none is given. Never raises."""
        context = correlation_context or get_context()
        try:
            _keep(self.name, context.get_id(), data)
        except Exception as problem:
            if self.on_error is not None:
                self.on_error(problem)
            else:
                _log.warning("collector %s: %s", self.name, problem)
        return context


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
        """Keep some data. Never raises."""
        name = f"{self.model_name}.{self.designation}"
        try:
            _keep(name, user_correlation_id, input_data, self.feature_names)
        except Exception as problem:
            _log.warning("collector %s: %s", name, problem)
