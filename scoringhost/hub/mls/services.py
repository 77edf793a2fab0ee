"""What the dialect answers about services: publishing, changing, listing and deleting."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from scoringhost.errors import StartupError
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.hub.access import Action, Caller, may, require
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.mls.definition import PYTHON, REALTIME, Definition, Parameter, require_name
from scoringhost.hub.mls.folders import make_folder
from scoringhost.hub.mls.forms import form_of
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.mls.published import Published
from scoringhost.hub.mls.sessions import Session, Sessions
from scoringhost.hub.mls.words import answered, object_of
from scoringhost.hub.mls.zipped import is_zip, write_folder
from scoringhost.hub.orders import Order
from scoringhost.hub.service_values import Label, Mode, Service, Version
from scoringhost.runtimes.mls.realtime import INPUT, OUTPUT, graph_in

FRAME = "data.frame"
TABLES = Definition(REALTIME, inputs=(Parameter(INPUT, FRAME),), outputs=(Parameter(OUTPUT, FRAME),))
"""What every realtime service takes and returns."""


class MlsServices:
    """The operations on services."""

    def __init__(self, hub: Hub, published: Published, sessions: Sessions, folder: Path) -> None:
        """`folder`: where folders are put together."""
        self._hub, self._published, self._sessions, self._folder = hub, published, sessions, folder
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
        return await self._listed(request, [await self._published.found(request)])

    async def _listed(self, request: HttpRequest, pairs: list[tuple[Service, Version]]) -> HttpResponse:
        caller = caller_of(request)
        require(caller, Action.READ)
        return answered([await self._published.shown(service, one, caller) for service, one in pairs])

    # -- publishing ---------------------------------------------------------------------------------

    async def publish(self, request: HttpRequest) -> HttpResponse:
        """Publish code with a snapshot; or, as a zip, a folder with a score.py."""
        caller = caller_of(request)
        require(caller, Action.DEPLOY)
        if is_zip(request):
            return answered(await self._publish_folder(request, caller), 201)
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
        name, version = _new_names(request)
        place = self._folder / str(uuid.uuid4()) / "app"
        make = partial(make_folder, place, name, version, definition, **_objects(snapshot), model=model)
        await self._deploy(caller, name, version, place, make, Label(definition.description), Mode.VERSION)
        return version

    async def _publish_folder(self, request: HttpRequest, caller: Caller) -> str:
        name, version = _new_names(request)
        place = self._folder / str(uuid.uuid4()) / "app"
        label = Label(request.argument("description") or "")
        make = partial(write_folder, request.body, place)
        await self._deploy(caller, name, version, place, make, label, Mode.VERSION)
        return version

    async def change(self, request: HttpRequest) -> HttpResponse:
        """Change what a request names of a version; all else stays, objects of other names, too."""
        caller = caller_of(request)
        service, version = await self._published.own(request)
        if is_zip(request):
            return await self._change_folder(request, caller, version)
        body = object_of(request)
        before = await self._published.definition(version)
        if before is None and set(body) <= {"description", "runtimeType"}:
            return await self._describe(caller, version, (await self._published.described(version)).merged(body))
        if before is None or before.runtime != PYTHON:
            raise ValueRefused("name", "a service that was published with code", f"{service.name}:{version.version}")
        definition = before.merged(body)
        snapshot = self._snapshot(caller, definition.snapshot) if body.get("snapshotId") is not None else None
        return await self._change(caller, version, before, definition, snapshot)

    async def _change_folder(self, request: HttpRequest, caller: Caller, version: Version) -> HttpResponse:
        place = self._folder / str(uuid.uuid4()) / "app"
        description = request.argument("description")
        label = version.label
        if description is not None:
            label = dataclasses.replace(label, description=description)
        make = partial(write_folder, request.body, place)
        await self._deploy(caller, version.service, version.version, place, make, label, Mode.UPDATE)
        return answered(version.version)

    async def change_realtime(self, request: HttpRequest) -> HttpResponse:
        """Change the model, or what is said of it; of the newest version, if none is named."""
        caller = caller_of(request)
        fields, model = await asyncio.to_thread(form_of, request)
        service, version = await self._published.own(request)
        before = await self._published.definition(version)
        if before is None or before.runtime != REALTIME:
            raise ValueRefused("name", "a realtime service", f"{service.name}:{version.version}")
        graph = None if model is None else _graph(model)
        return await self._change(caller, version, before, before.merged(fields), None, graph)

    async def _change(
        self,
        caller: Caller,
        version: Version,
        before: Definition,
        definition: Definition,
        snapshot: Session | None,
        model: bytes | None = None,
    ) -> HttpResponse:
        name, number = version.service, version.version
        has_objects = snapshot is not None and bool(snapshot.sizes)
        is_said_only = not has_objects and model is None and _but_words(definition) == _but_words(before)
        if is_said_only:  # nothing that runs is another one: nothing is started anew
            return await self._describe(caller, version, definition)
        old = await self._published.place(version)
        place = self._folder / str(uuid.uuid4()) / "app"
        make = partial(make_folder, place, name, number, definition, before=old, **_objects(snapshot), model=model)
        label = dataclasses.replace(version.label, description=definition.description)
        await self._deploy(caller, name, number, place, make, label, Mode.UPDATE)
        return answered(number)

    async def _describe(self, caller: Caller, version: Version, definition: Definition) -> HttpResponse:
        label = dataclasses.replace(version.label, description=definition.description)
        await self._hub.desk.do(
            lambda books: books.services.label(version.service, version.version, label, caller.name)
        )
        return answered(version.version)

    async def _deploy(
        self,
        caller: Caller,
        name: str,
        version: str,
        place: Path,
        make: Callable[[], None],
        label: Label,
        mode: Mode,
    ) -> None:
        """Deploy a folder that `make` makes, and wait until it is ready.

        Raises:
            DeploymentFailed: if it could not be started; what was there before serves on.
            HubError: if it cannot be tried.
        """
        try:
            await asyncio.to_thread(make)
            order = Order(
                name,
                caller.name,
                version,
                place,
                mode=mode,
                label=label,
                require=lambda service: require(caller, Action.DEPLOY, service.owner),
                may_have_environment=may(caller, Action.ENVIRONMENTS),  # a folder from a zip may ask for one
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
        service, version = await self._published.own(request)
        task = await self._hub.delete(service.name, version.version, caller_of(request).name)
        await asyncio.wait((task,))
        task.result()
        return answered(None)


def _new_names(request: HttpRequest) -> tuple[str, str]:
    """The name and the version of what is published; one is made up where none is named."""
    name = require_name(request.parameters["name"], "service")
    return name, require_name(request.parameters.get("version") or str(uuid.uuid4()), "version")


def _objects(snapshot: Session | None) -> dict[str, Any]:
    """What a folder is told of objects."""
    return {} if snapshot is None else {"objects": dict(snapshot.objects()), "python": snapshot.python}


def _but_words(definition: Definition) -> tuple[object, ...]:
    return (definition.code, definition.init_code, definition.operation_id, definition.inputs, definition.outputs,
            definition.files)  # fmt: skip


def _graph(model: bytes) -> bytes:
    try:
        return graph_in(model)
    except ValueError as problem:
        raise ValueRefused("model", f"a model that can be read ({problem})", f"{len(model)} bytes") from None
