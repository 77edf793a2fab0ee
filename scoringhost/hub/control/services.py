"""What the control API answers about services."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, TypeVar

from scoringhost.hub.access import Action
from scoringhost.hub.books import Books
from scoringhost.hub.control.calls import Call
from scoringhost.hub.control.log_lines import together
from scoringhost.hub.control.models import Answer, Sources
from scoringhost.hub.control.views import Views, event
from scoringhost.hub.errors import ServiceNotFound, ValueRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.models import parse_id
from scoringhost.hub.orders import Order
from scoringhost.hub.service_values import Deployment, Division, Label, Mode, Service, Version

T = TypeVar("T")

RECIPE = ("script", "settings", "environ", "environment", "pool", "origin")
LABEL = ("description", "tags", "properties")
_NO_LABEL = Label()
MOST_REPLICAS = 1000
LINES = 50


class ServiceAnswers:
    """The operations on services."""

    def __init__(self, hub: Hub, sources: Sources, views: Views) -> None:
        self._hub, self._sources, self._views = hub, sources, views

    # -- looking ------------------------------------------------------------------------------------

    async def list_services(self, call: Call) -> Answer:
        """All services."""
        call.require(Action.READ)
        services = await self._hub.desk.do(lambda books: books.services.all())
        return {"services": [self._views.service(one, call.caller) for one in services]}

    async def get_service(self, call: Call) -> Answer:
        """One service."""
        call.require(Action.READ)
        return self._views.service(await self._service(call), call.caller)

    async def get_version(self, call: Call) -> Answer:
        """One version; waits, if that is wanted, until it is ready or failed."""
        call.require(Action.READ)
        until_s = asyncio.get_running_loop().time() + call.wait_s
        while True:
            found = await self._shown(call, call.path["version"])
            if found["state"] not in ("loading", "draining") or asyncio.get_running_loop().time() >= until_s:
                return found
            await asyncio.sleep(0.05)

    async def logs(self, call: Call) -> Answer:
        """The last lines of the log of a version, or of the logs of all."""
        service = await self._service(call)
        call.require(Action.LOGS, service.owner)
        wanted = call.query.get("version")
        if wanted is not None:
            _version(service, wanted)
        logs: list[list[str]] = []
        for one in service.versions:
            if wanted in (None, one.version):
                log = self._hub.supervisor.log_of(f"{one.service}:{one.version}")
                logs.append(await asyncio.to_thread(log.last, call.query.get("lines", LINES)))
        return {"lines": together(logs)}

    async def events_of(self, call: Call) -> Answer:
        """What has happened to a service, which may be gone."""
        return await self._events(call, call.name)

    async def events(self, call: Call) -> Answer:
        """What has happened."""
        return await self._events(call, None)

    async def _events(self, call: Call, name: str | None) -> Answer:
        call.require(Action.READ)
        after, most = call.query.get("after", 0), min(call.query.get("most", 100), 10_000)
        found = await self._hub.desk.do(lambda books: books.services.events(name, after=after, most=most))
        return {"events": [event(one) for one in found]}

    # -- deploying ----------------------------------------------------------------------------------

    async def create_service(self, call: Call) -> Answer:
        """A service without versions."""
        call.require(Action.DEPLOY)
        endpoint = call.body.get("endpoint", "endpoint")
        service = await self._hub.desk.do(lambda books: books.services.create(call.name, call.caller.name, endpoint))
        return self._views.service(service, call.caller)

    async def deploy(self, call: Call) -> Answer:
        """Deploy a version."""
        mode, version = Mode(call.body.get("mode", "any")), call.body.get("version")
        if mode is Mode.UPDATE:
            service = await self._service(call)
            return await self._deploy(call, version, mode, _version(service, version or service.division.default).label)
        return await self._deploy(call, version, mode)

    async def update_version(self, call: Call) -> Answer:
        """Change a version: at once where nothing has to start anew for it."""
        service = await self._service(call)
        call.require(Action.CHANGE, service.owner)
        version = _version(service, call.path["version"])
        if set(call.body) - {*LABEL, "pool"}:
            return await self._deploy(call, version.version, Mode.UPDATE, version.label)
        if call.body.keys() & set(LABEL):
            label = dataclasses.replace(version.label, **{key: call.body[key] for key in LABEL if key in call.body})
            await self._hub.desk.do(
                lambda books: books.services.label(call.name, version.version, label, call.caller.name)
            )
        if "pool" in call.body:
            await self._hub.scale(call.name, version.version, _pool(call.body["pool"]), call.caller.name)
        return await self._shown(call, version.version)

    async def _deploy(self, call: Call, version: str | None, mode: Mode, label: Label = _NO_LABEL) -> Answer:
        call.require(Action.DEPLOY)
        body = call.body
        given: dict[str, Any] = {key: body[key] for key in RECIPE if key in body}
        if "pool" in given:
            _pool(given["pool"])
        if "models" in body:
            given["models"] = await self._hub.desk.do(lambda books: _models(books, body["models"]))
        source = await self._sources.of(call)
        if source is None and "models" not in body and mode is not Mode.UPDATE:
            raise ValueRefused("path", "a path, an upload or models", None)
        label = dataclasses.replace(label, **{key: body[key] for key in LABEL if key in body})
        order = Order(
            call.name,
            call.caller.name,
            version,
            source,
            given,
            mode,
            label if body.keys() & set(LABEL) else None,
            body.get("share"),
            call.query.get("keep_failed", False),
            keys=body.get("keys"),
            require=lambda service: call.require(Action.DEPLOY, service.owner),
            may_have_environment=call.may(Action.ENVIRONMENTS),
        )
        deployment, task = await self._hub.deploy(order)
        await self._sources.done(call)
        await _waited(task, call.wait_s)
        return await self._deployed(call, deployment)

    async def _deployed(self, call: Call, deployment: Deployment) -> Answer:
        shown = await self._shown(call, deployment.version)
        service = await self._service(call)
        return {**shown, "service_url": self._views.service(service, call.caller)["scoring_url"]}

    # -- changing -----------------------------------------------------------------------------------

    async def delete_service(self, call: Call) -> Answer:
        """Undeploy all of it."""
        return await self._delete(call, None)

    async def delete_version(self, call: Call) -> Answer:
        """Undeploy one version."""
        return await self._delete(call, call.path["version"])

    async def _delete(self, call: Call, version: str | None) -> Answer:
        await self._own(call)
        await _waited(await self._hub.delete(call.name, version, call.caller.name), call.wait_s)
        return {"name": call.name, "version": version}

    async def roll_back(self, call: Call) -> Answer:
        """Go back."""
        await self._own(call)
        version, task = await self._hub.roll_back(call.name, call.caller.name)
        await _waited(task, call.wait_s)
        return await self._shown(call, version)

    async def start(self, call: Call) -> Answer:
        """Have it run."""
        await self._own(call)
        task = await self._hub.start_version(call.name, call.query.get("version"), call.caller.name)
        return await self._after(call, task)

    async def stop_service(self, call: Call) -> Answer:
        """Have it not run."""
        await self._own(call)
        task = await self._hub.stop_version(call.name, call.query.get("version"), call.caller.name)
        return await self._after(call, task)

    async def reload(self, call: Call) -> Answer:
        """Start it anew."""
        await self._own(call)
        task = await self._hub.reload(call.name, call.query.get("version"), call.caller.name)
        return await self._after(call, task)

    async def _after(self, call: Call, task: asyncio.Task[None]) -> Answer:
        await _waited(task, call.wait_s)
        return self._views.service(await self._service(call), call.caller)

    async def scale(self, call: Call) -> Answer:
        """Change how many workers it has."""
        await self._own(call)
        pool = _pool(call.body)
        service = await self._hub.scale(call.name, call.query.get("version"), pool, call.caller.name)
        return self._views.service(service, call.caller)

    async def divide(self, call: Call) -> Answer:
        """Divide the requests; an empty text for the default or the header takes what was said of it back."""
        now = (await self._own(call)).division
        body = call.body
        division = Division(
            body.get("default", now.default) or None,
            body.get("shares", {} if body.get("default") else now.shares),
            body.get("sticky_header", now.sticky_header) or None,
            body.get("shadow", now.shadow),
            body.get("control", now.control) or None,
        )
        service = await self._hub.divide(call.name, division, call.caller.name)
        return self._views.service(service, call.caller)

    async def get_keys(self, call: Call) -> Answer:
        """The keys that are kept for it."""
        return {"keys": dict((await self._own(call)).keys)}

    async def set_keys(self, call: Call) -> Answer:
        """Keep keys for it."""
        await self._own(call)
        keys = call.body["keys"]
        service = await self._hub.set_keys(call.name, keys, call.caller.name)
        return {"keys": dict(service.keys)}

    # -- finding ------------------------------------------------------------------------------------

    async def _service(self, call: Call) -> Service:
        return await self._hub.desk.do(lambda books: books.services.get(call.name))

    async def _own(self, call: Call) -> Service:
        service = await self._service(call)
        call.require(Action.CHANGE, service.owner)
        return service

    async def _shown(self, call: Call, version: str) -> Answer:
        service = await self._service(call)
        return self._views.version(service, _version(service, version), call.caller)


def _version(service: Service, version: str | None) -> Version:
    found = service.version(version or "")
    if found is None:
        raise ServiceNotFound(service.name, version, known=[one.version for one in service.versions])
    return found


def _models(books: Books, texts: list[str]) -> tuple[tuple[str, int], ...]:
    found = []
    for text in texts:
        name, version = parse_id(text)
        found.append((name, books.registry.get(name, version).version))
    return tuple(found)


def _pool(pool: Any) -> dict[str, float]:
    """What is given of a pool, if it can be.

    Raises:
        ValueRefused: if it cannot.
    """
    minimum, maximum = pool.get("minimum", 0), pool.get("maximum")
    if minimum > MOST_REPLICAS or (maximum is not None and not max(1, minimum) <= maximum <= MOST_REPLICAS):
        raise ValueRefused("pool.maximum", f"0 <= minimum <= maximum <= {MOST_REPLICAS}, the maximum 1 or more", pool)
    for key in ("calls_each", "idle_s"):
        if pool.get(key) == 0:
            raise ValueRefused(f"pool.{key}", "a number above 0", 0)
    return dict(pool)


async def _waited(task: asyncio.Task[T], seconds: float) -> None:
    """Wait for a task at most so long; raises what it has raised by then. It goes on if nobody waits any more."""
    done, _ = await asyncio.wait((task,), timeout=seconds)
    if done:
        task.result()
