"""The hub: the catalogue, and the fleet that runs what it says.

Every change is committed first and then done; what cannot be started is taken back. So a hub that is killed at any
moment does at its next start what was committed, and nothing else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from scoringhost.fleet.logs import ServiceLog
from scoringhost.fleet.specs import Pool, ServiceSpec, Traffic
from scoringhost.fleet.supervisor import Key, Supervisor
from scoringhost.fleet.version_life import SetFailed, VersionLife
from scoringhost.hub.books import Books, Desk
from scoringhost.hub.desired import named_by
from scoringhost.hub.dividing import traffic_of
from scoringhost.hub.errors import DeploymentFailed, HubError, ServiceNotFound
from scoringhost.hub.orders import Order, take, take_back
from scoringhost.hub.service_values import Deployment, Division, Label, Service, Version, Wanted, digests_of
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

T = TypeVar("T")
LAST_LINES = 50
"""Lines of the log that the error of a failed deployment has."""

log = logging.getLogger(HOST_LOGGER)


class Hub:
    """What can be done with the services of one folder, in the process that runs them."""

    def __init__(self, home: Path, settings: Settings, supervisor: Supervisor) -> None:
        self.desk, self.supervisor = Desk(home, settings), supervisor
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: set[int] = set()
        """Deployments that are nobody's any more, and that something still runs from."""
        self._keys_change = asyncio.Lock()
        self._tidying: asyncio.Task[None] | None = None
        self._is_untidy = False

    # -- its start ----------------------------------------------------------------------------------

    async def start(self) -> list[asyncio.Task[Any]]:
        """Run what ran before; returns the work that this is."""

        def read(books: Books) -> Any:
            for one in books.services.discard_trials():
                log.warning("%s:%s was being deployed when the hub ended; it is gone", one.service, one.version)
            services = books.services.all()
            books.deployments.tidy(set(named_by(services)), is_alone=True)
            keys = {one.name: digests_of(one.keys) for one in services if one.keys}
            return books.deployments.read(services), keys

        desired, keys = await self.desk.do(read)
        self._tidy_soon()
        self.supervisor.keys = dict(keys)
        return self.supervisor.apply(desired.reading, resting=desired.resting)

    # -- deploying ----------------------------------------------------------------------------------

    async def deploy(self, order: Order) -> tuple[Deployment, asyncio.Task[Service]]:
        """Write an order down, and begin to try it; the task ends with the service, or a `DeploymentFailed`.

        Raises:
            HubError: if it cannot be tried.
        """
        deployment = await self.desk.do(lambda books: take(books, order))
        if order.keys is not None:
            await self._ask_for_keys(order.name)
            await self.supervisor.publish()
        work = self._try(deployment, order.label, order.keeps_failed)
        return deployment, self._in_background(work)

    async def _try(self, deployment: Deployment, label: Label | None, keeps_failed: bool) -> Service:
        key = (deployment.service, deployment.version)
        try:
            spec = await self._described(deployment)
            with self._heard(self.supervisor.log_of(spec.key)) as lines:
                await self._run(key, spec)
        except (HubError, SetFailed) as failure:
            await self._reject(deployment, str(failure), keeps_failed)
            if isinstance(failure, HubError):
                raise
            raise DeploymentFailed(*key, str(failure), lines[-LAST_LINES:]) from None
        before, service = await self.desk.do(lambda books: _accept(books, deployment, label))
        if service is None:
            raise ServiceNotFound(*key)
        self._held |= before
        await self._divide(service)
        self._in_background(self._let_go_of(before, key))
        return service

    async def _described(self, deployment: Deployment) -> ServiceSpec:
        def describe(books: Books) -> Any:
            books.deployments.put(deployment)
            return books.deployments.spec(deployment)

        spec, warnings = await self.desk.do(describe)
        for line in warnings:
            log.warning("%s", line)
        assert isinstance(spec, ServiceSpec)
        return spec

    async def _run(self, key: Key, spec: ServiceSpec) -> None:
        """Have a version run as described; one that runs goes on as it was if that fails.

        Raises:
            SetFailed: if it cannot be started.
        """
        life = self.supervisor.lives.get(key)
        if life is None:
            await self.supervisor.add(spec).load()
            return
        before, was_wanted, was_unusable = life.spec, life.is_wanted, life.is_unusable
        try:
            await life.reload(spec)
        except SetFailed as failure:
            life.take_spec_later(before)  # what is started from now on is what was there
            if was_unusable:
                life.fail(str(failure))
            elif not was_wanted:
                await life.unload("stopped")
            raise

    async def _reject(self, deployment: Deployment, reason: str, keeps: bool) -> None:
        await self.desk.do(lambda books: books.services.reject(deployment, reason, keep=keeps))
        key = (deployment.service, deployment.version)
        with suppress(ServiceNotFound):
            version = await self.desk.do(lambda books: books.services.version(*key))
            if keeps and version.deployment is not None and version.deployment.id == deployment.id:
                self._know_as_failed(key, reason)
            else:
                self._tidy_soon()
            return
        await self._remove([key])

    def _know_as_failed(self, key: Key, reason: str) -> None:
        """What is kept although it cannot even be described has to be seen, too."""
        if key not in self.supervisor.lives:
            place = self.desk.path
            self.supervisor.add(ServiceSpec(*key, place, place)).fail(reason)

    async def _let_go_of(self, deployments: set[int], key: Key) -> None:
        life = self.supervisor.lives.get(key)
        if life is not None:
            await life.drained()
        self._held -= deployments
        self._tidy_soon()

    # -- changing -----------------------------------------------------------------------------------

    async def set_keys(self, name: str, keys: Mapping[str, str], by: str) -> Service:
        """Have callers of a service send one of these keys, or none; returns when every front goes by that."""
        service = await self.desk.do(lambda books: books.services.set_keys(name, keys, by))
        await self._ask_for_keys(name)
        await self.supervisor.publish()
        return service

    async def _ask_for_keys(self, name: str) -> None:
        """Go by the keys that a service has in the catalogue; by none, if it is gone."""

        def read(books: Books) -> Mapping[str, str]:
            try:
                return books.services.get(name).keys
            except ServiceNotFound:
                return {}

        # One after the other: what was read first must not be what is in force last, when a service is removed and
        # deployed again at once.
        async with self._keys_change:
            keys = await self.desk.do(read)
            if keys:
                self.supervisor.keys[name] = digests_of(keys)
            else:
                self.supervisor.keys.pop(name, None)

    async def divide(self, name: str, division: Division, by: str) -> Service:
        """Divide the requests to a service; returns when every front does."""
        service = await self.desk.do(lambda books: books.services.divide(name, division, by))
        await self._divide(service)
        return service

    async def _divide(self, service: Service) -> None:
        traffic = traffic_of(service.division)
        if traffic == Traffic():
            self.supervisor.traffics.pop(service.name, None)
        else:
            self.supervisor.traffics[service.name] = traffic
        await self.supervisor.publish()

    async def scale(self, name: str, version: str | None, pool: Mapping[str, float], by: str) -> Service:
        """Change the pool of a version, or of all of them.

        Raises:
            ServiceNotFound, ValueRefused.
        """
        service = await self.desk.do(lambda books: books.services.scale(name, version, pool, by))
        for life in self._lives(service, version):
            now = life.spec.pool
            minimum, maximum = int(pool.get("minimum", now.minimum)), int(pool.get("maximum", now.maximum))
            wanted = Pool(
                minimum,
                max(1, minimum, maximum),
                float(pool.get("calls_each", now.calls_each)),
                float(pool.get("idle_s", now.idle_s)),
            )
            life.take_pool(dataclasses.replace(life.spec, pool=wanted))
        return service

    async def start_version(self, name: str, version: str | None, by: str) -> asyncio.Task[None]:
        """Have it run from now on, after a restart, too; the task ends when it does, or with a `DeploymentFailed`."""
        service = await self.desk.do(lambda books: books.services.want(name, version, Wanted.RUNNING, by))
        lives = [one for one in self._known(service, version) if self._life(one).current is None]
        return self._in_background(self._reload_all(lives))

    async def reload(self, name: str, version: str | None, by: str) -> asyncio.Task[None]:
        """Start it anew beside itself, from the files that were deployed; the task ends as that of a start does."""
        service = await self.desk.do(lambda books: books.services.want(name, version, Wanted.RUNNING, by))
        return self._in_background(self._reload_all(self._known(service, version)))

    async def _reload_all(self, versions: list[Version]) -> None:
        results = await asyncio.gather(*(self._reload(one) for one in versions), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _reload(self, version: Version) -> None:
        deployment, life = version.deployment, self._life(version)
        assert deployment is not None

        def mended(books: Books) -> None:
            if books.deployments.problems(deployment):
                books.deployments.forget(deployment.id)

        await self.desk.do(mended)
        spec = await self._described(deployment)
        with self._heard(self.supervisor.log_of(spec.key)) as lines:
            try:
                await life.reload(spec)
            except SetFailed as failure:
                raise DeploymentFailed(version.service, version.version, str(failure), lines[-LAST_LINES:]) from None

    async def stop_version(self, name: str, version: str | None, by: str) -> asyncio.Task[None]:
        """Have it not run until it is started; the task ends when its calls have ended."""
        service = await self.desk.do(lambda books: books.services.want(name, version, Wanted.STOPPED, by))

        async def unload() -> None:
            await asyncio.gather(*(life.unload("stopped by hand") for life in self._lives(service, version)))

        return self._in_background(unload())

    async def delete(self, name: str, version: str | None, by: str) -> asyncio.Task[None]:
        """Remove a version or a service; the task ends when nothing of it runs."""

        def delete(books: Books) -> Service:
            before = books.services.get(name)
            books.services.delete(name, version, by)
            return before

        before = await self.desk.do(delete)
        held = set(named_by([before]))
        self._held |= held
        with suppress(ServiceNotFound):
            await self._divide(await self.desk.do(lambda books: books.services.get(name)))
        gone = [(name, one.version) for one in before.versions if version in (None, one.version)]
        return self._in_background(self._remove(gone, held))

    async def _remove(self, keys: list[Key], held: set[int] | None = None) -> None:
        known = [key for key in keys if key in self.supervisor.lives]
        await asyncio.gather(*(self.supervisor.remove(key, "undeployed") for key in known))
        for name, _ in keys:
            if not any(own == name for own, _ in self.supervisor.lives):
                self.supervisor.traffics.pop(name, None)
                await self._ask_for_keys(name)
        self._held -= held or set()
        self._tidy_soon()

    async def roll_back(self, name: str, by: str) -> tuple[str, asyncio.Task[Service]]:
        """Go back to what was before the newest deployment; returns the version that this is about.

        The version runs again what it ran before; or, if it was new, requests are divided as they were before it,
        and it is stopped.

        Raises:
            ServiceNotFound, NothingToRollBack.
        """
        version, before = await self.desk.do(lambda books: books.services.before(name))
        if isinstance(before, Deployment):
            deployment = await self.desk.do(lambda books: take_back(books, before, by))
            return version.version, self._in_background(self._try(deployment, None, False))
        return before.default or "", self._in_background(self._go_back(name, version.version, before, by))

    async def _go_back(self, name: str, version: str, division: Division, by: str) -> Service:
        earlier = await self.desk.do(lambda books: books.services.version(name, division.default or ""))
        if self._life(earlier).current is None:
            await self._reload(earlier)
        service = await self.desk.do(lambda books: books.services.go_back(name, version, division, by))
        await self._divide(service)
        for life in self._lives(service, version):
            await life.unload("rolled back")
        return service

    # -- what is there ------------------------------------------------------------------------------

    def _known(self, service: Service, version: str | None) -> list[Version]:
        chosen = [one for one in service.versions if version in (None, one.version)]
        return [one for one in chosen if one.deployment and (one.service, one.version) in self.supervisor.lives]

    def _life(self, version: Version) -> VersionLife:
        return self.supervisor.lives[version.service, version.version]

    def _lives(self, service: Service, version: str | None) -> list[VersionLife]:
        return [self._life(one) for one in self._known(service, version)]

    @contextmanager
    def _heard(self, service_log: ServiceLog) -> Iterator[list[str]]:
        """The lines that are written meanwhile."""
        lines: list[str] = []

        def hear(text: str) -> None:
            lines.extend(text.splitlines())
            del lines[:-LAST_LINES]

        service_log.follow(hear)
        try:
            yield lines
        finally:
            service_log.unfollow(hear)

    # -- what nothing needs -------------------------------------------------------------------------

    def _tidy_soon(self) -> None:
        """Remove folders and files that nothing names, in the background."""
        self._is_untidy = True
        if self._tidying is None or self._tidying.done():
            self._tidying = self._in_background(self._tidy())

    async def _tidy(self) -> None:
        while self._is_untidy:
            self._is_untidy = False
            await self.desk.do(partial(_tidy, held=set(self._held)))

    async def end(self) -> None:
        """Leave what is under way; what is on trial is gone at the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        task.add_done_callback(_look_at)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _accept(books: Books, deployment: Deployment, label: Label | None) -> tuple[set[int], Service | None]:
    """Accept it; returns the deployments that its version ran before, too."""
    before: set[int] = set()
    with suppress(ServiceNotFound):
        old = books.services.version(deployment.service, deployment.version).deployment
        before = set() if old is None else {old.id}
    return before, books.services.accept(deployment, label)


def _tidy(books: Books, *, held: set[int]) -> None:
    books.deployments.tidy(held)
    books.files.remove_unnamed()


def _look_at(task: asyncio.Task[Any]) -> None:
    """Say what is no failure of a service; that is said where it happens. Nobody may wait for a task."""
    if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), HubError):
        log.error("a change of the hub failed", exc_info=task.exception())
