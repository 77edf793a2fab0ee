"""Replica sets as the supervisor wants them: in their own environment, forked from its template, with a log."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scoringhost.fleet.environments import EnvironmentFailed, Environments, Interpreter, cache_folder
from scoringhost.fleet.logs import Lines, ServiceLog
from scoringhost.fleet.notices import Notices
from scoringhost.fleet.replica_set import ReplicaFailed, ReplicaSet
from scoringhost.fleet.replica_settings import without_keys
from scoringhost.fleet.routing import WorkerRoute
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.surroundings import Listeners, Surroundings
from scoringhost.fleet.template_process import TemplateFailed
from scoringhost.fleet.templates import Templates
from scoringhost.fleet.version_life import SetFailed
from scoringhost.settings import Settings

Make = Callable[[Interpreter], ReplicaSet]
Find = Callable[[ServiceSpec], Awaitable[Interpreter]]

STOPPED = "it was stopped while it started"


class ForkedSets:
    """Makes replica sets. `share`: of the cores, for so many workers, when they start."""

    def __init__(
        self, settings: Settings, run: RunFolder, environ: Mapping[str, str], share: Callable[[int], float]
    ) -> None:
        self._settings, self._environ, self._share = settings, environ, share
        self._templates = Templates(without_keys(environ))
        self._environments: Environments | None = None
        self._surroundings = Surroundings(self._templates, Notices(run.notify), run.sets, environ)

    def make(
        self, spec: ServiceSpec, key: str, replicas: int, service_log: ServiceLog, changed: Callable[[], None]
    ) -> ForkedSet:
        """A set that is not started yet."""
        lines = Lines(service_log)

        def made(interpreter: Interpreter) -> ReplicaSet:
            own = dataclasses.replace(spec, environ={**interpreter.environ, **spec.environ})
            return ReplicaSet(
                key,
                own,
                self._settings,
                self._surroundings,
                Listeners(lines.feed, changed, one.has_ended),
                python=str(interpreter.python),
                workers=replicas,
                cores=self._share(replicas),
            )

        one = ForkedSet(key, spec, replicas, self._interpreter, made, changed, lines)
        return one

    async def warm(self) -> None:
        """Have what sets are forked from ready before the first is wanted; if that fails, the first one says why."""
        with suppress(TemplateFailed):
            await self._templates.warm(sys.executable)

    async def _interpreter(self, spec: ServiceSpec) -> Interpreter:
        if spec.environment is None:
            return Interpreter(Path(sys.executable), {})
        if self._environments is None:  # where they are kept matters to nobody who needs none
            extras = ("grpc",) if self._settings.grpc_port else ()
            self._environments = Environments(cache_folder(self._environ), self._environ, extras=extras)
        return await self._environments.interpreter(spec.environment, spec.folder)

    async def close(self) -> None:
        """End the templates, and listen to nobody any more."""
        if self._environments is not None:
            await self._environments.close()
        await self._templates.close()
        self._surroundings.notices.close()


class ForkedSet:
    """One replica set; a `RunningSet`."""

    def __init__(
        self,
        key: str,
        spec: ServiceSpec,
        replicas: int,
        find: Find,
        make: Make,
        changed: Callable[[], None],
        lines: Lines,
    ) -> None:
        """`find`: the interpreter. `make`: the set in it. `changed`: called when it is at something else."""
        self.key, self._spec, self._replicas = key, spec, replicas
        self._find, self._make, self._changed, self._lines = find, make, changed, lines
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._interpreter: Interpreter | None = None
        self._set: ReplicaSet | None = None
        self._stage: asyncio.Task[None] | None = None
        self._scaling: asyncio.Task[None] | None = None
        self._is_killed = False

    @property
    def pid(self) -> int | None:
        """The process id of its master, once it has one."""
        return None if self._set is None else self._set.pid or None

    @property
    def activity(self) -> str:
        """What it is at while it starts."""
        if self._set is not None:
            return self._set.status or "starting"
        return "waiting for others to start" if self._interpreter is not None else "preparing its environment"

    @property
    def workers(self) -> tuple[WorkerRoute, ...]:
        """The workers that take calls now."""
        return () if self._set is None else self._set.workers

    async def prepare(self) -> None:
        """Make what it is to run in, which may take minutes.

        Raises:
            SetFailed: if that cannot be made.
        """
        await self._go_through(self._prepare())

    async def _prepare(self) -> None:
        self._interpreter = await self._find(self._spec)

    async def start(self) -> None:
        """Start it, and wait for its first worker to be ready.

        Raises:
            SetFailed: if it could not be started, or has ended before that.
        """
        await self._go_through(self._start())

    async def _start(self) -> None:
        assert self._interpreter is not None
        self._set = self._make(self._interpreter)
        self._changed()
        await self._set.start()

    async def _go_through(self, work: Coroutine[Any, Any, None]) -> None:
        """Do one part of the start, which `kill` may break off.

        Raises:
            SetFailed: if it has failed, or was broken off.
        """
        if self._is_killed:
            work.close()
            self.has_ended(STOPPED)
            raise SetFailed(STOPPED)
        self._stage = asyncio.create_task(work)
        try:
            await asyncio.wait((self._stage,))
        except asyncio.CancelledError:
            self.kill()
            raise
        try:
            self._stage.result()
        except asyncio.CancelledError:
            self.has_ended(STOPPED)
            raise SetFailed(STOPPED) from None
        except (EnvironmentFailed, ReplicaFailed) as failure:
            self.has_ended(str(failure))
            raise SetFailed(str(failure)) from None

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
        elif self._stage is not None:
            self._stage.cancel()

    def has_ended(self, reason: str) -> None:
        """Its processes are gone, or about to go."""
        if not self.ended.done():
            self._lines.end()
            self.ended.set_result(reason)
