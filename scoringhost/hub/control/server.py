"""The control API as an application, for a port of its own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from scoringhost._version import __version__
from scoringhost.dialects import probes
from scoringhost.doors.bodies_in_flight import BodiesInFlight
from scoringhost.doors.server.connection_limits import MIB, Intake
from scoringhost.errors import SettingsError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.hub.access import Action
from scoringhost.hub.control.calls import Call, call_of
from scoringhost.hub.control.control_log import ControlLog
from scoringhost.hub.control.guard import ControlGuard
from scoringhost.hub.control.models import ModelAnswers, Sources
from scoringhost.hub.control.openapi import document
from scoringhost.hub.control.operations import OPERATIONS, Operation
from scoringhost.hub.control.page import for_browsers, page_endpoints
from scoringhost.hub.control.services import ServiceAnswers
from scoringhost.hub.control.sessions import SessionAnswers
from scoringhost.hub.control.trying import TryAnswers
from scoringhost.hub.control.uploads import Uploads
from scoringhost.hub.control.views import Views
from scoringhost.hub.control.words import ControlWords, answered, refusal
from scoringhost.hub.errors import HubError
from scoringhost.hub.hub import Hub
from scoringhost.hub.in_process_front import FOR_TRYING, InProcessFront
from scoringhost.hub.own_server import LOOPBACK
from scoringhost.hub.room import of_system
from scoringhost.settings import Settings

LARGEST_BODY = 32 * MIB
"""Bytes of one request; what is larger is uploaded in parts."""
MOST_BODIES = 256 * MIB

Perform = Callable[[Call], Awaitable[dict[str, Any] | HttpResponse]]


def require_safe(settings: Settings, guard: ControlGuard) -> None:
    """Nothing, if the control API may listen where the settings say.

    Raises:
        SettingsError: if others of the network could reach it and nobody would ask them who they are.
    """
    if settings.control_host not in LOOPBACK and not guard.asks:
        why = "others reach it there, and deploying is running code: give keys (--keys-file) or tokens, and --hub-roles"
        raise SettingsError("control_host", settings.control_host, why)


def control_app(
    hub: Hub, guard: ControlGuard, url: str, stop: Callable[[], None], front: InProcessFront | None = None
) -> HttpApp:
    """The application of the control API. url: of the front. stop: ends the hub. front: that services are tried by."""
    home = hub.desk.path
    sources = Sources(Uploads(home / "uploads"))
    services = ServiceAnswers(hub, sources, Views(hub.supervisor, url))
    trying = TryAnswers(hub, front or InProcessFront(hub.supervisor, FOR_TRYING))
    answers = (ModelAnswers(hub.desk, sources), services, trying, SessionAnswers(guard.sessions))

    async def about(call: Call) -> dict[str, Any]:
        call.require(Action.READ)
        said = {"version": __version__, "url": url, "caller": call.caller.name, "role": call.caller.role}
        return {**said, "pid": os.getpid(), "home": str(home)}

    async def stop_hub(call: Call) -> dict[str, Any]:
        call.require(Action.STOP)
        stop()
        return {}

    table: dict[str, dict[str, Callable[[HttpRequest], Awaitable[HttpResponse]]]] = {}
    own: dict[str, Perform] = {"about": about, "stop": stop_hub}
    for operation in OPERATIONS:
        perform = own.get(operation.name)
        for one in answers:
            perform = perform or getattr(one, operation.name, None)
        if perform is None:
            raise LookupError(f"nothing answers {operation.name}")
        table.setdefault(operation.path, {})[operation.method] = _answer(operation, perform, guard, str(home))
    endpoints = {path: Endpoint(methods) for path, methods in table.items()}
    endpoints["/"] = Endpoint({"GET": for_browsers(guarded(table["/"]["GET"], guard))}, is_open=True)
    endpoints.update(page_endpoints())
    said = answered(document())
    endpoints["/openapi.json"] = Endpoint(
        {"GET": lambda _: HttpResponse(200, list(said.headers), said.body)}, is_open=True
    )
    endpoints.update(probes.endpoints(lambda _: None, lambda _: None))
    app = HttpApp([ControlWords(endpoints)], Cors(""), [ControlLog()], guards=[guard])
    trying.match = app.match("/services")
    return app


def guarded(
    answer: Callable[[HttpRequest], Awaitable[HttpResponse]], guard: ControlGuard
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """An answer for those alone who may come in, at a path where others get another one."""

    async def ask_first(request: HttpRequest) -> HttpResponse:
        waiting = guard.check(request, request.match)
        if waiting is not None:
            await waiting
        return await answer(request)

    return ask_first


def _answer(
    operation: Operation, perform: Perform, guard: ControlGuard, home: str
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    async def answer(request: HttpRequest) -> HttpResponse:
        try:
            caller = guard.caller_of(request)
            call = call_of(operation, caller, request.parameters, request.arguments, request.body)
            answer = await perform(call)
            return answer if isinstance(answer, HttpResponse) else answered(answer, operation.status)
        except HubError as error:
            return refusal(error)
        except OSError as problem:
            return refusal(of_system(home, problem))

    return answer


def intake_of_control(app: HttpApp) -> Intake:
    """What its port takes in."""
    return Intake(app, LARGEST_BODY, in_flight=BodiesInFlight(MOST_BODIES))
