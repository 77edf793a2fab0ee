"""Bundle: the front's one connection to a worker for small calls over gRPC, whose frames `doors/bundles.py` describes.

A call is handed over at the moment at which the kernel takes a byte of the bundle that it is in. Up to then it can go
to another connection, or another worker; after that it is never sent again, whatever becomes of this one. So the
transport has never anything to send but the rest of one bundle: what comes meanwhile waits here.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, cast

from scoringhost.doors import bundles
from scoringhost.errors import ReplicaLost, ReplicaUnintelligible, ScoringHostError

if TYPE_CHECKING:
    from scoringhost.fleet.front.grpc_exchange import GrpcExchange
    from scoringhost.fleet.front.worker import Worker

_SWITCHED = b"HTTP/1.1 101 "
MOST_GREETING = 65_536
"""Bytes within which a worker says whether it takes bundles."""


class Bundle(asyncio.Protocol):
    """Such a connection, from the moment on at which the first call wants it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self._greeting = b""
        self._is_open = self._is_choked = self._is_flush_planned = False
        self._reader = bundles.FrameReader()
        self._number = 0
        self._calls: dict[int, GrpcExchange] = {}
        """Those that have been handed over, and are not answered."""
        self._waiting: list[GrpcExchange] = []
        self._cancels: list[bytes] = []
        self._heads: dict[bytes, bundles.Pairs] = {}
        self._is_leaving = False

    # -- calls ----------------------------------------------------------------------------------------

    def add(self, exchange: GrpcExchange) -> None:
        """Hand a call over, with all others that come at this moment."""
        exchange.bundle = self
        self._waiting.append(exchange)
        self._flush_soon()

    def abandon(self, exchange: GrpcExchange) -> None:
        """Nobody waits for a call any more: let the worker know, which may not have begun it."""
        if self._calls.pop(exchange.number, None) is not None:
            self._cancels.append(bundles.frame(bundles.CANCEL, exchange.number))
            self._flush_soon()
        elif exchange in self._waiting:
            self._waiting.remove(exchange)
        else:
            return
        self._left(exchange)
        self._close_if_done()

    def leave(self) -> None:
        """No call is to be handed over here any more; close once those that have been are answered."""
        self._worker.forget_bundle(self)
        self._is_leaving = True
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            self._left(exchange)
            self._worker.send_anew(exchange)
        self._close_if_done()

    def _left(self, exchange: GrpcExchange) -> None:
        exchange.bundle, exchange.number = None, 0
        self._worker.leave(exchange)

    def _close_if_done(self) -> None:
        if self._is_leaving and not self._calls and self._transport is not None:
            self._transport.close()

    # -- what is sent ---------------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        if self._is_open and not (self._is_flush_planned or self._is_choked):
            self._is_flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand over what waits, past the transport, which would not say whether it was taken; see `Upstream.begin`."""
        self._is_flush_planned = False
        transport = self._transport
        if self._is_choked or transport is None or transport.is_closing() or not (self._waiting or self._cancels):
            return
        pieces, self._cancels = self._cancels, []
        for number, exchange in enumerate(self._waiting, self._number + 1):
            exchange.number = number
            pieces.append(exchange.bundled())
        data = b"".join(pieces)
        try:
            taken = os.write(self._fd, data)
        except BlockingIOError:
            taken = 0
        except OSError:
            for exchange in self._waiting:
                exchange.number = 0
            transport.abort()  # and `connection_lost` sends what waits elsewhere
            return
        self._number += len(self._waiting)
        for exchange in self._waiting:
            exchange.message = None
            self._calls[exchange.number] = exchange
        self._waiting = []
        if taken < len(data):
            transport.write(data[taken:])

    def pause_writing(self) -> None:
        """The worker has not taken all of the last bundle: the next one waits for that."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """It has."""
        self._is_choked = False
        self._flush_soon()

    # -- its beginning and its end ------------------------------------------------------------------

    async def connect(self) -> None:
        """Come about; if the worker cannot be reached, its calls go to others."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: self, self._worker.path)
        except OSError:
            self._worker.forget_bundle(self)
            waiting, self._waiting = self._waiting, []
            for exchange in waiting:
                exchange.bundle = None
                self._worker.pass_over(exchange)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask whether the worker takes bundles."""
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()
        self._transport.set_write_buffer_limits(0)
        self._transport.write(bundles.WISH)
        self._close_if_done()

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker has gone, and with it the answers to what was handed over."""
        self._transport = None
        self._is_open = False
        calls, self._calls = self._calls, {}
        for exchange in calls.values():
            self._fail(exchange, ReplicaLost(_name(exchange)))
        if not self._number:  # nothing came of it: calls go alone, until one of their answers offers it again
            self._worker.takes_bundles = False
        self.leave()

    # -- answers ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        if not self._is_open:
            self._greeting += data
            head, found, data = self._greeting.partition(b"\r\n\r\n")
            is_refused = not head.startswith(_SWITCHED[: len(head)]) or len(head) > MOST_GREETING
            if is_refused:
                self._worker.takes_bundles = False
                self.leave()
            if is_refused or not found:
                return
            self._is_open = True
            self._flush_soon()
        for kind, number, payload in self._reader.feed(data):
            if kind == bundles.ANSWER:
                self._on_answer(number, payload)
            elif kind == bundles.CANCEL:
                self._on_cancelled(number)
            elif kind == bundles.LEAVE:
                self.leave()
            else:
                self._give_up()
                return
        self._close_if_done()

    def _on_answer(self, number: int, payload: bytes) -> None:
        exchange = self._calls.pop(number, None)
        if exchange is None:  # its caller has gone meanwhile
            return
        status, lines, body = bundles.read_answer(payload)
        headers = self._heads.get(lines)
        if headers is None:
            if len(self._heads) >= bundles.MOST_KEPT:
                self._heads.clear()
            headers = self._heads[lines] = bundles.pairs_of(lines)
        self._left(exchange)
        exchange.status = status
        exchange.relay.take(exchange, headers, body)

    def _on_cancelled(self, number: int) -> None:
        """A call will have no answer."""
        exchange = self._calls.pop(number, None)
        if exchange is not None:
            self._fail(exchange, ReplicaLost(_name(exchange)))

    def _give_up(self) -> None:
        """What has come is no frame: nothing here can be believed any more."""
        calls, self._calls = self._calls, {}
        for exchange in calls.values():
            self._fail(exchange, ReplicaUnintelligible(_name(exchange), "its frames are malformed"))
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, exchange: GrpcExchange, error: ScoringHostError) -> None:
        self._left(exchange)
        exchange.connection.fail(exchange, error)


def _name(exchange: GrpcExchange) -> str:
    return "the service" if exchange.live is None else exchange.live.label
