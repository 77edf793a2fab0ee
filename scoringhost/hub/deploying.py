"""Deployments as they are tried: started beside what runs, and then accepted or taken back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from scoringhost.fleet.specs import ServiceSpec
from scoringhost.fleet.supervisor import Key
from scoringhost.fleet.version_life import SetFailed
from scoringhost.hub.books import Books
from scoringhost.hub.errors import (
    DeploymentFailed,
    DeploymentRefused,
    DiskFull,
    HomeUnusable,
    HubError,
    ServiceNotFound,
)
from scoringhost.hub.orders import Order, take
from scoringhost.hub.running import LAST_LINES, ServicesRunning
from scoringhost.hub.service_values import Deployment, Label, Service
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

AGAIN_S = 1.0
"""Seconds until what could not be written down is tried again."""


class ServicesDeployed(ServicesRunning):
    """The services of one folder, and what is deployed to them."""

    async def deploy(self, order: Order) -> tuple[Deployment, asyncio.Task[Service]]:
        """Write an order down, and begin to try it; the task ends with the service, or a `DeploymentFailed`.

        Raises:
            HubError: if it cannot be tried.
        """
        try:
            deployment = await self.desk.do(lambda books: take(books, order))
        except HubError:  # files may be there already that nothing names now
            self._tidy_soon()
            raise
        if order.keys is not None:
            await self._ask_for_keys(order.name)
            await self.supervisor.publish()
        work = self._try(deployment, order.label, order.keeps_failed, order.may_have_environment)
        return deployment, self._in_background(work)

    async def _try(
        self, deployment: Deployment, label: Label | None, keeps_failed: bool, may_have_environment: bool = True
    ) -> Service:
        key = (deployment.service, deployment.version)
        earlier = self._runs_now(key)
        try:
            spec = await self._described(deployment)
            if spec.user is not None and spec.environment is not None and not may_have_environment:
                why = "it is made by the hub's user, which runs code of it: only an owner may have one made"
                raise DeploymentRefused("environment", why)
            with self._heard(self.supervisor.log_of(spec.key)) as lines:
                await self._run(key, spec)
        except (HubError, SetFailed) as failure:
            await self._reject(deployment, str(failure), keeps_failed)
            if isinstance(failure, HubError):
                raise
            raise DeploymentFailed(*key, str(failure), lines[-LAST_LINES:]) from None
        try:
            before, service = await self.desk.do(lambda books: _accept(books, deployment, label))
        except HubError as failure:
            await self._reject(deployment, str(failure), False)
            if earlier is not None:
                await self._run(key, earlier)
            raise
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

    def _runs_now(self, key: Key) -> ServiceSpec | None:
        life = self.supervisor.lives.get(key)
        return None if life is None or life.current is None else life.spec

    async def _reject(self, deployment: Deployment, reason: str, keeps: bool) -> None:
        """Take back what was on trial. Where that cannot be written down now, it is when it can."""
        key = (deployment.service, deployment.version)
        try:
            await self.desk.do(lambda books: books.services.reject(deployment, reason, keep=keeps))
        except (DiskFull, HomeUnusable) as problem:
            log.error("%s:%s cannot be taken back now: %s", *key, problem)
            self._in_background(self._reject_later(deployment, reason, keeps))
            return
        await self._after_rejection(deployment, reason, keeps)

    async def _reject_later(self, deployment: Deployment, reason: str, keeps: bool) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            with suppress(DiskFull, HomeUnusable):
                await self.desk.do(lambda books: books.services.reject(deployment, reason, keep=keeps))
                break
        await self._after_rejection(deployment, reason, keeps)

    async def _after_rejection(self, deployment: Deployment, reason: str, keeps: bool) -> None:
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


def _accept(books: Books, deployment: Deployment, label: Label | None) -> tuple[set[int], Service | None]:
    """Accept it; returns the deployments that its version ran before, too."""
    before: set[int] = set()
    with suppress(ServiceNotFound):
        old = books.services.version(deployment.service, deployment.version).deployment
        before = set() if old is None else {old.id}
    return before, books.services.accept(deployment, label)
