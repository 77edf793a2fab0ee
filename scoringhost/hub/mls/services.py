"""What the dialect answers about services: publishing, changing, listing, deleting, and their pools."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from functools import partial
from pathlib import Path
from typing import Any

from scoringhost.errors import StartupError
from scoringhost.fleet.specs import MOST_REPLICAS, Pool
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.hub.access import Action, Caller, require
from scoringhost.hub.errors import ServiceNotFound, ValueRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.mls.definition import PYTHON, REALTIME, Definition, Parameter, require_name
from scoringhost.hub.mls.folders import make_folder
from scoringhost.hub.mls.forms import form_of
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.mls.published import Published
from scoringhost.hub.mls.sessions import Session, Sessions
from scoringhost.hub.mls.words import answered, object_of
from scoringhost.hub.orders import Order
from scoringhost.hub.service_values import Label, Mode, Service, Version
from scoringhost.runtimes.mls.realtime import INPUT, OUTPUT, graph_in

FRAME = "data.frame"
TABLES = Definition(REALTIME, inputs=(Parameter(INPUT, FRAME),), outputs=(Parameter(OUTPUT, FRAME),))
"""What every realtime service takes and returns."""


class MlsServices:
    """The operations on services."""

    def __init__(self, hub: Hub, published: Published, sessions: Sessions, folder: Path, url: str) -> None:
        """`folder`: where folders are put together. url: of the hub's services, as pools are said to be at."""
        self._hub, self._published, self._sessions = hub, published, sessions
        self._folder, self._url = folder, url
        shutil.rmtree(folder, ignore_errors=True)

    # -- looking ------------------------------------------------------------------------------------

    async def list_services(self, request: HttpRequest) -> HttpResponse:
        """All of them, the oldest first."""
        return await self._listed(request, await self._published.all())

    async def list_versions(self, request: HttpRequest) -> HttpResponse:
        """The versions of one, the oldest first: clients take the last one for the newest."""
        return await self._listed(request, await self._published.of(request.parameters["name"]))

    async def get_version(self, request: HttpRequest) -> HttpResponse:
        """One version, in a list."""
        return await self._listed(request, [await self._found(request)])

    async def _listed(self, request: HttpRequest, pairs: list[tuple[Service, Version]]) -> HttpResponse:
        caller = caller_of(request)
        require(caller, Action.READ)
        return answered([await self._published.shown(service, one, caller) for service, one in pairs])

    async def _found(self, request: HttpRequest) -> tuple[Service, Version]:
        name, version = request.parameters["name"], request.parameters["version"]
        service, found = await self._published.get(name, version)
        if found.deployment is None:  # it is being published, and may yet fail
            raise ServiceNotFound(name, version)
        return service, found

    # -- publishing ---------------------------------------------------------------------------------

    async def publish(self, request: HttpRequest) -> HttpResponse:
        """Publish code with a snapshot."""
        caller = caller_of(request)
        require(caller, Action.DEPLOY)
        body = object_of(request)
        definition = Definition(PYTHON).merged(body)
        if definition.code is None and definition.init_code is None:
            raise ValueRefused("code", "the code that runs", None)
        version = await self._publish(request, caller, definition, self._snapshot(caller, definition.snapshot))
        return answered(version, 201)

    async def publish_realtime(self, request: HttpRequest) -> HttpResponse:
        """Publish a model without code."""
        caller = caller_of(request)
        require(caller, Action.DEPLOY)
        fields, model = await asyncio.to_thread(form_of, request)
        if model is None:
            raise ValueRefused("model", "a file with the serialized model", None)
        version = await self._publish(request, caller, TABLES.merged(fields), None, _graph(model))
        return answered(version, 201)

    async def _publish(
        self,
        request: HttpRequest,
        caller: Caller,
        definition: Definition,
        snapshot: Session | None,
        model: bytes | None = None,
    ) -> str:
        name = require_name(request.parameters["name"], "service")
        version = require_name(request.parameters.get("version") or str(uuid.uuid4()), "version")
        objects = dict(snapshot.objects()) if snapshot is not None else {}
        place = self._folder / str(uuid.uuid4()) / "app"
        make = partial(make_folder, place, name, version, definition, objects=objects, model=model)
        await self._deploy(caller, name, version, place, make, definition, Mode.VERSION)
        return version

    async def change(self, request: HttpRequest) -> HttpResponse:
        """Change what a request names of a version; all else stays, objects of other names, too."""
        caller = caller_of(request)
        body = object_of(request)
        service, version = await self._own(request)
        before = await self._published.definition(version)
        if before is None or before.runtime != PYTHON:
            raise ValueRefused("name", "a service that was published with code", f"{service.name}:{version.version}")
        definition = before.merged(body)
        snapshot = self._snapshot(caller, definition.snapshot) if body.get("snapshotId") is not None else None
        objects = dict(snapshot.objects()) if snapshot is not None else {}
        return await self._change(caller, version, before, definition, objects)

    async def change_realtime(self, request: HttpRequest) -> HttpResponse:
        """Change the model, or what is said of it; of the newest version, if none is named."""
        caller = caller_of(request)
        fields, model = await asyncio.to_thread(form_of, request)
        service, version = await self._own(request)
        before = await self._published.definition(version)
        if before is None or before.runtime != REALTIME:
            raise ValueRefused("name", "a realtime service", f"{service.name}:{version.version}")
        graph = None if model is None else _graph(model)
        return await self._change(caller, version, before, before.merged(fields), {}, graph)

    async def _change(
        self,
        caller: Caller,
        version: Version,
        before: Definition,
        definition: Definition,
        objects: dict[str, Path],
        model: bytes | None = None,
    ) -> HttpResponse:
        name, number = version.service, version.version
        is_said_only = not objects and model is None and _but_words(definition) == _but_words(before)
        if is_said_only:  # nothing that runs is another one: nothing is started anew
            label = Label(definition.description, version.label.tags)
            await self._hub.desk.do(lambda books: books.services.label(name, number, label, caller.name))
            return answered(number)
        old = await self._published.place(version)
        place = self._folder / str(uuid.uuid4()) / "app"
        make = partial(make_folder, place, name, number, definition, before=old, objects=objects, model=model)
        await self._deploy(caller, name, number, place, make, definition, Mode.UPDATE, version.label)
        return answered(number)

    async def _deploy(
        self,
        caller: Caller,
        name: str,
        version: str,
        place: Path,
        make: Any,
        definition: Definition,
        mode: Mode,
        label: Label | None = None,
    ) -> None:
        """Deploy a folder that `make` makes, and wait until it is ready.

        Raises:
            DeploymentFailed: if it could not be started; what was there before serves on.
            HubError: if it cannot be tried.
        """
        tags = {} if label is None else dict(label.tags)
        try:
            await asyncio.to_thread(make)
            order = Order(
                name,
                caller.name,
                version,
                place,
                mode=mode,
                label=Label(definition.description, tags),
                require=lambda service: require(caller, Action.DEPLOY, service.owner),
            )
            _, task = await self._hub.deploy(order)
        except StartupError as problem:
            raise ValueRefused("body", str(problem), name) from None
        finally:
            await asyncio.to_thread(shutil.rmtree, place.parent, True)
        await asyncio.wait((task,))  # it goes on, whether anybody waits for it or not
        task.result()

    def _snapshot(self, caller: Caller, number: str) -> Session | None:
        return self._sessions.get(caller.name, number, "snapshot") if number else None

    async def delete(self, request: HttpRequest) -> HttpResponse:
        """Delete a version; answers when nothing of it runs."""
        service, version = await self._own(request)
        task = await self._hub.delete(service.name, version.version, caller_of(request).name)
        await asyncio.wait((task,))
        task.result()
        return answered(None)

    async def _own(self, request: HttpRequest) -> tuple[Service, Version]:
        """The version that is meant, or the newest one, which the caller may change."""
        name = request.parameters["name"]
        if "version" in request.parameters:
            service, version = await self._found(request)
        else:
            pairs = await self._published.of(name)
            if not pairs:
                raise ServiceNotFound(name)
            service, version = pairs[-1]
        require(caller_of(request), Action.CHANGE, service.owner)
        return service, version

    # -- pools --------------------------------------------------------------------------------------

    async def set_pool(self, request: HttpRequest) -> HttpResponse:
        """Keep so many processes ready, and start up to so many."""
        body = {key.lower(): value for key, value in object_of(request).items()}
        initial, most = (_count(body, key) for key in ("InitialPoolSize", "MaxPoolSize"))
        if not 0 <= initial <= most <= MOST_REPLICAS:
            raise ValueRefused("MaxPoolSize", f"0 <= InitialPoolSize <= MaxPoolSize <= {MOST_REPLICAS}", most)
        await self._scale(request, {"minimum": initial, "maximum": max(1, most)})
        return answered(None)

    async def delete_pool(self, request: HttpRequest) -> HttpResponse:
        """Go back to what services have without one."""
        default = Pool()
        await self._scale(request, {"minimum": default.minimum, "maximum": default.maximum})
        return answered(None)

    async def _scale(self, request: HttpRequest, pool: dict[str, float]) -> None:
        service, version = await self._own(request)
        await self._hub.scale(service.name, version.version, pool, caller_of(request).name)

    async def get_pool(self, request: HttpRequest) -> HttpResponse:
        """Whether it is there, and ready."""
        require(caller_of(request), Action.READ)
        _, version = await self._found(request)
        life = self._hub.supervisor.lives.get((version.service, version.version))
        given = version.deployment.recipe.pool if version.deployment is not None else {}
        default = Pool()
        if life is None or (given.get("minimum", default.minimum), given.get("maximum", default.maximum)) == (
            default.minimum,
            default.maximum,
        ):
            status = "NotFound"
        else:
            table = self._hub.supervisor.current_table().services.get(version.service)
            route = None if table is None else table.versions.get(version.version)
            ready = 0 if route is None else len(route.workers)
            status = "Success" if ready >= life.spec.pool.minimum else "Pending"
        return answered([{"computeNodeEndpoint": f"{self._url}/", "status": status}])


def _but_words(definition: Definition) -> tuple[object, ...]:
    return (definition.code, definition.init_code, definition.operation_id, definition.inputs, definition.outputs,
            definition.files)  # fmt: skip


def _graph(model: bytes) -> bytes:
    try:
        return graph_in(model)
    except ValueError as problem:
        raise ValueRefused("model", f"a model that can be read ({problem})", f"{len(model)} bytes") from None


def _count(body: dict[str, Any], key: str) -> int:
    value = body.get(key.lower())
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueRefused(key, "a whole number of 0 or more", value)
    return value
