"""What an entry script counts for itself, beside what the host counts: `from scoringhost import metrics`.

The objects are prometheus_client's, with names that the script chooses, and stand in `/metrics` with the host's. Over
several workers they are added up. Where prometheus_client is not installed, they do nothing: the same script runs
with and without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MADE: dict[tuple[str, str], Any] = {}

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Any:
    """A number that only grows: `counter("cats_seen", "Cats on pictures.").inc()`.

    labels: their names; then `.labels(kind="tabby").inc()`. Asked for again, it is the same one.

    Raises:
        ValueError: if the name or a label is not one that Prometheus takes, or another kind of metric has the name.
    """
    return _made("Counter", name, help, labels)


def gauge(name: str, help: str, labels: Sequence[str] = ()) -> Any:
    """A number that goes up and down: `.set(3)`, `.inc()`, `.dec()`. The sum over all workers that run is shown.

    Raises:
        ValueError: as for `counter`.
    """
    return _made("Gauge", name, help, labels, multiprocess_mode="livesum")


def histogram(name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Any:
    """How often values of which size came: `.observe(0.3)`, or `with ....time():` for seconds.

    buckets: their upper bounds.

    Raises:
        ValueError: as for `counter`.
    """
    return _made("Histogram", name, help, labels, buckets=tuple(buckets))


def summary(name: str, help: str, labels: Sequence[str] = ()) -> Any:
    """The number and the sum of values: `.observe(0.3)`.

    Raises:
        ValueError: as for `counter`.
    """
    return _made("Summary", name, help, labels)


def _made(kind: str, name: str, help: str, labels: Sequence[str], **options: Any) -> Any:
    try:
        import prometheus_client
    except ImportError:
        return _Nothing()
    key = kind, name
    if key not in _MADE:
        _MADE[key] = getattr(prometheus_client, kind)(name, help, tuple(labels), **options)
    return _MADE[key]


class _Nothing:
    """A metric that nobody reads."""

    def labels(self, *values: object, **named: object) -> _Nothing:
        """Itself."""
        return self

    def inc(self, amount: float = 1) -> None:
        """Do nothing."""

    dec = set = observe = inc

    def time(self) -> _Nothing:
        """Itself, as a context manager and as a decorator that measures nothing."""
        return self

    track_inprogress = count_exceptions = time

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *problem: object) -> None:
        """Let what was raised go on."""

    def __call__(self, function: Any) -> Any:
        return function
