"""Web services as the dialect lists them: from the catalogue, whichever way they were deployed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoringhost.http.messages import HttpRequest
from scoringhost.hub.access import Action, Caller, Role, require
from scoringhost.hub.books import Books
from scoringhost.hub.errors import HubError, NotAllowed, ServiceNotFound
from scoringhost.hub.hub import Hub
from scoringhost.hub.mls.definition import Definition
from scoringhost.hub.mls.foreign import Foreign, Shape
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.service_values import Service, Version
from scoringhost.runtimes.mls.program import DEFINITION

MOST_REMEMBERED = 10_000


class Published:
    """Finds what was published. A deployment never changes, so that its definition is read once."""

    def __init__(self, hub: Hub, foreign: Foreign) -> None:
        self._hub, self._foreign = hub, foreign
        self._known: dict[int, Definition | None] = {}

    async def all(self) -> list[tuple[Service, Version]]:
        """All versions of all services that were ever ready, in the order of their publication."""
        services = await self._hub.desk.do(lambda books: books.services.all())
        return sorted(_versions(services), key=lambda pair: pair[1].created_at)

    async def of(self, name: str) -> list[tuple[Service, Version]]:
        """The versions of a service, in the order of their publication; none, if there is no such service."""
        return [pair for pair in await self.all() if pair[0].name == name]

    async def get(self, name: str, version: str) -> tuple[Service, Version]:
        """One version.

        Raises:
            ServiceNotFound: if there is no such one.
        """

        def find(books: Books) -> tuple[Service, Version]:
            return books.services.get(name), books.services.version(name, version)

        return await self._hub.desk.do(find)

    async def found(self, request: HttpRequest) -> tuple[Service, Version]:
        """The version that a request names.

        Raises:
            ServiceNotFound: if there is no such one, or it is being published, and may yet fail.
        """
        name, number = request.parameters["name"], request.parameters["version"]
        service, version = await self.get(name, number)
        if version.deployment is None:
            raise ServiceNotFound(name, number)
        return service, version

    async def own(self, request: HttpRequest) -> tuple[Service, Version]:
        """The version that a request names, or the newest one, which its caller may change.

        Raises:
            ServiceNotFound: if there is none.
            NotAllowed: if it is another's.
        """
        if "version" in request.parameters:
            service, version = await self.found(request)
        else:
            name = request.parameters["name"]
            pairs = await self.of(name)
            if not pairs:
                raise ServiceNotFound(name)
            service, version = pairs[-1]
        require(caller_of(request), Action.CHANGE, service.owner)
        return service, version

    async def definition(self, version: Version) -> Definition | None:
        """What was published; None for what was deployed in another way."""
        deployment = version.deployment
        if deployment is None:
            return None
        if deployment.id not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[deployment.id] = await self._hub.desk.do(
                lambda books: _read(books.deployments.place(deployment))
            )
        found = self._known[deployment.id]
        return None if found is None else _labelled(found, version)

    async def described(self, version: Version) -> Definition:
        """The same; for what was deployed in another way, what its API document says."""
        return await self.definition(version) or _labelled((await self.shape(version)).definition, version)

    async def shape(self, version: Version) -> Shape:
        """What was deployed in another way takes and returns."""
        return await self._foreign.shape(version)

    async def place(self, version: Version) -> Path | None:
        """The folder that it runs from."""
        deployment = version.deployment
        if deployment is None:
            return None
        return await self._hub.desk.do(lambda books: books.deployments.put(deployment))

    async def shown(self, service: Service, version: Version, caller: Caller) -> dict[str, Any]:
        """A web service as the protocol has it; the code only for its publisher and owners."""
        found = (await self.described(version)).shown()
        if caller.role is not Role.OWNER and caller.name not in (service.owner, version.created_by):
            del found["code"], found["initCode"]
        return {
            "name": service.name,
            "version": version.version,
            "versionPublishedBy": version.created_by,
            "creationTime": version.created_at.partition("+")[0].rstrip("Z")[:23],
            **found,
            "myPermissionOnService": "read/write" if _may_change(caller, service) else "read only",
        }


def _labelled(definition: Definition, version: Version) -> Definition:
    words = version.label.description
    return dataclasses.replace(definition, description=words) if words else definition


def _versions(services: list[Service]) -> list[tuple[Service, Version]]:
    return [(service, one) for service in services for one in service.versions if one.deployment is not None]


def _read(place: Path) -> Definition | None:
    try:
        content: Mapping[str, Any] = json.loads((place / DEFINITION).read_text(encoding="utf-8"))
        return Definition.read(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, HubError):
        # There is none; or somebody has written one into a folder of his own, and shall not spoil the list for others.
        return None


def _may_change(caller: Caller, service: Service) -> bool:
    try:
        require(caller, Action.CHANGE, service.owner)
    except NotAllowed:
        return False
    return True
