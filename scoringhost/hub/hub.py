"""The hub: the catalogue, and the fleet that runs what it says.

Every change is committed first and then done; what cannot be started is taken back. So a hub that is killed at any
moment does at its next start what was committed, and nothing else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from scoringhost.fleet.specs import Pool
from scoringhost.fleet.version_life import SetFailed
from scoringhost.hub.books import Books
from scoringhost.hub.deploying import ServicesDeployed
from scoringhost.hub.desired import named_by
from scoringhost.hub.errors import DeploymentFailed, ServiceNotFound
from scoringhost.hub.orders import take_back
from scoringhost.hub.running import LAST_LINES
from scoringhost.hub.service_values import Deployment, Division, Service, Version, Wanted, digests_of
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)


class Hub(ServicesDeployed):
    """What can be done with the services of one folder, in the process that runs them."""

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

        self.desk.hold()
        desired, keys = await self.desk.do(read)
        self._tidy_soon()
        self.supervisor.keys = dict(keys)
        return self.supervisor.apply(desired.reading, resting=desired.resting)

    # -- changing -----------------------------------------------------------------------------------

    async def set_keys(self, name: str, keys: Mapping[str, str], by: str) -> Service:
        """Have callers of a service send one of these keys, or none; returns when every front goes by that."""
        service = await self.desk.do(lambda books: books.services.set_keys(name, keys, by))
        await self._ask_for_keys(name)
        await self.supervisor.publish()
        return service

    async def divide(self, name: str, division: Division, by: str) -> Service:
        """Divide the requests to a service; returns when every front does."""
        service = await self.desk.do(lambda books: books.services.divide(name, division, by))
        await self._divide(service)
        return service

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
