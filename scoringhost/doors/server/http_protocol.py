"""The fast door: HTTP/1.1 on httptools, straight to HttpApp.

uvicorn's server owns the sockets, the connections and the graceful stop; this is its protocol. A
request is read whole and then handled; most are answered before the parser's callback returns,
with no task and no queue in between. What the parser refuses is answered in JSON, too.
Messages follow RFC 9112.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from scoringhost.doors.server.connection_limits import SMALL_BODY, Intake
from scoringhost.doors.server.connections import bytes_wait, was_reset
from scoringhost.doors.server.http_heads import render_head
from scoringhost.doors.server.http_reading import RequestReader
from scoringhost.errors import IncompleteBody, ScoringHostError
from scoringhost.http.messages import BODILESS, HttpRequest, HttpResponse, close_body

PIPELINE_LIMIT = 16
"""Requests read ahead on one connection before reading pauses."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

LINGER_S = 0.05
"""Seconds that an idle connection stays open when the server stops: a request may be on its way."""

RECENT_S = 1.0
"""The same, counted from its last request or its beginning: a client in the middle of its work asks again."""

LAST_READ_S = 5.0
"""Seconds that a client which was refused while it sends has to read the answer, before the connection is reset."""


class HttpProtocol(RequestReader, asyncio.Protocol):
    """One connection, made by uvicorn's server. `read_already`: bytes that somebody else has read from it."""

    __slots__ = (
        "_busy", "_dated", "_half_closed", "_idle_limit_s", "_keep_alive", "_lingering", "_on_the_spot",
        "_server", "_streaming", "_timer", "_transport", "_turns", "_unsent_look", "_writable", "read_already",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        intake = cast("Intake", config.loaded_app)
        super().__init__(intake, _loop or asyncio.get_running_loop())
        self.read_already = b""
        self._server, self._idle_limit_s = server_state, config.timeout_keep_alive
        self._turns: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = self._on_the_spot = self._keep_alive = self._streaming = False
        self._half_closed = self._lingering = False
        self._writable: asyncio.Future[None] | None = None
        self._unsent_look: asyncio.TimerHandle | None = None
        self._dated: tuple[object, bytes] = (None, b"")

    # -- the connection -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(cast("Any", self))
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else None
        self._active_s = time.monotonic()
        self._timer = self._loop.call_later(self._idle_limit_s, self._check_idle)
        if self.read_already:
            self.data_received(self.read_already)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what waits for it is abandoned."""
        self._lost = True
        self._server.connections.discard(cast("Any", self))
        self._timer.cancel()
        self._stop_reading()
        for request, _ in self._turns:
            self.let_go(request)
        self._turns.clear()
        self.resume_writing()

    def eof_received(self) -> bool:
        """The client sends no more: it waits for its answers, or has gone. Returns whether to stay open.

        The two look the same here. To a client that has gone, an interim response, which every client
        of HTTP/1.1 must be ready for (RFC 9110, 15.2), brings a reset back; see `_is_lost`.
        """
        if self._arriving and not self._refused:
            self._refuse_with(IncompleteBody())
        if self._lingering or not (self._busy or self._turns):
            return False
        self._half_closed = True
        if self._version == "1.1" and not self._streaming:
            self._transport.write(_CONTINUE)
        return True

    def _is_lost(self) -> bool:
        return self._lost or (self._half_closed and was_reset(self._transport))

    def transport_socket(self) -> Any:
        """The socket of the connection; None if it is closed."""
        return self._transport.get_extra_info("socket")

    def shutdown(self) -> None:
        """Close once the request in progress is answered, or soon; uvicorn calls it when the server stops."""
        self._closing = True
        if self._lingering:
            self._transport.close()
        elif not self._busy:
            linger_s = max(LINGER_S, self._active_s + RECENT_S - time.monotonic())
            self._loop.call_later(linger_s, self._close_unless_asked)
        if self._writable is not None:
            self._watch_unsent()

    def _close_unless_asked(self) -> None:
        """Close, unless a request is in progress or arriving: that one is answered first."""
        if self._busy or self._arriving or self._lost:
            return
        if bytes_wait(self._transport):  # closing over them would reset the connection
            self._loop.call_later(LINGER_S, self._close_unless_asked)
        else:
            self._close()

    def _close(self) -> None:
        """Close, once what was written has been read; a client that still sends may read its answer first."""
        if self._refused and not self._closing and self._transport.can_write_eof():
            # Closing with unread bytes resets the connection, and the client loses the answer (RFC 9112, 9.6).
            self._lingering = True
            self._transport.write_eof()
            self._loop.call_later(LAST_READ_S, self._transport.abort)
        else:
            self._transport.close()
        if self._transport.get_write_buffer_size():
            self._watch_unsent()

    def _check_idle(self) -> None:
        idle_s = time.monotonic() - self._active_s
        if not self._busy and idle_s >= self._idle_limit_s:
            self._close()
            return
        wait_s = self._idle_limit_s if self._busy else self._idle_limit_s - idle_s
        self._timer = self._loop.call_later(wait_s, self._check_idle)

    # -- what the client has not read yet -----------------------------------------------------------

    def pause_writing(self) -> None:
        """The client reads slower than we write: nothing more is asked of it, or answered, until it has caught up."""
        if self._writable is None:
            self._writable = self._loop.create_future()
            self._pause_reading()
            self._watch_unsent()

    def resume_writing(self) -> None:
        """The client has caught up, or gone."""
        writable, self._writable = self._writable, None
        if self._unsent_look is not None:
            self._unsent_look.cancel()
        if writable is not None and not writable.done():
            writable.set_result(None)
        if not self._lost:
            self._go_on()

    def _watch_unsent(self) -> None:
        """Look after a while whether the client has read something."""
        if self._unsent_look is not None:
            self._unsent_look.cancel()
        limits = self._limits
        wait_s = min(limits.closing_s, limits.write_s) if self._closing else limits.write_s
        unsent = self._transport.get_write_buffer_size()
        self._unsent_look = self._loop.call_later(wait_s, self._look_at_unsent, unsent)

    def _look_at_unsent(self, before: int) -> None:
        unsent = self._transport.get_write_buffer_size()
        if unsent >= before:
            self._transport.abort()
        elif unsent:
            self._watch_unsent()

    def _pause_reading(self) -> None:
        if not (self._reading_paused or self._lost or self._half_closed or self._transport.is_closing()):
            self._reading_paused = True
            self._transport.pause_reading()

    # -- answering ----------------------------------------------------------------------------------

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request: at once if it needs not wait for anything, or after those before it.

        Nothing is answered while the client does not read the answers that it has got.
        """
        if self._busy or self._writable is not None:
            self._turns.append((request, keep_alive))
            if len(self._turns) >= PIPELINE_LIMIT:
                self._pause_reading()
            return
        self._busy = self._on_the_spot = True
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

    def _tell_to_go_on(self) -> None:
        if self._busy or self._turns or self._is_undecided():
            self._wants_continue = True
        else:
            self._transport.write(_CONTINUE)

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
                self._transport.write(_CONTINUE)
        if self._reading_paused and not self._transport.is_closing():
            self._reading_paused = False
            self._active_s = time.monotonic()
            self._transport.resume_reading()

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

    def last_words(self, of_current: ScoringHostError, of_others: ScoringHostError) -> None:
        """Answer without the event loop, which is blocked for good, before the process ends; from any thread."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        error = of_current if self._on_the_spot else of_others
        if connection is None or self._lost:
            return
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            if self._busy or own.recv(65_536, socket.MSG_DONTWAIT):
                response = self._app.render(error)
                framing = f"content-length: {len(response.body)}\r\nconnection: close\r\n"  # type: ignore[arg-type]
                own.send(render_head(response, framing) + response.body, socket.MSG_DONTWAIT)  # type: ignore[operator]

    def _finished(self, request: HttpRequest) -> None:
        self._busy = False
        self._server.total_requests += 1
        if len(request.body) > SMALL_BODY:
            self.let_go(request)
        if not self._keep_alive or self._closing:
            for dropped, _ in self._turns:
                self.let_go(dropped)
            self._turns.clear()
            self._close()
            self._refused = self._refused or self._closing  # the rest of what has been read (RFC 9112, 9.6)

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
