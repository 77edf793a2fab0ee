"""FrontProtocol: the connection of a client whose requests go on to replicas, piece by piece.

What the front answers itself is read whole and answered as on any other server (`HttpProtocol`). For a service, the
head is enough: guards are asked, and then head and body go on as they come. A small body is waited for, so that it
goes on together with its head, in one write; and a replica is not kept busy by a client that sends slowly.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING, ClassVar, cast

import httptools

from scoringhost.doors.server.arriving_request import ReadNoFurther
from scoringhost.doors.server.connection_limits import SMALL_BODY
from scoringhost.doors.server.connections import was_reset
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.secure_protocol import Secured
from scoringhost.errors import MalformedRequest, ScoringHostError
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.targets import Target
from scoringhost.http.app import CLIENT_GONE
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from scoringhost.fleet.front.front_app import FrontApp

LOOK_S = 0.25
"""Seconds between two looks at whether a client that sends no more has gone."""

_CLOSE = b"connection: close\r\n"


class FrontProtocol(HttpProtocol):
    """Hands the requests of one connection over to replicas, and what these answer back, in their order."""

    __slots__ = ("_arriving_exchange", "_forwarded", "_front")

    _front: FrontApp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._arriving_exchange: Exchange | None = None
        self._forwarded: tuple[Target | None, str, bytes] = (None, "", b"")
        self._front = cast("FrontApp", self._app)
        self._guarded = True  # `_ask_guards` is where a request is told from those that are answered here
        super().connection_made(transport)

    # -- arriving -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came, and hand over what is not waited for."""
        super().data_received(data)
        exchange = self._arriving_exchange
        if exchange is not None and not exchange.is_taken and not self._in_head and not self._refused:
            self._take_if_large(exchange)

    def on_message_begin(self) -> None:
        """A request line has begun."""
        self._arriving_exchange = None
        super().on_message_begin()

    def _ask_guards(self) -> None:
        """See whether the request is for a service, and ask whether it may come in, before its body is read."""
        self._request_head = None
        path, _, query = self._url.partition(b"#")[0].partition(b"?")
        target = self._front.targets.of(self._origin_form(path))
        if target is None or self._parser.get_method() == b"CONNECT":
            if self._app.guards:
                super()._ask_guards()
            return
        headers = self._headers
        exchange = Exchange(self, target, self._parser.get_method().decode("ascii"), query, headers)
        exchange.http_version, exchange.client = self._version, self._client
        exchange.abandoned = self._is_lost
        if "host" not in headers and self._version == "1.1" and self._fault is None:
            self._fault = MalformedRequest("The request has no Host header (RFC 9112, 3.2)")
        self._introduce(exchange)
        self._arriving_exchange = exchange
        exchange.fault = self._fault or exchange.identified()
        if exchange.fault is None and self._app.guards:
            self._ask_about(exchange, target.match)

    def _origin_form(self, path: bytes) -> bytes:
        """The path of a target, which may be given with the address in front (RFC 9112, 3.2.2)."""
        if path.startswith(b"/") or b"://" not in path:
            return path
        host, slash, rest = path.partition(b"://")[2].partition(b"/")
        self._headers["host"] = host.decode("latin-1")
        return slash + rest

    def _expect_body(self, size: int) -> None:
        if self._arriving_exchange is None:
            super()._expect_body(size)

    def _on_expect(self, value: str) -> None:
        """The replica says whether to go on, as it alone knows how large a body may be."""
        if self._arriving_exchange is None:
            super()._on_expect(value)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        exchange = self._arriving_exchange
        if exchange is None:
            super().on_body(body)
        else:
            self._size += len(body)
            exchange.take_piece(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        exchange = self._arriving_exchange
        if exchange is None:
            super().on_message_complete()
            return
        self._arriving_exchange = None
        self._arriving = False
        self._received = 0
        if self._request_head is exchange and exchange.admission is None:
            self._request_head = None
        exchange.end_body()
        if not exchange.is_taken:
            self._take(exchange, self._stays_open())
        if self._closing and self._refused:
            raise ReadNoFurther  # what was sent behind this request would be handled, and its answer never be read

    def _stays_open(self) -> bool:
        return self._version == "1.1" and bool(self._parser.should_keep_alive())

    def _take_if_large(self, exchange: Exchange) -> None:
        """Hand over a request before its body is there, unless that is small, or nobody knows yet if it may come in."""
        if self._is_undecided():
            return
        headers = self._headers
        size = int(headers.get("content-length") or 0)
        if exchange.fault is not None and (size > SMALL_BODY or exchange.is_chunked or "expect" in headers):
            self._refuse_head(exchange, exchange.fault)
        elif size > SMALL_BODY or self._size > SMALL_BODY or ("expect" in headers and self._version == "1.1"):
            self._take(exchange, self._stays_open())

    def _on_admission(self, head: HttpRequest, task: asyncio.Future[None]) -> None:
        super()._on_admission(head, task)
        exchange = self._arriving_exchange
        if exchange is head and not exchange.is_taken and not self._refused and not self._lost:
            self._take_if_large(exchange)

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
        if front.watch is not None:
            exchange.context = contextvars.copy_context()
            exchange.stages = exchange.context.run(front.watch, exchange)
        front.directory.send(exchange)
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
        if self._front.cors is not None:
            lines += cors_lines(self._front.cors, exchange)
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

    # -- faults of the client -------------------------------------------------------------------------

    def _not_understood(self, data: bytes, problem: httptools.HttpParserError) -> None:
        if self._arriving_exchange is not None and not self._in_head and not self._refused:
            self._refuse_with(MalformedRequest(str(problem) or "The body cannot be read"))
        else:
            super()._not_understood(data, problem)

    def _refuse_with(self, fault: ScoringHostError) -> None:
        """Refuse what is arriving, also if a part of it has been handed over."""
        exchange = self._arriving_exchange
        if exchange is None or self._in_head:
            super()._refuse_with(fault)
            return
        self._arriving_exchange = None
        self._arriving = False
        if exchange.is_taken and exchange is not self._busy:  # it waits for its turn
            self._refused = True
            exchange.fault, exchange.is_whole, exchange.pieces = fault, True, []
            return
        if exchange.is_taken:
            self._take_back(exchange)
            self.fail(exchange, fault)
            return
        exchange.fault, exchange.is_over, exchange.pieces = fault, True, []
        self._refuse(exchange)

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


def cors_lines(cors: Cors, exchange: Exchange) -> bytes:
    """What a browser is told of an answer of a replica, which knows of no origins."""
    said = HttpResponse(exchange.status, [])
    cors.apply(exchange, said)
    return "".join([f"{name}: {value}\r\n" for name, value in said.headers]).encode("latin-1")
