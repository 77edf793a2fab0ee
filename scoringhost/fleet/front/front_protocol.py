"""FrontProtocol: the connection of a client whose requests go on to replicas, piece by piece.

`front_reading.py` reads them. Here each has its turn, goes on to a replica, and what that answers comes back.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from typing import TYPE_CHECKING, ClassVar

from scoringhost.doors.server.connections import was_reset
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.secure_protocol import Secured
from scoringhost.errors import InternalError, ScoringHostError
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.front_reading import FrontReading
from scoringhost.fleet.front.targets import Target
from scoringhost.http.app import CLIENT_GONE
from scoringhost.http.errors import row_of
from scoringhost.http.messages import HttpRequest
from scoringhost.http.request_ids import read_ids
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    pass

LOOK_S = 0.25
"""Seconds between two looks at whether a client that sends no more has gone."""

log = logging.getLogger(HOST_LOGGER)

_CLOSE = b"connection: close\r\n"


class FrontProtocol(FrontReading):
    """Hands the requests of one connection over to replicas, and what these answer back, in their order."""

    __slots__ = ("_forwarded",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._forwarded: tuple[Target | None, str, bytes] = (None, "", b"")
        super().connection_made(transport)

    # -- turns --------------------------------------------------------------------------------------

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Hand a request over, or answer it, after those before it."""
        if not isinstance(request, Exchange):
            super()._take(request, keep_alive)
            return
        request.is_taken = True
        if request.fault is not None:
            super()._take(request, keep_alive)
        elif self._busy or self._writable is not None:
            self._turns.append((request, keep_alive))
            self._pause_reading()  # of what comes next, no more is held than has been read already
        else:
            self._busy, self._keep_alive = request, keep_alive
            self._front.counts.begun()
            if request.admission is not None:
                task = self._loop.create_task(self._send_admitted(request))
                self._server.tasks.add(task)
                task.add_done_callback(self._server.tasks.discard)
            else:
                self._send(request)

    async def _send_admitted(self, exchange: Exchange) -> None:
        """Hand over what the guards needed time for."""
        assert exchange.admission is not None
        try:
            await exchange.admission
        except ScoringHostError as error:
            self.fail(exchange, error)
        else:
            if not exchange.is_over:
                self._send(exchange)

    def _send(self, exchange: Exchange) -> None:
        front = self._front
        try:
            if front.watch is not None:
                exchange.ids = read_ids(exchange.headers)
                exchange.context = contextvars.copy_context()
                exchange.stages = exchange.context.run(front.watch, exchange)
            front.directory.send(exchange)
        except Exception:  # a defect of ours: in a callback of the parser it would be taken for the client's
            log.exception("scoringhost failed on a request; please report it")
            self.fail(exchange, InternalError())
        if not exchange.is_whole and exchange.upstream is None and not exchange.is_over:
            self._pause_reading()  # until there is somebody who takes the body

    # -- what goes on -------------------------------------------------------------------------------

    def forwarded_lines(self, exchange: Exchange) -> bytes:
        """Header lines that say who has asked, and for what; mostly the same for all requests of a connection."""
        if self._front.proxies is not None and self._front.proxies.has(self._client):
            return exchange.forwarded(self._client, is_trusted=True)
        host = exchange.headers.get("host", "")
        target, known_host, lines = self._forwarded
        if target is not exchange.target or known_host != host:
            lines = exchange.forwarded(self._client, is_trusted=False)
            self._forwarded = (exchange.target, host, lines)
        return lines

    def pause_uploading(self) -> None:
        """The replica takes no more of the body for now."""
        self._pause_reading()

    def go_on_uploading(self) -> None:
        """The replica takes more of the body."""
        if not self._reading_paused or self._turns or self._writable is not None or self._is_undecided():
            return
        if not (self._lost or self._half_closed or self._transport.is_closing()):
            self._reading_paused = False
            self._active_s = time.monotonic()
            self._transport.resume_reading()

    # -- what comes back ------------------------------------------------------------------------------

    def answer_lines(self, exchange: Exchange, *, has_length: bool) -> bytes:
        """Lines that the head of an answer has beside the replica's: who has answered, and whether this is the end."""
        lines = b"" if exchange.live is None else exchange.live.line
        if not has_length or not exchange.is_whole:
            self._keep_alive = False
        self._streaming = True
        return lines if self._keep_alive and not self._closing else lines + _CLOSE

    def pass_on(self, exchange: Exchange, data: bytes) -> None:
        """Send a part of the answer, or an interim one."""
        if not self._lost:
            self._transport.write(data)

    def answered(self, exchange: Exchange) -> None:
        """The whole answer has been handed to the client's connection."""
        self._front.counts.ended(exchange.status)
        exchange.count(exchange.status)
        if exchange.stages is not None:
            exchange.stages.sent(exchange.status, 0, True)
        self._end(exchange)
        self._active_s = time.monotonic()
        self._go_on()

    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """A replica has not answered, or nobody could be asked: say so, or cut an answer that has begun."""
        if exchange.is_over:
            return
        self._front.counts.failed(error)
        exchange.count(row_of(error).http)
        if exchange.has_answered or self._lost:
            self._cut(exchange)
            return
        exchange.is_over = True
        exchange.fault = error
        if exchange is not self._busy:  # it has been taken back already
            return
        self._busy, self._streaming = None, False
        if exchange.is_whole:
            HttpProtocol._take(self, exchange, self._keep_alive)
            self._go_on()
        else:
            self._arriving_exchange = None
            self._refuse(exchange)

    def _cut(self, exchange: Exchange) -> None:
        """End a connection whose answer has begun and cannot be whole, so that the client notices."""
        self._keep_alive = False
        if exchange.stages is not None:
            exchange.stages.sent(exchange.status or CLIENT_GONE, 0, False)
        exchange.is_over = True
        self._streaming = False
        if self._busy is exchange:
            self._busy = None
        self._turns.clear()
        if not self._lost:
            self._refused = True
            self._transport.abort() if exchange.http_version == "1.0" else self._transport.close()

    def _end(self, exchange: Exchange) -> None:
        exchange.is_over = True
        self._streaming = False
        if not exchange.is_whole:  # answered early: the rest of the body is for nobody
            self._arriving_exchange = None
            self._refused, self._arriving = True, False
        self._finished(exchange)

    def cut_short(self, error: ScoringHostError) -> None:
        """The server can wait no longer for the replica: say so, as far as nothing has been said."""
        exchange = self._busy
        if isinstance(exchange, Exchange) and not exchange.is_over:
            self._take_back(exchange)
            self.fail(exchange, error)

    def _take_back(self, exchange: Exchange) -> None:
        """Let the replica know that nobody waits for its answer any more."""
        if exchange.upstream is not None:
            exchange.upstream.abandon()
        self._front.directory.give_up(exchange)

    def eof_received(self) -> bool:
        """The client sends no more: it waits for its answers, or has gone."""
        stays = super().eof_received()
        if stays and isinstance(self._busy, Exchange):
            self._loop.call_later(LOOK_S, self._look_whether_gone)
        return stays

    def _look_whether_gone(self) -> None:
        """A client that has gone answers what was sent to it with a reset; nobody but us would notice."""
        if self._lost or not self._half_closed or not self._busy:
            return
        if was_reset(self._transport):
            self._transport.abort()
        else:
            self._loop.call_later(LOOK_S, self._look_whether_gone)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; the replica is told by the end of its own connection."""
        super().connection_lost(exc)
        exchange, self._arriving_exchange = self._busy, None
        if isinstance(exchange, Exchange) and not exchange.is_over:
            self._busy = None
            self._front.counts.ended(CLIENT_GONE)
            exchange.count(CLIENT_GONE)
            if exchange.stages is not None:
                exchange.stages.sent(CLIENT_GONE, 0, False)
            exchange.is_over = True
            self._take_back(exchange)

    # -- back-pressure ----------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client reads slower than the replica answers."""
        super().pause_writing()
        exchange = self._busy
        if isinstance(exchange, Exchange) and exchange.upstream is not None:
            exchange.upstream.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up, or gone."""
        exchange = self._busy
        super().resume_writing()
        if isinstance(exchange, Exchange) and exchange is self._busy and exchange.upstream is not None:
            exchange.upstream.resume_reading()
            self.go_on_uploading()


class SecureFrontProtocol(Secured, FrontProtocol):
    """The same over TLS."""

    __slots__ = ("_certified",)

    scheme: ClassVar[str] = "https"
