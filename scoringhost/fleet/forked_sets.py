"""Replica sets as the supervisor wants them: forked from templates, with their share of the cores and their log."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from scoringhost.fleet.logs import Lines, ServiceLog
from scoringhost.fleet.notices import Notices
from scoringhost.fleet.replica_set import Listeners, ReplicaFailed, ReplicaSet, Surroundings
from scoringhost.fleet.routing import WorkerRoute
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.templates import Templates
from scoringhost.fleet.version_life import SetFailed
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

Interpreter = Callable[[ServiceSpec], Awaitable[str]]
"""The path of the Python that has a service's packages.

Raises:
    SetFailed: if there is none, and it could not be made.
"""


async def own_python(spec: ServiceSpec) -> str:
    """The interpreter of a service that has the fleet's packages, or names a Python itself."""
    if spec.environment is None:
        return sys.executable
    if os.path.isfile(spec.environment) and os.access(spec.environment, os.X_OK):
        return spec.environment
    raise SetFailed(f"the environment {spec.environment} is no Python that can be started")


class ForkedSets:
    """Makes replica sets. `share`: of the cores, for so many workers, when they start."""

    def __init__(
        self,
        settings: Settings,
        run: RunFolder,
        environ: Mapping[str, str],
        share: Callable[[int], float],
        interpreter: Interpreter = own_python,
    ) -> None:
        self._settings, self._share, self._interpreter = settings, share, interpreter
        self._templates = Templates(environ)
        self._surroundings = Surroundings(self._templates, Notices(run.notify), run.sets, environ)

    def make(
        self, spec: ServiceSpec, key: str, replicas: int, service_log: ServiceLog, changed: Callable[[], None]
    ) -> ForkedSet:
        """A set that is not started yet."""

        async def made(one: ForkedSet) -> ReplicaSet:
            python = await self._interpreter(spec)
            listeners = Listeners(one.lines.feed, changed, one.has_ended)
            surroundings, cores = self._surroundings, self._share(replicas)
            return ReplicaSet(
                key, spec, self._settings, surroundings, listeners, python=python, workers=replicas, cores=cores
            )

        return ForkedSet(key, replicas, made, changed, Lines(service_log))

    async def close(self) -> None:
        """End the templates, and listen to nobody any more."""
        await self._templates.close()
        self._surroundings.notices.close()


class ForkedSet:
    """One replica set; a `RunningSet`."""

    def __init__(
        self,
        key: str,
        replicas: int,
        make: Callable[[ForkedSet], Awaitable[ReplicaSet]],
        changed: Callable[[], None],
        lines: Lines,
    ) -> None:
        self.key, self.lines, self._replicas, self._make, self._changed = key, lines, replicas, make, changed
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._set: ReplicaSet | None = None
        self._scaling: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_killed = False

    @property
    def pid(self) -> int | None:
        """The process id of its master, once it has one."""
        return None if self._set is None else self._set.pid or None

    @property
    def activity(self) -> str:
        """What it is at while it starts."""
        if self._set is None:
            return "preparing its environment"
        return self._set.status or "waiting for a process of its own"

    @property
    def workers(self) -> tuple[WorkerRoute, ...]:
        """The workers that take calls now."""
        return () if self._set is None else self._set.workers

    async def start(self) -> None:
        """Start it, and wait for its first worker to be ready.

        Raises:
            SetFailed: if it could not be started, or has ended before that.
        """
        self._starting = asyncio.ensure_future(self._start())
        try:
            await self._starting
        except asyncio.CancelledError:
            self.kill()
            if not self._is_killed or not self._starting.cancelled():
                raise
            self.has_ended("it was stopped while it started")
            raise SetFailed("it was stopped while it started") from None
        except SetFailed as failure:
            self.has_ended(str(failure))
            raise
        except ReplicaFailed as failure:
            self.has_ended(str(failure))
            raise SetFailed(str(failure)) from None

    async def _start(self) -> None:
        self._set = await self._make(self)
        self._changed()
        await self._set.start()

    def scale(self, replicas: int) -> None:
        """Have that many workers from now on."""
        if replicas == self._replicas or self._set is None:
            return
        self._replicas = replicas
        if self._scaling is not None:
            self._scaling.cancel()
        self._scaling = asyncio.create_task(self._scale(self._set, replicas))

    async def _scale(self, one: ReplicaSet, replicas: int) -> None:
        with suppress(ReplicaFailed):  # which whoever looks after it hears as well
            await one.scale(replicas)

    async def stop(self) -> None:
        """Let the calls under way end, and then the set. Returns when it is gone."""
        if self._scaling is not None:
            self._scaling.cancel()
        if self._set is not None:
            await self._set.stop()
        self.has_ended("it was stopped")

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        self._is_killed = True
        if self._set is not None and self._set.pid:
            self._set.kill()
        elif self._starting is not None:
            self._starting.cancel()

    def has_ended(self, reason: str) -> None:
        """Its processes are gone, or about to go."""
        if not self.ended.done():
            self.lines.end()
            self.ended.set_result(reason)
