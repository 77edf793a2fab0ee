"""Profiling a service under load: how fast it is, what it uses, and what size of machine it needs.

`load` sends over `wire`, `process` starts the service and reads /proc, `report` works the figures out and
`chart` draws them. This module runs the steps: one for each number of clients.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Sequence

from scoringhost.client.load import Load, Tally, drive, probe_health
from scoringhost.client.wire import Target
from scoringhost.profiling.machine import busy_s
from scoringhost.profiling.process import ProcessTree
from scoringhost.profiling.report import Latency, Step

WARM_UP_REQUESTS = 5
SAMPLE_EVERY_S = 0.1
SAMPLING_SHARE = 20
"""Reading the memory of a large process stops it for a moment: at most one part in 20 of the time is spent on that."""


async def run_steps(
    target: Target, load: Load, clients: Sequence[int], tree: ProcessTree | None
) -> AsyncIterator[Step]:
    """One step for each number of clients, after a few requests that do not count.

    Ends early if a step had no successful answer at all: the next ones would not either.
    """
    await drive(target, dataclasses.replace(load, max_requests=WARM_UP_REQUESTS), 1)
    for count in clients:
        step = await _measure(target, load, count, tree)
        yield step
        if step.latency_ms is None:
            return


class _Usage:
    """CPU and memory of a process tree from now on."""

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self._began_s, self._cpu_s = time.perf_counter(), tree.cpu_s()
        self.peak_mib: float | None = None

    def cores(self) -> float:
        """Cores used since the start."""
        return max(0.0, self._tree.cpu_s() - self._cpu_s) / (time.perf_counter() - self._began_s)

    async def sample(self) -> None:
        """Take the memory now, without holding up the load."""
        now_mib = await asyncio.to_thread(self._tree.pss_mib)
        self.peak_mib = max(now_mib or 0.0, self.peak_mib or 0.0) or None

    async def keep_sampling(self) -> None:
        """Take the memory again and again, until cancelled."""
        while True:
            began_s = time.perf_counter()
            await self.sample()
            await asyncio.sleep(max(SAMPLE_EVERY_S, SAMPLING_SHARE * (time.perf_counter() - began_s)))


async def _measure(target: Target, load: Load, clients: int, tree: ProcessTree | None) -> Step:
    health, usage = Tally(), _Usage(tree) if tree else None
    beside = [asyncio.create_task(probe_health(target, health))]
    if usage:
        beside.append(asyncio.create_task(usage.keep_sampling()))
    began_s, driver_s, machine_s = time.perf_counter(), time.process_time(), busy_s() if usage else None
    try:
        tally = await drive(target, load, clients)
        cores = usage.cores() if usage else None
        driver_cores = (time.process_time() - driver_s) / (time.perf_counter() - began_s)
        others_cores = _of_others(machine_s, began_s, (cores or 0.0) + driver_cores)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    if usage:
        await usage.sample()
    health_ms = Latency.of(health.latencies_s)
    return Step(
        clients=clients,
        requests=len(tally.latencies_s) + tally.failed,
        failed=tally.failed,
        per_s=len(tally.latencies_s) / tally.elapsed_s,
        latency_ms=Latency.of(tally.latencies_s),
        cpu_cores=cores,
        memory_mib=usage.peak_mib if usage else None,
        health_p99_ms=health_ms.p99 if health_ms else None,
        health_failed=health.failed,
        driver_cores=driver_cores,
        others_cores=others_cores,
        statuses=dict(tally.statuses),
        first_failure=tally.first_failure,
    )


def _of_others(before_s: float | None, began_s: float, ours_cores: float) -> float | None:
    """Cores that other programs of this machine have used since then; None where that cannot be known."""
    now_s = busy_s() if before_s is not None else None
    if before_s is None or now_s is None:
        return None
    return max(0.0, (now_s - before_s) / (time.perf_counter() - began_s) - ours_cores)
