"""BundledCalls: a connection on which the front of a fleet hands on calls in bundles; see `doors/bundles.py`.

Calls are answered as requests of HTTP/1.1 are, by the same application. What has come is looked through before the
first of it is answered: a call that is cancelled at once is never begun, and one that waits hears it if this process
has to be given up.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, cast

from uvicorn.server import ServerState

from scoringhost.access.forwarded import GRPC_HEADER
from scoringhost.doors import bundles
from scoringhost.errors import ScoringHostError
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse, close_body
from scoringhost.http.request_ids import BROUGHT

TOGETHER_S = 0.001
"""Seconds for which answers are gathered that go out together, while others are scored."""

JOINED = 65_536
"""Bytes up to which what is sent is put together first."""

_KNOWN = BROUGHT | {GRPC_HEADER}
"""Headers that the front need not be told."""


class BundledCalls(asyncio.Protocol):
    """The worker's side of such a connection."""

    def __init__(self, app: HttpApp, server: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._app, self._server, self._loop = app, server, loop
        self._reader = bundles.FrameReader()
        self._open: dict[int, HttpRequest] = {}
        """Calls that somebody waits for."""
        self._todo: deque[int] = deque()
        self._on_the_spot: HttpRequest | None = None
        self._standing: dict[bytes, tuple[str, Headers]] = {}
        self._out: list[bytes] = []
        self._out_since_s = 0.0
        self._is_flush_planned = self._is_leaving = False

    # -- its beginning and its end ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say that calls are taken here."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(cast("Any", self))
        self._transport.write(bundles.SWITCHED)

    def connection_lost(self, exc: Exception | None) -> None:
        """The front has gone, and nobody waits for answers; calls that wait for their turn are never run."""
        self._server.connections.discard(cast("Any", self))
        self._open.clear()
        self._todo.clear()
        self._out.clear()

    def shutdown(self) -> None:
        """Have the front close it once its calls are answered; uvicorn calls it when the server stops.

        It is never closed at this end: a call may be on its way.
        """
        if not self._is_leaving:
            self._is_leaving = True
            self._put(bundles.frame(bundles.LEAVE))
            self._flush()

    def transport_socket(self) -> Any:
        """The socket of the connection; None if it is closed."""
        return self._transport.get_extra_info("socket")

    def pause_writing(self) -> None:
        """The front reads slower than we write: no more calls are taken from it until it has caught up."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # -- calls ----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take calls, and answer those that need not wait for anything."""
        for kind, number, payload in self._reader.feed(data):
            if kind == bundles.CALL:
                self._open[number] = self._request(number, payload)
                self._todo.append(number)
            elif kind == bundles.CANCEL:
                self._open.pop(number, None)
        while self._todo:
            number = self._todo.popleft()
            request = self._open.get(number)
            if request is not None:
                # An answer that is ready does not wait for calls that take long.
                if self._out and time.monotonic() - self._out_since_s > TOGETHER_S:
                    self._flush()
                self._begin(number, request)
        self._flush()

    def _request(self, number: int, payload: bytes) -> HttpRequest:
        standing, own, message = bundles.read_call(payload)
        known = self._standing.get(standing)
        if known is None:
            if len(self._standing) >= bundles.MOST_KEPT:
                self._standing.clear()
            path, _, lines = standing.partition(b"\r\n")
            known = path.decode("latin-1"), Headers(bundles.pairs_of(lines))
            self._standing[standing] = known
        headers = Headers(known[1])
        headers.update(bundles.pairs_of(own))
        gone = partial(self._is_gone, number)
        return HttpRequest("POST", known[0], b"", headers, message, host=headers["host"], abandoned=gone)

    def _is_gone(self, number: int) -> bool:
        return number not in self._open

    def _begin(self, number: int, request: HttpRequest) -> None:
        self._on_the_spot = request
        context = request.context = contextvars.copy_context()
        answer = context.run(self._app.begin, request)
        self._on_the_spot = None
        if isinstance(answer, HttpResponse):
            self._answer(number, answer)
            return
        # In a copy: the context itself may be entered by what the script has left running.
        task = self._loop.create_task(self._answer_later(number, answer), context=context.copy())
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _answer_later(self, number: int, answer: Coroutine[Any, Any, HttpResponse]) -> None:
        try:
            response = await answer
        except asyncio.CancelledError:
            # It was left out, mostly as its caller has gone; whoever waits all the same must not do so for ever.
            if self._open.pop(number, None) is not None:
                self._put(bundles.frame(bundles.CANCEL, number))
                self._flush_soon()
            raise
        if not isinstance(response.body, bytes):  # one message has one answer: there is nobody for a stream
            await close_body(response.body)
        self._answer(number, response)
        self._flush_soon()

    def _answer(self, number: int, response: HttpResponse) -> None:
        self._server.total_requests += 1
        if self._open.pop(number, None) is not None:
            self._put(*_rendered(number, response))

    # -- what is sent ---------------------------------------------------------------------------------

    def _put(self, *pieces: bytes) -> None:
        if not self._out:
            self._out_since_s = time.monotonic()
        self._out += pieces

    def _flush_soon(self) -> None:
        """Send what is there once the other calls that end at this moment have."""
        if not self._is_flush_planned:
            self._is_flush_planned = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_planned = False
        out, self._out = self._out, []
        if not out or self._transport.is_closing():
            return
        if sum(map(len, out)) <= JOINED:
            self._transport.write(b"".join(out))
        else:
            self._transport.writelines(out)

    def last_words(self, of_current: ScoringHostError, of_others: ScoringHostError) -> None:
        """Answer without the event loop, which is blocked for good, before the process ends; from any thread."""
        out = list(self._out)
        for number, request in list(self._open.items()):
            error = of_current if request is self._on_the_spot else of_others
            # In a copy: the thread that is stuck is in the context itself.
            context = contextvars.Context() if request.context is None else request.context.copy()
            if request.context is None:  # it has not been begun, and nobody watches it yet
                response = self._app.render(error, request.path)
            else:
                response = context.run(self._app.give_up, request, error)
            out += _rendered(number, response)
        connection = self.transport_socket()
        if connection is None or not out or self._transport.get_write_buffer_size():
            return  # behind half a frame nothing could be read
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            own.send(b"".join(out), socket.MSG_DONTWAIT)


def _rendered(number: int, response: HttpResponse) -> tuple[bytes, bytes]:
    """The frame of an answer, without what the front knows."""
    body = response.body
    if not isinstance(body, bytes):
        return bundles.frame(bundles.CANCEL, number), b""
    pairs = [pair for pair in response.headers if pair[0].lower() not in _KNOWN]
    return bundles.answer_head(number, response.status, bundles.lines_of(pairs), len(body)), body
