"""The supervisor: has run what a catalogue says should run, and keeps every front told of what does."""

from __future__ import annotations

import asyncio
import difflib
import itertools
import logging
from collections.abc import Awaitable, Callable, Container, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from scoringhost.errors import InvalidTraffic
from scoringhost.fleet.calls_seen import CallHistory
from scoringhost.fleet.catalogue import CatalogueReading, UnusableService
from scoringhost.fleet.channel import CallFailed
from scoringhost.fleet.logs import Output, ServiceLog
from scoringhost.fleet.routing import RoutingTable, State
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.shadow import ShadowSums
from scoringhost.fleet.specs import ServiceSpec, Traffic, version_order
from scoringhost.fleet.tables import routing_table
from scoringhost.fleet.traffic import checked_traffic
from scoringhost.fleet.version_life import RunningSet, SetFailed, VersionLife
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

Key = tuple[str, str]
"""Name and version."""

FAILED, NOT_FOUND, INVALID = "failed", "not_found", "invalid"
"""Kinds of failed calls, for programs."""


class Sets(Protocol):
    """What makes replica sets: the templates, or a stand-in for tests."""

    def make(
        self, spec: ServiceSpec, key: str, replicas: int, service_log: ServiceLog, changed: Callable[[], None]
    ) -> RunningSet:
        """A set that is not started yet."""


class Fronts(Protocol):
    """The front processes, as far as the supervisor has to do with them."""

    def tell(self, table: RoutingTable) -> None:
        """Have every front use a table from now on."""

    async def all_use(self, number: int) -> None:
        """Wait until every front that runs uses the table of that number, or a later one."""


class Supervisor:
    """All versions of all services, by name and version, and how requests are divided among them."""

    def __init__(
        self,
        run: RunFolder,
        sets: Sets,
        fronts: Fronts,
        output: Output,
        *,
        cores: float,
        is_json: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`output`: where lines of services are shown. `is_json`: whether the log is JSON, which needs no prefixes.

        sleep: for tests.
        """
        self.lives: dict[Key, VersionLife] = {}
        self.traffics: dict[str, Traffic] = {}
        self.keys: dict[str, Mapping[str, str]] = {}
        """Digests of the keys of single services, by name; see `ServiceRoute`."""
        self.shadows = ShadowSums()
        self.calls = CallHistory()
        self._read_traffics: dict[str, Traffic] = {}
        self.starts = asyncio.Semaphore(max(2, int(cores * 2)))
        self.table = RoutingTable()
        self.loads: dict[int, Mapping[str, Any]] = {}
        """What each front has last said of the calls: by its number."""
        self._run, self._sets, self._fronts, self._output, self._is_json = run, sets, fronts, output, is_json
        self._sleep = sleep
        self._logs: dict[str, ServiceLog] = {}
        self._keys = itertools.count(1)
        self._numbers = itertools.count(1)
        self._is_settled = False
        self._is_ending = False
        self._told: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.watchers: list[Callable[[RoutingTable], None]] = []
        """Told of every new table, as who prints what becomes ready."""

    # -- what the catalogue says ------------------------------------------------------------------

    def apply(
        self,
        reading: CatalogueReading,
        *,
        starts: bool = True,
        touched: Sequence[Path] = (),
        resting: Container[Key] = (),
    ) -> list[asyncio.Task[Any]]:
        """Make what runs what the catalogue says: start what is new, reload what is different, remove what is gone.

        `starts`: whether what is new is started. `touched`: files that have changed, whose services are reloaded.
        `resting`: versions that are not started, whatever is new.
        Returns the work that this is, each with its result or its error.
        """
        work: list[Coroutine[Any, Any, None]] = []
        named: set[Key] = set()
        for service in reading.catalogue.values():
            for spec in service.versions.values():
                named.add((spec.name, spec.version))
                may_start = starts and (spec.name, spec.version) not in resting
                work += self._wish(spec, may_start, _is_touched(spec, touched))
        for one in reading.unusable:
            named.add((one.name, one.version))
            self._refuse(one)
        self._take_traffics({name: service.traffic for name, service in reading.catalogue.items()})
        work += [self.remove(key) for key in self.lives.keys() - named]
        for line in reading.warnings:
            log.warning("%s", line)
        self.changed()
        return [self.in_background(one) for one in work]

    def _wish(self, spec: ServiceSpec, starts: bool, is_touched: bool) -> list[Coroutine[Any, Any, None]]:
        life = self.lives.get((spec.name, spec.version))
        if life is None:
            self.lives[spec.name, spec.version] = life = VersionLife(spec, self, may_wake=starts, sleep=self._sleep)
            return [life.load()] if starts and spec.pool.minimum > 0 else []
        if life.is_unusable and life.current is None:
            return [life.reload(spec)] if starts else []
        if not life.is_wanted:
            life.take_spec_later(spec)
            return []
        if is_touched or replace(life.spec, pool=spec.pool) != spec:
            return [life.reload(spec)]
        life.take_pool(spec)
        return []

    def _refuse(self, one: UnusableService) -> None:
        key = (one.name, one.version)
        log.error("%s cannot be served: %s", one.name, one.reason)
        if key not in self.lives:
            spec = ServiceSpec(one.name, one.version, one.folder, one.folder)
            self.lives[key] = VersionLife(spec, self, sleep=self._sleep)
        self.lives[key].fail(one.reason)

    def add(self, spec: ServiceSpec) -> VersionLife:
        """Know a version from now on, which is not started yet; the one that is known, if there is one."""
        key = (spec.name, spec.version)
        if key not in self.lives:
            self.lives[key] = VersionLife(spec, self, may_wake=False, sleep=self._sleep)
            self.changed()
        return self.lives[key]

    def taken(
        self, reading: CatalogueReading, name: str, version: str | None
    ) -> dict[str, tuple[VersionLife, ServiceSpec]]:
        """Know what the folder says of one service, or of one version of it, to be loaded by hand.

        Returns its versions with what they should be loaded as; none if the folder does not have them.

        Raises:
            CallFailed: `failed` if one cannot be used; says why.
        """
        for one in reading.unusable:
            if one.name == name and version in (None, one.version):
                raise CallFailed(FAILED, one.reason)
        service = reading.catalogue.get(name)
        if service is None:
            return {}
        self._take_traffics({**self._read_traffics, name: service.traffic})
        found = {}
        for number, spec in service.versions.items():
            if version in (None, number):
                life = self.lives.setdefault((name, number), VersionLife(spec, self, sleep=self._sleep))
                found[number] = (life, spec)
        return found

    def _take_traffics(self, read: dict[str, Traffic]) -> None:
        """Take what has changed in the files; what somebody has divided by hand since stays where they say the same."""
        for name, traffic in read.items():
            if traffic != self._read_traffics.get(name, Traffic()):
                self.traffics[name] = traffic
        self._read_traffics = read

    async def remove(self, key: Key, reason: str = "its folder is gone") -> None:
        """Unload a version, and know it no more."""
        life = self.lives[key]
        await life.unload(reason)
        if self.lives.get(key) is life:
            del self.lives[key]
        if all(name != key[0] for name, _ in self.lives):
            self.traffics.pop(key[0], None)
        await self.publish()

    async def settle(self, work: Sequence[asyncio.Task[Any]]) -> None:
        """Wait until all that starts has tried to, and let the fronts know."""
        await asyncio.gather(*work, return_exceptions=True)
        self._is_settled = True
        await self.publish()

    # -- what the versions need of the fleet ----------------------------------------------------------

    def new_set(self, spec: ServiceSpec, replicas: int, changed: Callable[[], None]) -> RunningSet:
        """A set that is not started yet."""
        key = str(next(self._keys))
        return self._sets.make(spec, key, replicas, self.log_of(spec.key), changed)

    def changed(self) -> None:
        """Tell the fronts soon; several changes at once make one table."""
        if self._told is None:
            self._told = asyncio.get_running_loop().call_soon(self._tell)

    async def publish(self) -> None:
        """Tell the fronts now, and wait until they all use the new table."""
        self._tell()
        await self._fronts.all_use(self.table.number)

    def _tell(self) -> None:
        if self._told is not None:
            self._told.cancel()
            self._told = None
        number = next(self._numbers)
        self.table = routing_table(number, self.lives.values(), self.traffics, self.keys, settled=self._is_settled)
        self._fronts.tell(self.table)
        for watcher in self.watchers:
            watcher(self.table)

    def current_table(self) -> RoutingTable:
        """The table as it is now, with what has not been told yet."""
        if self._told is not None:
            self._tell()
        return self.table

    def replicas_in_all(self) -> int:
        """How many workers there are to be, of all versions that run or start: they share the cores."""
        return sum(life.replicas for life in self.lives.values() if life.is_wanted) or 1

    def log_of(self, key: str) -> ServiceLog:
        """The log of a version of a service, by `name:version`."""
        if key not in self._logs:
            self._logs[key] = ServiceLog(key, self._run.logs, self._output, prefixed=not self._is_json)
        return self._logs[key]

    def in_background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something whose failure is said where it happens."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(task.exception(), Exception):
            error = task.exception()
            if not isinstance(error, SetFailed):  # which is said by the version itself
                log.error("a change of the fleet failed", exc_info=error)

    # -- looking things up ------------------------------------------------------------------------------

    def versions_of(self, name: str) -> dict[str, VersionLife]:
        """The versions of a service, the largest last.

        Raises:
            CallFailed: if there is no such service; names some that are spelt alike.
        """
        found = {version: life for (own, version), life in self.lives.items() if own == name}
        if not found:
            names = sorted({own for own, _ in self.lives})
            near = difflib.get_close_matches(name, names, 3) or names[:10]
            hint = f"; there are {', '.join(near)}" if near else "; there is none at all"
            raise CallFailed(NOT_FOUND, f"there is no service {name!r}{hint}")
        return dict(sorted(found.items(), key=lambda one: version_order(one[0])))

    def chosen(self, name: str, version: str | None) -> list[VersionLife]:
        """A version of a service, or all of them if none is named.

        Raises:
            CallFailed: if there is no such one.
        """
        versions = self.versions_of(name)
        if version is None:
            return list(versions.values())
        if version not in versions:
            known = ", ".join(one or "(none)" for one in versions)
            raise CallFailed(NOT_FOUND, f"{name} has no version {version!r}; there are {known}")
        return [versions[version]]

    def divide(self, name: str, traffic: Traffic) -> None:
        """Divide the requests to a service among its versions from now on.

        It holds until the service's own file says something else than it has said up to now.

        Raises:
            CallFailed: if there is no such service, or its requests cannot be divided so.
        """
        try:
            self.traffics[name] = checked_traffic(traffic, name, self.versions_of(name))
        except InvalidTraffic as problem:
            raise CallFailed(INVALID, str(problem)) from None

    async def wake(self, name: str, version: str) -> None:
        """Start a version that a request waits for."""
        life = self.lives.get((name, version))
        if life is not None and not self._is_ending and life.current is None and life.wakes:
            with suppress(SetFailed):
                await life.load()

    def take_load(self, front: int, seen: Mapping[str, Any]) -> None:
        """Take what a front has seen of the calls: `sets` by key, and how many `waiting` for which version."""
        self.loads[front] = seen

    async def end(self) -> None:
        """Drain and end all sets, at once."""
        self._is_ending = True
        await asyncio.gather(*(life.end() for life in self.lives.values()), return_exceptions=True)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._logs.values():
            one.close()

    def kill(self) -> None:
        """End all sets at once."""
        for life in self.lives.values():
            life.kill()

    @property
    def is_serving(self) -> bool:
        """Whether any version is ready."""
        return any(life.state is State.READY for life in self.lives.values())


def _is_touched(spec: ServiceSpec, touched: Sequence[Path]) -> bool:
    return any(path.is_relative_to(spec.folder) or path.is_relative_to(spec.script) for path in touched)
