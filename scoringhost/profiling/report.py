"""Figures of a profile: percentiles, the recommendation, and both as JSON and as a table.

The JSON document has these keys:

    steps                  one object for each number of clients, in the order in which they ran
      clients              clients at once; each waits for its answer before it asks again
      requests, failed     requests that have ended, and those of them without a 2xx answer
      statuses             HTTP status to number of answers
      firstFailure         what the first failed request was answered with, or null
      requestsPerSecond    successful answers for each second
      latencyMs            p50, p95, p99 and max of successful answers, or null
      cpuCores             cores that the service's processes used, or null with --url
      peakMemoryMiB        their largest proportional set size, or null with --url
      healthP99Ms          99th percentile of GET / beside the load, or null
      healthFailed         GET / without a 2xx answer
      driverCores          cores that the load driver itself used; near 1 it is the bottleneck
      othersCores          cores that other programs of the machine used meanwhile, or null
    recommendedConcurrency clients of the step that was chosen, or null
    requestedCpu           cores, for Azure ML's resource requests, or null
    requestedMemoryInGb    GiB, likewise
    command                the command line of the service, or null with --url
    url                    what was asked
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CPU_RESERVE = 1.20
MEMORY_RESERVE = 1.25
LATENCY_RATIO = 2.0
SMALLEST_REQUEST = 0.1
BUSY_DRIVER_CORES = 0.8
BUSY_OTHERS_CORES = 0.3
"""Cores that other programs may use without a remark."""
RULES = (
    "The step with the best throughput is chosen among those without failed requests whose p99 is at most twice "
    "the p99 of the fewest clients. requestedCpu is the cores used there and 20 % more, requestedMemoryInGb the "
    "largest memory of the whole profile and 25 % more, both rounded up to 0.1."
)


@dataclass(frozen=True)
class Latency:
    """Percentiles in milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, latencies_s: Sequence[float]) -> Latency | None:
        """The percentiles of latencies in seconds, in any order; None if there are none."""
        if not latencies_s:
            return None
        in_order = sorted(latencies_s)
        return cls(*(percentile(in_order, percent) * 1000 for percent in (50, 95, 99, 100)))


@dataclass(frozen=True)
class Step:
    """What was measured with one number of clients; the keys are explained above."""

    clients: int
    requests: int
    failed: int
    per_s: float
    latency_ms: Latency | None
    cpu_cores: float | None = None
    memory_mib: float | None = None
    health_p99_ms: float | None = None
    health_failed: int = 0
    driver_cores: float = 0.0
    others_cores: float | None = None
    statuses: Mapping[int, int] = field(default_factory=dict)
    first_failure: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """What to ask for; cpu and memory are None if the processes could not be observed."""

    clients: int
    cpu: float | None
    memory_gib: float | None


def percentile(in_order: Sequence[float], percent: float) -> float:
    """The nearest rank: the smallest value that at least `percent` of the values do not exceed."""
    return in_order[max(0, math.ceil(len(in_order) * percent / 100) - 1)]


def rounded_up(value: float) -> float:
    """The next tenth, and at least one; a value that is a tenth but for its last bits stays what it is."""
    return max(SMALLEST_REQUEST, math.ceil(round(value * 10, 6)) / 10)


def chosen_step(steps: Sequence[Step]) -> Step | None:
    """The best throughput whose p99 is at most twice that of the fewest clients; see RULES."""
    sound = [(step, step.latency_ms) for step in steps if not step.failed and step.latency_ms]
    if not sound:
        return None
    limit_ms = LATENCY_RATIO * min(sound, key=lambda pair: pair[0].clients)[1].p99
    return max((step for step, latency in sound if latency.p99 <= limit_ms), key=lambda step: step.per_s)


def recommend(steps: Sequence[Step]) -> Recommendation | None:
    """What to request from Azure ML, by RULES; None if every step had failed requests."""
    chosen = chosen_step(steps)
    if chosen is None:
        return None
    cpu = None if chosen.cpu_cores is None else rounded_up(chosen.cpu_cores * CPU_RESERVE)
    peaks_mib = [step.memory_mib for step in steps if step.memory_mib is not None]
    memory_gib = rounded_up(max(peaks_mib) * MEMORY_RESERVE / 1024) if peaks_mib else None
    return Recommendation(chosen.clients, cpu, memory_gib)


# -- JSON -----------------------------------------------------------------------------------------


def document(steps: Sequence[Step], command: str | None, url: str) -> dict[str, Any]:
    """The profile as a JSON object with the keys above."""
    advice = recommend(steps)
    return {
        "steps": [_step_document(step) for step in steps],
        "recommendedConcurrency": advice.clients if advice else None,
        "requestedCpu": advice.cpu if advice else None,
        "requestedMemoryInGb": advice.memory_gib if advice else None,
        "command": command,
        "url": url,
    }


def _step_document(step: Step) -> dict[str, Any]:
    latency = step.latency_ms
    return {
        "clients": step.clients,
        "requests": step.requests,
        "failed": step.failed,
        "statuses": {str(status): count for status, count in sorted(step.statuses.items())},
        "firstFailure": step.first_failure,
        "requestsPerSecond": _rounded(step.per_s),
        "latencyMs": latency and {name: _rounded(getattr(latency, name)) for name in ("p50", "p95", "p99", "max")},
        "cpuCores": _rounded(step.cpu_cores),
        "peakMemoryMiB": _rounded(step.memory_mib),
        "healthP99Ms": _rounded(step.health_p99_ms),
        "healthFailed": step.health_failed,
        "driverCores": _rounded(step.driver_cores),
        "othersCores": _rounded(step.others_cores),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# -- the table ------------------------------------------------------------------------------------

HEADINGS = (
    "clients", "requests", "failed", "req/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "cores", "MiB", "health p99 ms"
)  # fmt: skip


def table(steps: Sequence[Step]) -> str:
    """One line for each step below the headings."""
    rows = [HEADINGS, *(_cells(step) for step in steps)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _cells(step: Step) -> tuple[str, ...]:
    latency = step.latency_ms
    times = (latency.p50, latency.p95, latency.p99, latency.max) if latency else (None,) * 4
    return (
        str(step.clients),
        str(step.requests),
        str(step.failed),
        f"{step.per_s:.1f}",
        *(_cell(value, 2) for value in times),
        _cell(step.cpu_cores, 2),
        _cell(step.memory_mib, 1),
        _cell(step.health_p99_ms, 2),
    )


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def remarks(steps: Sequence[Step]) -> list[str]:
    """Sentences to read below the table: the advice, failures, and what to doubt."""
    said = [_advice(recommend(steps))]
    failures = [step.first_failure for step in steps if step.first_failure]
    if failures:
        said.append(f"{sum(step.failed for step in steps)} requests failed; the first: {failures[0]}")
    unhealthy = sum(step.health_failed for step in steps)
    if unhealthy:
        said.append(f"{unhealthy} health probes failed")
    busy = [str(step.clients) for step in steps if step.latency_ms and step.driver_cores >= BUSY_DRIVER_CORES]
    if busy:
        said.append(f"with {', '.join(busy)} clients the load driver was busy itself: the service may do more")
    others = max((step.others_cores or 0.0 for step in steps), default=0.0)
    if others >= BUSY_OTHERS_CORES:
        said.append(
            f"other programs used up to {others:.1f} cores meanwhile: the service got less than it would take, and "
            "throughput and requestedCpu are too low; profile again on a quiet machine"
        )
    return said


def _advice(advice: Recommendation | None) -> str:
    if advice is None:
        return "no recommendation: every step had failed requests"
    requests = [f"recommended: {advice.clients} client(s) at once"]
    requests += [] if advice.cpu is None else [f"requestedCpu {advice.cpu:.1f}"]
    requests += [] if advice.memory_gib is None else [f"requestedMemoryInGb {advice.memory_gib:.1f}"]
    return ", ".join(requests)
