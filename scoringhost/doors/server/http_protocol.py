"""The fast door: HTTP/1.1 on httptools, straight to HttpApp.

uvicorn's server owns the sockets, the connections and the graceful stop; this is its protocol. A
request is read whole (`http_reading.py`) and then handled; most are answered before the parser's
callback returns, with no task and no queue in between. What the parser refuses is answered in JSON,
too. Messages follow RFC 9112.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from scoringhost.doors.bodies_in_flight import SMALL_BODY
from scoringhost.doors.server.http_connection import CONTINUE, HttpConnection
from scoringhost.doors.server.http_heads import render_head
from scoringhost.errors import ScoringHostError
from scoringhost.http.messages import BODILESS, HttpRequest, HttpResponse, close_body

PIPELINE_LIMIT = 16
"""Requests read ahead on one connection before reading pauses."""


class HttpProtocol(HttpConnection):
    """Answers the requests of one connection, in their order."""

    __slots__ = ("_dated", "_keep_alive", "_on_the_spot")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._keep_alive = self._on_the_spot = False
        self._dated: tuple[object, bytes] = (None, b"")

    # -- turns --------------------------------------------------------------------------------------

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request: at once if it needs not wait for anything, or after those before it.

        Nothing is answered while the client does not read the answers that it has got.
        """
        if self._busy or self._writable is not None:
            self._turns.append((request, keep_alive))
            if len(self._turns) >= PIPELINE_LIMIT:
                self._pause_reading()
            return
        self._busy, self._on_the_spot = request, True
        self._keep_alive = keep_alive
        context = request.context = contextvars.copy_context()
        answer = context.run(self._app.begin, request)
        self._on_the_spot = False
        if isinstance(answer, HttpResponse) and isinstance(answer.body, bytes):
            self._write(request, answer, answer.body)
            self._finished(request)
            return
        # In a copy: the context itself may be entered by the steps of a stream, on another thread.
        task = self._loop.create_task(self._answer_later(request, answer), context=context.copy())
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def _go_on(self) -> None:
        """Answer what waits, as far as the client takes it, and read on."""
        while self._turns and not self._busy and self._writable is None and not self._lost:
            self._take(*self._turns.popleft())
        if self._lost or self._busy or self._turns or self._writable is not None or self._is_undecided():
            return
        if self._half_closed:
            self._close()
            return
        if self._wants_continue:
            self._wants_continue = False
            if self._arriving and not self._in_head:
                self._transport.write(CONTINUE)
        if self._reading_paused and not self._transport.is_closing():
            self._reading_paused = False
            self._active_s = time.monotonic()
            self._transport.resume_reading()

    def _tell_to_go_on(self) -> None:
        if self._busy or self._turns or self._is_undecided():
            self._wants_continue = True
        else:
            self._transport.write(CONTINUE)

    async def _answer_later(
        self, request: HttpRequest, answer: HttpResponse | Coroutine[Any, Any, HttpResponse]
    ) -> None:
        try:
            response = answer if isinstance(answer, HttpResponse) else await answer
            if isinstance(response.body, bytes):
                self._write(request, response, response.body)
            else:
                await self._stream(request, response, response.body)
        except asyncio.CancelledError:
            # The call was left out, as its client has gone, or the server stops in the middle of a stream.
            # A half-closed connection is not read from any more, so that nobody but us would ever close it.
            self._keep_alive = False
            self._finished(request)
            raise
        self._finished(request)
        self._active_s = time.monotonic()
        self._go_on()

    def _finished(self, request: HttpRequest) -> None:
        self._busy = None
        self._server.total_requests += 1
        if len(request.body) > SMALL_BODY:
            self.let_go(request)
        if not self._keep_alive or self._closing:
            for dropped, _ in self._turns:
                self.let_go(dropped)
            self._turns.clear()
            self._close()
            self._refused = self._refused or self._closing  # the rest of what has been read (RFC 9112, 9.6)

    def last_words(self, of_current: ScoringHostError, of_others: ScoringHostError) -> None:
        """Answer without the event loop, which is blocked for good, before the process ends; from any thread."""
        if self._streaming:  # its head has been sent: it is cut
            return
        response = self._last_answer(of_current if self._on_the_spot else of_others)
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is None or self._lost:
            return
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            if response is not None or own.recv(65_536, socket.MSG_DONTWAIT):
                response = response or self._app.render(of_others)
                framing = f"content-length: {len(response.body)}\r\nconnection: close\r\n"  # type: ignore[arg-type]
                own.send(render_head(response, framing) + response.body, socket.MSG_DONTWAIT)  # type: ignore[operator]

    def _last_answer(self, error: ScoringHostError) -> HttpResponse | None:
        """The answer to the request that is under way, of which all who watch hear; None if there is none."""
        request = self._busy
        if request is None:
            return None
        # In a copy: the thread that is stuck is in the context itself.
        context = contextvars.Context() if request.context is None else request.context.copy()
        return context.run(self._app.give_up, request, error)

    # -- answers ------------------------------------------------------------------------------------

    def _write(self, request: HttpRequest, response: HttpResponse, body: bytes) -> None:
        if self._lost:
            return
        if response.status in BODILESS:
            # A 205 says that it has no content, the others may not mention it (RFC 9110, 8.6).
            self._transport.write(
                self._response_head(response, "content-length: 0\r\n" if response.status == 205 else "")
            )
            return
        head = self._response_head(response, f"content-length: {len(body)}\r\n")
        if request.method == "HEAD" or not body:
            self._transport.write(head)
        elif len(body) < 65_536:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])

    def _response_head(self, response: HttpResponse, framing: str) -> bytes:
        if not self._keep_alive or self._closing:
            framing += "connection: close\r\n"
        always = self._server.default_headers  # a new list every second, for the date
        if self._dated[0] is not always:
            self._dated = always, b"".join([b"%s: %s\r\n" % pair for pair in always])
        return render_head(response, framing, self._dated[1])

    async def _stream(self, request: HttpRequest, response: HttpResponse, body: AsyncIterator[bytes]) -> None:
        """Send a stream in chunks; one that breaks leaves the connection cut, so that the client notices."""
        if response.status in BODILESS:
            with suppress(Exception):
                await close_body(body)
            self._write(request, response, b"")
            return
        chunked = request.http_version != "1.0"
        self._keep_alive = self._keep_alive and chunked
        self._streaming = True
        try:
            self._transport.write(self._response_head(response, "transfer-encoding: chunked\r\n" if chunked else ""))
            if request.method != "HEAD":
                await self._send_pieces(body, chunked)
        except Exception:
            self._keep_alive = False  # no last chunk; what went wrong is in the log already
        finally:
            self._streaming = False
            with suppress(Exception):
                await close_body(body)

    async def _send_pieces(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        async for piece in body:
            if self._writable is not None:
                await self._writable
            if self._lost:
                return
            if piece:
                self._transport.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self._transport.write(b"0\r\n\r\n")
