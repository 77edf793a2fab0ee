"""HttpApp: one request in, one response out, never an exception."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scoringhost.errors import InternalError, ScoringHostError
from scoringhost.kernel.call import request_id
from scoringhost.kernel.tracebacks import user_traceback
from scoringhost.protocols.cors import Cors
from scoringhost.protocols.http_errors import render
from scoringhost.protocols.messages import HttpRequest, HttpResponse
from scoringhost.protocols.request_ids import RequestIds, read_ids
from scoringhost.protocols.routes import Endpoint, Routes

SERVER_VERSION = "x-ms-server-version"


@dataclass(slots=True)
class Exchange:
    """One request and its response, for those who watch. `elapsed_ms` is up to the response's start."""

    request: HttpRequest
    response: HttpResponse
    ids: RequestIds
    elapsed_ms: float
    logged: bool


class HttpObserver(Protocol):
    """Told of every exchange, and of our own defects."""

    def exchanged(self, exchange: Exchange) -> None:
        """A response is about to be sent."""

    def broke(self, traceback: str) -> None:
        """scoringhost itself failed."""


class HttpApp:
    """Everything HTTP that does not depend on the server."""

    def __init__(
        self,
        routes: Routes,
        cors: Cors,
        observers: Sequence[HttpObserver] = (),
        server_version: str = "",
        debug: bool = False,
    ) -> None:
        self._routes, self._cors = routes, cors
        self._observers, self._debug = tuple(observers), debug
        self._always = [(SERVER_VERSION, server_version)] if server_version else []

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. Never raises but for CancelledError; a body that streams must be closed."""
        started_s = time.perf_counter()
        ids = read_ids(request.headers)
        request_id.set(ids.request)  # for good: every transport gives each request a task of its own
        response, endpoint = await self._answer(request, ids)
        self._finish(request, response, ids)
        elapsed_ms = (time.perf_counter() - started_s) * 1000
        if self._observers:
            exchange = Exchange(request, response, ids, elapsed_ms, endpoint is None or endpoint.logged)
            for observer in self._observers:
                observer.exchanged(exchange)
        return response

    async def _answer(self, request: HttpRequest, ids: RequestIds) -> tuple[HttpResponse, Endpoint | None]:
        endpoint = None
        try:
            endpoint = self._routes.find(request.path)
            if ids.fault is not None:
                raise ids.fault
            if request.fault is not None:
                raise request.fault
            return await self._routes.answer(endpoint, request.method)(request), endpoint
        except ScoringHostError as error:
            return render(error, self._detail(error)), endpoint
        except Exception as error:
            traceback = user_traceback(error)
            for observer in self._observers:
                observer.broke(traceback)
            return render(InternalError(), traceback if self._debug else ""), endpoint

    def _detail(self, error: ScoringHostError) -> str:
        cause = error.__cause__
        return user_traceback(cause) if self._debug and cause is not None else ""

    def _finish(self, request: HttpRequest, response: HttpResponse, ids: RequestIds) -> None:
        if response.foreign:
            for name, value in self._always + ids.pairs:
                response.replace(name, value)
        else:
            response.headers += self._always
            response.headers += ids.pairs
        if self._cors.entries:
            self._cors.apply(request, response)
