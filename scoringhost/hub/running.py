"""What a hub has to do with what runs: the fleet is told what the catalogue says, and what nobody needs is removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from scoringhost.fleet.logs import ServiceLog
from scoringhost.fleet.specs import Traffic
from scoringhost.fleet.supervisor import Key, Supervisor
from scoringhost.fleet.version_life import VersionLife
from scoringhost.hub.books import Books, Desk
from scoringhost.hub.dividing import traffic_of
from scoringhost.hub.errors import HubError, ServiceNotFound
from scoringhost.hub.service_values import Service, Version, digests_of
from scoringhost.hub.users import ServiceUsers
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

T = TypeVar("T")
LAST_LINES = 50
"""Lines of the log that the error of a failed deployment has."""

log = logging.getLogger(HOST_LOGGER)


class ServicesRunning:
    """The services of one folder, in the process that runs them."""

    def __init__(
        self, home: Path, settings: Settings, supervisor: Supervisor, users: ServiceUsers | None = None
    ) -> None:
        self.desk, self.supervisor = Desk(home, settings, users), supervisor
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: set[int] = set()
        """Deployments that are nobody's any more, and that something still runs from."""
        self._keys_change = asyncio.Lock()
        self._tidying: asyncio.Task[None] | None = None
        self._is_untidy = False

    # -- what the fleet is told -----------------------------------------------------------------------

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

    async def _divide(self, service: Service) -> None:
        traffic = traffic_of(service.division)
        if traffic == Traffic():
            self.supervisor.traffics.pop(service.name, None)
        else:
            self.supervisor.traffics[service.name] = traffic
        await self.supervisor.publish()

    async def _remove(self, keys: list[Key], held: set[int] | None = None) -> None:
        known = [key for key in keys if key in self.supervisor.lives]
        await asyncio.gather(*(self.supervisor.remove(key, "undeployed") for key in known))
        for name, _ in keys:
            if not any(own == name for own, _ in self.supervisor.lives):
                self.supervisor.traffics.pop(name, None)
                await self._ask_for_keys(name)
        self._held -= held or set()
        self._tidy_soon()

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
        self.desk.let_go()

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        task.add_done_callback(_look_at)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _tidy(books: Books, *, held: set[int]) -> None:
    books.deployments.tidy(held)
    books.files.remove_unnamed()


def _look_at(task: asyncio.Task[Any]) -> None:
    """Say what is no failure of a service; that is said where it happens. Nobody may wait for a task."""
    if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), HubError):
        log.error("a change of the hub failed", exc_info=task.exception())
