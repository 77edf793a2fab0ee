"""How a fleet is: one row for each version of each service, as plain values."""

from __future__ import annotations

import asyncio
from typing import TypedDict

from scoringhost.fleet.routing import State, VersionRoute
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.fleet.version_life import VersionLife, headline_with_exception


class Status(TypedDict):
    """One version of one service.

    reason: in one line; details: all of it, as the log has it. share: per cent of the requests that name no version.
    pids: of the master and its workers. memory_mb: what these processes have of the memory, shared pages divided (PSS);
    None if nobody knows. since_s: seconds in this state.
    """

    name: str
    version: str
    state: str
    reason: str
    details: str
    is_default: bool
    share: float
    shadow: float
    ready: int
    replicas: int
    minimum: int
    maximum: int
    restarts: int
    pids: list[int]
    memory_mb: float | None
    since_s: float
    folder: str
    path: str


async def status_of(supervisor: Supervisor) -> list[Status]:
    """All versions, by name and version."""
    rows = []
    for service in supervisor.current_table().services.values():
        for version, life in supervisor.versions_of(service.name).items():
            route = service.versions[version]
            is_default = version == service.default
            share = service.traffic.shares.get(version, 0.0)
            if not service.traffic.shares and is_default:
                share = 100.0
            rows.append(_row(life, route, is_default, share, service.traffic.shadow.get(version, 0.0)))
    # The kernel walks through the pages of each process: a millisecond for a small one, and more for a large one.
    memories = await asyncio.to_thread(lambda: [_memory_mb(row["pids"]) for row in rows])
    for row, memory in zip(rows, memories, strict=True):
        row["memory_mb"] = memory
    return rows


def _row(life: VersionLife, route: VersionRoute, is_default: bool, share: float, shadow: float) -> Status:
    spec, current = life.spec, life.current
    pids = [worker.pid for worker in route.workers]
    if current is not None and current.pid is not None:
        pids.insert(0, current.pid)
    path = f"/services/{spec.name}"
    if spec.version:
        path += f"/versions/{spec.version}"
    return Status(
        name=spec.name,
        version=spec.version,
        state=route.state.value,
        reason=headline_with_exception(life.reason),
        details=life.reason,
        is_default=is_default,
        share=share,
        shadow=shadow,
        ready=len(route.workers),
        replicas=life.replicas if route.state is not State.STOPPED else 0,
        minimum=spec.pool.minimum,
        maximum=spec.pool.maximum,
        restarts=life.restarts,
        pids=pids,
        memory_mb=None,
        since_s=life.since_s,
        folder=str(spec.folder),
        path=path,
    )


def _memory_mb(pids: list[int]) -> float | None:
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue
    return round(total * 1024 / 1e6, 1) if total else None
