"""Sets and fronts that start nothing, for tests of what the supervisor does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from scoringhost.fleet.logs import ServiceLog
from scoringhost.fleet.routing import RoutingTable, WorkerRoute
from scoringhost.fleet.specs import NamedService, Pool, ServiceSpec, Traffic
from scoringhost.fleet.version_life import SetFailed


def spec_of(
    name: str = "wine", version: str = "", *, minimum: int = 1, maximum: int = 4, threads: int = 1
) -> ServiceSpec:
    folder = Path("/services") / name / version
    pool = Pool(minimum, maximum)
    return ServiceSpec(name, version, folder / "score.py", folder, settings={"threads": threads}, pool=pool)


def service_of(*specs: ServiceSpec, traffic: Traffic | None = None) -> NamedService:
    return NamedService(specs[0].name, {spec.version: spec for spec in specs}, traffic or Traffic())


class SetStandIn:
    """A set whose test says how its start goes."""

    def __init__(
        self, spec: ServiceSpec, key: str, replicas: int, changed: Callable[[], None], *, at_once: bool
    ) -> None:
        self.is_started, self._at_once = False, at_once
        self.spec, self.key, self.replicas, self._changed = spec, key, replicas, changed
        self.pid: int | None = None
        self.activity = "running init()"
        self.workers: tuple[WorkerRoute, ...] = ()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.drained = asyncio.Event()
        self.drained.set()
        self.was_stopped = False
        self._start: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def prepare(self) -> None:
        pass

    async def start(self) -> None:
        self.is_started = True
        if self._at_once:
            asyncio.get_running_loop().call_soon(self.becomes_ready)
        self.pid = 1000 + int(self.key)
        await self._start

    def becomes_ready(self) -> None:
        self.workers = (WorkerRoute(2000 + int(self.key), f"/run/s/{self.key}/w.sock"),)
        self._changed()
        self._start.set_result(None)

    def fails(self, reason: str) -> None:
        self._start.set_exception(SetFailed(reason))
        self.ended.set_result(reason)

    def dies(self, reason: str) -> None:
        self.workers = ()
        self.ended.set_result(reason)

    def scale(self, replicas: int) -> None:
        self.replicas = replicas

    async def stop(self) -> None:
        self.was_stopped = True
        await self.drained.wait()
        if not self.ended.done():
            self.ended.set_result("stopped")

    def kill(self) -> None:
        if not self._start.done():
            self.fails("killed")
        elif not self.ended.done():
            self.dies("killed")


class SetsStandIn:
    """Makes stand-ins, and keeps all of them; `at_once`: they are ready when they are started."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.made: list[SetStandIn] = []
        self.at_once = at_once

    def make(
        self, spec: ServiceSpec, key: str, replicas: int, service_log: ServiceLog, changed: Callable[[], None]
    ) -> SetStandIn:
        one = SetStandIn(spec, key, replicas, changed, at_once=self.at_once)
        self.made.append(one)
        return one


class FrontsStandIn:
    """Keeps all tables. `in_use`: set while the fronts use what they are told."""

    def __init__(self) -> None:
        self.tables: list[RoutingTable] = []
        self.in_use = asyncio.Event()
        self.in_use.set()

    def tell(self, table: RoutingTable) -> None:
        self.tables.append(table)

    async def all_use(self, number: int) -> None:
        await self.in_use.wait()


class Sleeps:
    """A clock that stands still until a test moves it on."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def pass_by(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


async def turns(number: int = 20) -> None:
    """Let everything that can go on do so."""
    for _ in range(number):
        await asyncio.sleep(0)
