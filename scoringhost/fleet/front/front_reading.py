"""The reading half of a client's connection: which requests are for services, and how they arrive.

What the front answers itself is read whole and answered as on any other server (`HttpProtocol`). For a service, the
head is enough: guards are asked, and then head and body go on as they come. A small body is waited for, so that it
goes on together with its head, in one write; and a replica is not kept busy by a client that sends slowly.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, cast

import httptools

from scoringhost.doors.bodies_in_flight import SMALL_BODY
from scoringhost.doors.server.arriving_request import ReadNoFurther
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.errors import MalformedRequest, ScoringHostError
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.http.messages import HttpRequest

if TYPE_CHECKING:
    from scoringhost.fleet.front.front_app import FrontApp


class FrontReading(HttpProtocol):
    """Reads requests, and hands over those that are for services as soon as that can be done."""

    __slots__ = ("_arriving_exchange", "_front")

    _front: FrontApp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._arriving_exchange: Exchange | None = None
        self._front = cast("FrontApp", self._app)
        self._guarded = True  # `_ask_guards` is where a request is told from those that are answered here
        super().connection_made(transport)

    @abstractmethod
    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """Answer an error in the place of a replica, or cut an answer that has begun."""

    @abstractmethod
    def _take_back(self, exchange: Exchange) -> None:
        """Let the replica know that nobody waits for its answer any more."""

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
        self._request_head = self._known_caller = None
        path, _, query = self._url.partition(b"#")[0].partition(b"?")
        target = self._front.targets.of(self._origin_form(path))
        if target is None or self._parser.get_method() == b"CONNECT":
            if self._app.guards:
                super()._ask_guards()
            return
        headers = self._headers
        exchange = Exchange(self, target, self._parser.get_method().decode("ascii"), query, headers)  # type: ignore[arg-type]
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
