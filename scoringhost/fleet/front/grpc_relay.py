"""Relay: what a replica answers a message of a call over gRPC with, for the task that waits for it.

It comes back as it is: what the replica has written is the message that the client gets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from scoringhost.access.forwarded import BUNDLED, GRPC_HEADER
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.dialects.oip_grpc.words import LONGEST_MESSAGE, MESSAGE, STATUS, code_of
from scoringhost.doors.bundles import Pairs, pairs_of
from scoringhost.doors.grpc.message_reader import MessageReader
from scoringhost.errors import CallerTimedOut, InternalError, ReplicaUnintelligible, ScoringHostError
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.front_app import FrontRoutes
from scoringhost.fleet.front.grpc_exchange import GrpcExchange
from scoringhost.fleet.front.targets import Target
from scoringhost.http.app import CLIENT_GONE
from scoringhost.http.errors import row_of
from scoringhost.http.messages import HttpResponse

GRACE_S = 0.5
"""Seconds beyond the caller's own deadline that a replica is waited for: it ends at the same moment, and knows more."""

MOST_UNREAD = 262_144
"""Bytes of a stream that may wait for the client before the replica is kept from sending more."""

_SAID_ANEW = frozenset({
    "connection", "content-length", "content-type", "date", "server", "transfer-encoding", GRPC_HEADER, STATUS,
    "x-request-id", "x-ms-request-id", "x-ms-client-request-id", "traceid",
})  # fmt: skip
"""Headers of a replica's answer that are about its connection, or that the front says itself."""

_OFFER = (GRPC_HEADER, BUNDLED)


class ReplicaResponse(HttpResponse):
    """What a replica has answered: its log has a line for it, and the front's has none."""


class Relay:
    """The client's side of one such exchange: keeps what comes back for the task that waits for it."""

    def __init__(self, routes: FrontRoutes, request: GrpcRequest, target: Target) -> None:
        self._routes, self._request = routes, request
        self.scheme = request.scheme
        self._exchange: GrpcExchange | None = GrpcExchange(self, target, request)
        self._head: Pairs | None = None
        self._is_complete = False
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self.holds_back = False
        """Whether the replica is to send no more than the client reads; a whole answer is taken as it comes."""
        self._error: ScoringHostError | None = None
        self._changed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -- for the task ---------------------------------------------------------------------------------

    async def whole(self) -> HttpResponse:
        """Hand the message on, and wait for all of the answer.

        Raises:
            ScoringHostError: if no replica has answered.
        """
        assert self._exchange is not None
        self._exchange.is_single = True
        try:
            self._send()
            while not self._is_complete:
                await self._change()
            return self._response()
        finally:
            self.leave()

    async def begun(self, largest: int) -> HttpResponse:
        """Hand a message of a stream on, and wait until its answer has begun, whose body are messages.

        largest: how many bytes each may have.

        Raises:
            ScoringHostError: if no replica has answered.
        """
        try:
            self._send()
            while not (self._is_complete or (self._head is not None and self._status == 200)):
                await self._change()
            if self._error is not None or self._status != 200:
                response = self._response()
                self.leave()
                return response
        except BaseException:
            self.leave()
            raise
        return ReplicaResponse(200, self._headers(), _Messages(self, largest))

    async def piece(self) -> bytes | None:
        """The next bytes of the answer; None if there are no more.

        Raises:
            ScoringHostError: if the replica is lost before the answer is whole.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_complete:
                return None
            await self._change()
        piece = self._pieces.popleft()
        self._unread -= len(piece)
        if self._unread <= MOST_UNREAD and self._exchange is not None and self._exchange.upstream is not None:
            self._exchange.upstream.resume_reading()
        return piece

    def leave(self) -> None:
        """Nobody waits for more: a replica that is still at it is told so by the end of its connection."""
        exchange, self._exchange = self._exchange, None
        if self._timer is not None:
            self._timer.cancel()
        if exchange is None or exchange.is_over:
            return
        exchange.is_over = True
        exchange.message = None
        self._routes.counts.ended(CLIENT_GONE)
        exchange.count(CLIENT_GONE)
        if exchange.bundle is not None:
            exchange.bundle.abandon(exchange)
        elif exchange.upstream is not None:
            exchange.upstream.abandon()
        self._routes.directory.give_up(exchange)

    def _send(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        self._routes.counts.begun()
        try:
            self._routes.directory.send(exchange)
        except Exception:
            self.fail(exchange, InternalError())
            raise

    async def _change(self) -> None:
        """Wait until something has come, for as long as the caller does."""
        loop, deadline = asyncio.get_running_loop(), self._request.deadline
        if deadline is not None and self._timer is None:
            self._timer = loop.call_later(deadline.left_s + GRACE_S, self._on_deadline, deadline.timeout_s)
        changed = self._changed = loop.create_future()
        await changed
        self._changed = None

    def _on_deadline(self, timeout_s: float) -> None:
        """Nobody waits any more; the replica hears of it when `leave` is called."""
        if not self._is_complete:
            self._error, self._is_complete = CallerTimedOut(timeout_s, "the service has not answered"), True
            self._tell()

    def _tell(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    # -- what came back -----------------------------------------------------------------------------------

    @property
    def _status(self) -> int:
        return 0 if self._exchange is None else self._exchange.status

    def _headers(self) -> list[tuple[str, str]]:
        """What is trailing metadata for the client, `grpc-status` apart; and who has answered."""
        found = [pair for pair in self._head or () if pair[0] not in _SAID_ANEW]
        exchange = self._exchange
        if exchange is not None and exchange.live is not None:
            name, _, label = exchange.live.line.decode("latin-1").strip().partition(":")
            found.append((name, label.strip()))
        return found

    def _response(self) -> HttpResponse:
        """All of the answer.

        Raises:
            ScoringHostError: if there is none.
        """
        if self._error is not None:
            raise self._error
        status, body, headers = self._status, b"".join(self._pieces), self._headers()
        self._pieces.clear()
        if status == 200:
            return ReplicaResponse(200, headers, body)
        code = self._code()
        text = body[: 4 * LONGEST_MESSAGE].decode("utf-8", "replace")[:LONGEST_MESSAGE]
        if code is None:  # it does not know the path: it may be one of an older version, or without protobuf
            code = "UNIMPLEMENTED" if status == 404 else code_of(status)
        return ReplicaResponse(status, [(STATUS, code), (MESSAGE, text), *headers])

    def _code(self) -> str | None:
        return next((value for name, value in self._head or () if name == STATUS), None)

    # -- what the worker's connection tells (see `Caller`) ----------------------------------------------------

    def forwarded_lines(self, exchange: Exchange) -> bytes:
        """Who has asked."""
        proxies = self._routes.proxies
        is_trusted = proxies is not None and proxies.has(exchange.client)
        return exchange.forwarded(exchange.client, is_trusted=is_trusted)

    def answer_lines(self, exchange: Exchange, *, has_length: bool) -> bytes:
        """Nothing is added to the replica's head: it is read here."""
        return b""

    def pass_on(self, exchange: Exchange, data: bytes) -> None:
        """Keep what comes: the lines of the head, without the first, and what is behind it."""
        if self._head is None:
            head, _, data = data.partition(b"\r\n\r\n")
            self._head = pairs_of(head.partition(b"\r\n")[2])
            if exchange.worker is not None and _OFFER in self._head:
                exchange.worker.takes_bundles = True
        if data:
            self._pieces.append(data)
            self._unread += len(data)
            if self.holds_back and self._unread > MOST_UNREAD and exchange.upstream is not None:
                exchange.upstream.pause_reading()
        self._tell()

    def take(self, exchange: Exchange, headers: Pairs, body: bytes) -> None:
        """Keep an answer that has come in a bundle; it is whole."""
        self._head = headers
        self._pieces.append(body)
        self.answered(exchange)

    def answered(self, exchange: Exchange) -> None:
        """The answer is whole."""
        exchange.is_over = self._is_complete = True
        self._routes.counts.ended(exchange.status)
        exchange.count(exchange.status)
        self._tell()

    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """There is none, or no more of it."""
        if not exchange.is_over:
            exchange.is_over = self._is_complete = True
            self._error = error
            self._routes.counts.failed(error)
            exchange.count(row_of(error).http)
            self._tell()

    def pause_uploading(self) -> None:
        """Nothing: all of the message is here."""

    def go_on_uploading(self) -> None:
        """Write what there is of it, if that has not been done yet."""
        if self._exchange is not None:
            self._exchange.upload()


class _Messages:
    """The messages that a replica answers one of a stream with."""

    def __init__(self, relay: Relay, largest: int) -> None:
        self._relay, self._reader = relay, MessageReader(largest)
        self._ready: deque[bytes] = deque()
        relay.holds_back = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._ready:
            piece = await self._relay.piece()
            if piece is not None:
                self._ready.extend(message.body for message in self._reader.feed(piece))
            elif self._reader.is_midway:
                raise ReplicaUnintelligible("the service", "its last message is cut off")
            else:
                self._relay.leave()
                raise StopAsyncIteration
        return self._ready.popleft()

    async def aclose(self) -> None:
        """No more is wanted."""
        self._relay.leave()
