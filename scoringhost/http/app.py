"""HttpApp: one request in, one response out, never an exception."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Protocol

from scoringhost.errors import InternalError, NotReady, ScoringHostError
from scoringhost.http.cors import Cors
from scoringhost.http.errors import render
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.request_ids import RequestIds, read_ids
from scoringhost.http.routes import Routes
from scoringhost.kernel.call import request_id
from scoringhost.script.tracebacks import user_traceback

SERVER_VERSION = "x-ms-server-version"

STOPPING = "The server is stopping, and run() has not ended in time; try again"
"""The message with which a server cancels what it cannot wait for: that request is answered with a 503."""


class HttpObserver(Protocol):
    """Told of every exchange, and of our own defects."""

    def exchanged(
        self, request: HttpRequest, response: HttpResponse, ids: RequestIds, elapsed_ms: float, logged: bool
    ) -> None:
        """A response is about to be sent; `logged`: the request is worth an access line."""

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

    def route_error(self, path: str, method: str) -> ScoringHostError | None:
        """Why no endpoint answers such a request; None if one does."""
        try:
            self._routes.answer(self._routes.find(path), method)
        except ScoringHostError as error:
            return error
        return None

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. Never raises but for a CancelledError that says nothing; a stream must be closed."""
        answer = self.begin(request)
        return answer if isinstance(answer, HttpResponse) else await answer

    def begin(self, request: HttpRequest) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        """Answer a request that needs not wait for anything, or begin it: the answer is to be awaited then.

        To be called in a context of the request's own (PEP 567), in which the rest is awaited, too.
        """
        started_s = time.perf_counter()
        ids = read_ids(request.headers)
        request_id.set(ids.request)
        endpoint = None
        try:
            endpoint = self._routes.find(request.path)
            fault = ids.fault or request.fault
            if fault is not None:
                raise fault
            answer = self._routes.answer(endpoint, request.method)(request)
        except Exception as error:
            answer = self._failed(error)
        logged = endpoint is None or endpoint.logged
        if isinstance(answer, HttpResponse):
            return self._finished(request, answer, ids, started_s, logged)
        return self._later(answer, request, ids, started_s, logged)

    async def _later(
        self, answer: Awaitable[HttpResponse], request: HttpRequest, ids: RequestIds, started_s: float, logged: bool
    ) -> HttpResponse:
        try:
            response = await answer
        except Exception as error:
            response = self._failed(error)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (STOPPING,):
                raise  # the client has gone, and nobody would read an answer
            response = self._failed(NotReady(STOPPING))
        return self._finished(request, response, ids, started_s, logged)

    def _failed(self, error: Exception) -> HttpResponse:
        if isinstance(error, ScoringHostError):
            return render(error, self._detail(error))
        traceback = user_traceback(error)
        for observer in self._observers:
            observer.broke(traceback)
        return render(InternalError(), traceback if self._debug else "")

    def _detail(self, error: ScoringHostError) -> str:
        cause = error.__cause__
        return user_traceback(cause) if self._debug and cause is not None else ""

    def _finished(
        self, request: HttpRequest, response: HttpResponse, ids: RequestIds, started_s: float, logged: bool
    ) -> HttpResponse:
        """Add what every response carries, and tell those who watch."""
        if response.foreign:
            for name, value in self._always + ids.pairs:
                response.replace(name, value)
        else:
            response.headers += self._always
            response.headers += ids.pairs
        if self._cors.entries:
            self._cors.apply(request, response)
        if self._observers:
            elapsed_ms = (time.perf_counter() - started_s) * 1000
            for observer in self._observers:
                observer.exchanged(request, response, ids, elapsed_ms, logged)
        return response
