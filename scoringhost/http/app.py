"""HttpApp: one request in, one response out, never an exception."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from functools import partial
from typing import Any

from scoringhost.errors import InternalError, NotReady, RunError, ScoringHostError
from scoringhost.http.cors import Cors
from scoringhost.http.dialect import Dialect
from scoringhost.http.guards import Guard, KnowingGuard
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.observing import HttpObserver, ObservedStream, Watcher, watching
from scoringhost.http.request_ids import read_ids
from scoringhost.http.routes import Answer, Match, Routes
from scoringhost.kernel.call import request_id
from scoringhost.script.tracebacks import user_traceback

STOPPING = "The server is stopping, and run() has not ended in time; try again"
"""The message with which a server cancels what it cannot wait for: that request is answered with a 503."""

CLIENT_GONE = 499
"""What is counted in place of the status of an answer that nobody reads; nginx has made this number known."""


class HttpApp:
    """Everything HTTP that depends neither on the server nor on the dialect."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        cors: Cors,
        observers: Sequence[HttpObserver] = (),
        *,
        guards: Sequence[Guard] = (),
        watchers: Sequence[Watcher] = (),
        server_timing: bool = False,
        debug: bool = False,
        kept_of_streams: int = 0,
    ) -> None:
        """Put it together.

        server_timing: say in a header what the stages of a request took, if a watcher has their times kept.
        kept_of_streams: bytes of a streamed answer that its observers find in it.
        """
        self._routes, self._cors = Routes(dialects), cors
        self._observers, self._debug = tuple(observers), debug
        self._watch, self._server_timing = watching(watchers), server_timing
        self._kept_of_streams = kept_of_streams
        self.guards = tuple(guards)
        """Who is asked before a request's body is read; a door that can do so calls `admit`."""
        only = self.guards[0] if len(self.guards) == 1 else None
        self.known = only.known if isinstance(only, KnowingGuard) else None
        """See `KnowingGuard`; None if there is no such guard, or another beside it."""

    def match(self, path: str) -> Match:
        """What a decoded path leads to."""
        return self._routes.match(path)

    def route_error(self, path: str, method: str) -> ScoringHostError | None:
        """Why no endpoint answers such a request; None if one does."""
        try:
            self._routes.match(path).answer(path, method)
        except ScoringHostError as error:
            return error
        return None

    def render(self, error: ScoringHostError, path: str = "/score") -> HttpResponse:
        """An error in the words of the dialect that has the path, for a door that has no request to answer."""
        return self._routes.match(path).dialect.render(error)

    # -- who may come in ----------------------------------------------------------------------------

    def admit(self, head: HttpRequest, match: Match | None = None) -> Awaitable[None] | None:
        """Ask the guards, once, before the body is read; something to await if one of them takes time.

        match: what the path leads to, for a caller that knows it.

        Health probes and CORS preflights pass: a browser sends no key with those
        (https://fetch.spec.whatwg.org/#cors-preflight-fetch).

        Raises:
            CallError: if a guard refuses the request, now or when awaited.
        """
        head.admitted = True
        match = match or self._routes.exact.get(head.path) or self._routes.match(head.path)
        is_open = match.endpoint is not None and match.endpoint.is_open
        if is_open or (self._cors.entries and self._cors.is_preflight(head)):
            return None
        for at, guard in enumerate(self.guards):
            waiting = guard.check(head, match)
            if waiting is not None:
                return self._ask_on(waiting, self.guards[at + 1 :], head, match)
        return None

    async def let_in(self, head: HttpRequest) -> ScoringHostError | None:
        """Ask the guards before the body is read; returns why the request may not come in, or None if it may."""
        if not self.guards:
            return None
        try:
            waiting = self.admit(head)
            if waiting is not None:
                await waiting
        except ScoringHostError as refusal:
            return refusal
        return None

    @staticmethod
    async def _ask_on(waiting: Awaitable[None], others: Sequence[Guard], head: HttpRequest, match: Match) -> None:
        await waiting
        for guard in others:
            more = guard.check(head, match)
            if more is not None:
                await more

    # -- one exchange -------------------------------------------------------------------------------

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. Never raises but for a CancelledError that says nothing; a stream must be closed."""
        answer = self.begin(request)
        return answer if isinstance(answer, HttpResponse) else await answer

    def begin(self, request: HttpRequest) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        """Answer a request that needs not wait for anything, or begin it: the answer is to be awaited then.

        To be called in a context of the request's own (PEP 567), in which the rest is awaited, too.
        """
        request.began_s = time.perf_counter()
        ids = request.ids = read_ids(request.headers)
        request_id.set(ids.request)
        path = request.path
        match = request.match = self._routes.exact.get(path) or self._routes.match(path)
        if self._watch is not None and match.is_logged:
            request.stages = self._watch(request)
        try:
            fault = ids.fault or request.fault
            # A path that nobody serves is a 404 whatever else is wrong, but not to whom a guard has refused.
            if fault is not None and (match.endpoint is not None or request.admitted):
                # Not raised: the request knows it, and its traceback would lead to the request, and keep the body.
                answer: HttpResponse | Awaitable[HttpResponse] = self._failed(fault, request)
            elif self.guards and (request.admission is not None or not request.admitted):
                answer = self._answer_admitted(request, match)
            else:
                answer = (match.methods.get(request.method) or self._answer(request, match))(request)
        except Exception as error:
            answer = self._failed(error, request)
        if isinstance(answer, HttpResponse):
            return self._finished(request, answer)
        return self._later(answer, request)

    def _answer_admitted(self, request: HttpRequest, match: Match) -> HttpResponse | Awaitable[HttpResponse]:
        """Answer once the guards have let the request in; a door may have asked them already."""
        waiting = request.admission if request.admitted else self.admit(request)
        if waiting is not None:
            return self._answer_after(waiting, request, match)
        return self._answer(request, match)(request)

    def _answer(self, request: HttpRequest, match: Match) -> Answer:
        """What answers a request. A browser asks by OPTIONS before it sends JSON, whatever an endpoint answers to.

        The answer has to be a success, or the browser does not send it (https://fetch.spec.whatwg.org/#cors-preflight-fetch).

        Raises:
            UnknownRoute: if nothing is served at the path.
            MethodNotAllowed: if nothing answers the method.
        """
        is_known = match.endpoint is not None and request.method not in match.endpoint.methods
        if is_known and self._cors.entries and self._cors.is_preflight(request):
            return _preflight
        return match.answer(request.path, request.method)

    async def _answer_after(self, waiting: Awaitable[None], request: HttpRequest, match: Match) -> HttpResponse:
        await waiting
        response = self._answer(request, match)(request)
        return response if isinstance(response, HttpResponse) else await response

    async def _later(self, answer: Awaitable[HttpResponse], request: HttpRequest) -> HttpResponse:
        try:
            response = await answer
        except Exception as error:
            response = self._failed(error, request)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (STOPPING,):  # the client has gone, and nobody would read an answer
                if request.stages is not None:
                    request.stages.sent(CLIENT_GONE, 0, False)
                raise
            response = self._failed(NotReady(STOPPING), request)
        return self._finished(request, response)

    def give_up(self, request: HttpRequest, error: ScoringHostError) -> HttpResponse:
        """Answer a request whose handling does not come to an end; all who watch hear of it. From any thread.

        For a door that is about to end its process: whatever is left of the handling must not go on.
        """
        return self._finished(request, self._failed(error, request))

    def _failed(self, error: Exception, request: HttpRequest) -> HttpResponse:
        if isinstance(error, ScoringHostError):
            known, cause = error, error.__cause__
            detail = user_traceback(cause) if self._debug and cause is not None else ""
        else:
            traceback = user_traceback(error)
            for observer in self._observers:
                observer.broke(traceback)
            known, detail = InternalError(), traceback if self._debug else ""
        if request.stages is not None:
            request.stages.failed(known)
        response = request.match.dialect.render(known, detail)
        if not isinstance(known, (RunError, InternalError)):  # those have been logged where they happened
            for observer in self._observers:
                observer.refused(request, known, response.status)
        return response

    def _finished(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Add what every response carries, and tell those who watch."""
        standing = request.match.dialect.standing_headers(request.ids)
        if response.foreign:
            for name, value in standing:
                response.replace(name, value)
        else:
            response.headers += standing
        if self._cors.entries:
            self._cors.apply(request, response)
        if self._server_timing:
            self._say_times(request, response)
        body = response.body
        if not isinstance(body, bytes):
            ended = partial(self._sent, request, response)
            response.body = ObservedStream(body, request.match.dialect, ended, self._kept_of_streams)
        else:  # as `_sent` does, written out: a function less for most requests
            elapsed_ms, size = (time.perf_counter() - request.began_s) * 1000, len(body)
            for observer in self._observers:
                observer.sent(request, response, elapsed_ms, size, True)
            if request.stages is not None:
                request.stages.sent(response.status, size, True)
        return response

    @staticmethod
    def _say_times(request: HttpRequest, response: HttpResponse) -> None:
        said = "" if request.times is None else request.times.server_timing()
        if said:
            response.headers.append(("Server-Timing", said))

    def _sent(self, request: HttpRequest, response: HttpResponse, size: int, whole: bool) -> None:
        elapsed_ms = (time.perf_counter() - request.began_s) * 1000
        for observer in self._observers:
            observer.sent(request, response, elapsed_ms, size, whole)
        if request.stages is not None:  # the last word, so that an observer may still add to a span
            request.stages.sent(response.status, size, whole)


def _preflight(request: HttpRequest) -> HttpResponse:
    """Nothing to say but what CORS adds."""
    return HttpResponse(200, [])
