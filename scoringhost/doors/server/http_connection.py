"""One connection of the server: how it begins, how long it may idle or leave its answers unread, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from scoringhost.doors import bundles
from scoringhost.doors.server.bundled_calls import BundledCalls
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.connections import bytes_wait, was_reset
from scoringhost.doors.server.http_reading import RequestReader
from scoringhost.errors import IncompleteBody
from scoringhost.http.messages import HttpRequest

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

LINGER_S = 0.05
"""Seconds that an idle connection stays open when the server stops: a request may be on its way."""

RECENT_S = 1.0
"""The same, counted from its last request or its beginning: a client in the middle of its work asks again."""

LAST_READ_S = 5.0
"""Seconds that a client which was refused while it sends has to read the answer, before the connection is reset."""


class HttpConnection(RequestReader, asyncio.Protocol):
    """The life of one connection, made by uvicorn's server.

    read_already: bytes that somebody else has read from it.
    """

    __slots__ = (
        "_busy", "_half_closed", "_idle_limit_s", "_lingering", "_server", "_streaming", "_timer", "_transport",
        "_trusts_fronts", "_turns", "_unsent_look", "_writable", "read_already",
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
        self._trusts_fronts = intake.trusts_fronts
        self.read_already = b""
        self._server, self._idle_limit_s = server_state, config.timeout_keep_alive
        self._turns: deque[tuple[HttpRequest, bool]] = deque()
        self._busy: HttpRequest | None = None
        """The request that is being answered."""
        self._streaming = self._half_closed = self._lingering = False
        self._writable: asyncio.Future[None] | None = None
        self._unsent_look: asyncio.TimerHandle | None = None

    # -- its beginning and its end ------------------------------------------------------------------

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
            self._transport.write(CONTINUE)
        return True

    def _hands_over(self, rest: bytes) -> bool:
        """Hand the connection over to calls in bundles, if that is what the front of a fleet wishes."""
        if self._headers.get("upgrade") != bundles.PROTOCOL or self._busy or self._turns or self._closing:
            return False
        own = self.transport_socket()
        if own is None or own.family != socket.AF_UNIX or not self._trusts_fronts:
            return False
        self.connection_lost(None)  # for all that this object has to do with it
        calls = BundledCalls(self._app, self._server, self._loop)
        self._transport.set_protocol(calls)
        calls.connection_made(self._transport)
        if rest:
            calls.data_received(rest)
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
