"""The front's connections to the workers of replica sets: kept, HTTP/1.1, one request at a time on each.

A request is on a connection from the moment on at which its head is written. Up to then it can go to another worker;
after that it is never sent again, whatever becomes of this one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from scoringhost.doors.server.http_connection import CONTINUE
from scoringhost.errors import ReplicaLost, ReplicaUnintelligible
from scoringhost.fleet.front.answering import Answer, passed_whole

if TYPE_CHECKING:
    from scoringhost.fleet.front.bundle import Bundle
    from scoringhost.fleet.front.directory import Directory, ReplicaSet
    from scoringhost.fleet.front.exchange import Exchange
    from scoringhost.fleet.front.grpc_exchange import GrpcExchange

KEPT_S = 25.0
"""Seconds for which an idle connection is kept. A replica closes those that are idle for longer than its own
`keep_alive_s`, and a request that crosses that would be lost."""


class Worker:
    """One worker process of a replica set. in_flight: requests of this front that it has been given.

    is_current: the routing table has it; no request is given to it any more once that is false. takes_bundles: it has
    said that small calls over gRPC may come together, on one connection.
    """

    __slots__ = (
        "_bundle", "_connecting", "_directory", "_kept", "in_flight", "is_current", "path", "pid", "replicas",
        "takes_bundles",
    )  # fmt: skip

    def __init__(self, directory: Directory, replicas: ReplicaSet, pid: int, path: str) -> None:
        self._directory, self.replicas, self.pid, self.path = directory, replicas, pid, path
        self.in_flight, self.is_current = 0, True
        self.takes_bundles = False
        self._kept: list[Upstream] = []
        self._bundle: Bundle | None = None
        self._connecting: set[asyncio.Task[None]] = set()

    def send(self, exchange: Exchange) -> None:
        """Give it a request: at once if a connection has been kept."""
        exchange.worker = self
        self.in_flight += 1
        self.replicas.begun()
        if self.takes_bundles:
            call = exchange.small_call
            if call is not None:
                self._send_bundled(call)
                return
        kept = self._kept
        while kept:
            upstream = kept.pop()
            if upstream.begin(exchange):
                return
        self._follow(self._connect(exchange))

    def _send_bundled(self, call: GrpcExchange) -> None:
        bundle = self._bundle
        if bundle is None:
            from scoringhost.fleet.front.bundle import Bundle  # here, as most fronts never need it

            bundle = self._bundle = Bundle(self)
            self._follow(bundle.connect())
        bundle.add(call)

    def _follow(self, connecting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(connecting)
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def send_anew(self, exchange: Exchange) -> None:
        """Send a request of which nothing has been handed over, here or, if no more is to come here, elsewhere."""
        if self.is_current:
            self.send(exchange)
        else:
            self._directory.send(exchange)

    def forget_bundle(self, bundle: Bundle) -> None:
        """No call is to come on this connection any more."""
        if self._bundle is bundle:
            self._bundle = None

    async def _connect(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, upstream = await loop.create_unix_connection(partial(Upstream, self), self.path)
        except OSError:
            self.pass_over(exchange)
            return
        if exchange.is_over:  # its client has gone meanwhile
            self.leave(exchange)
            self.keep(upstream)
        elif not self.is_current:  # another table has come meanwhile
            upstream.close()
            self.leave(exchange)
            self._directory.send(exchange)
        elif not upstream.begin(exchange):
            self.pass_over(exchange)

    def pass_over(self, exchange: Exchange) -> None:
        """It cannot be reached."""
        self.leave(exchange)
        if not exchange.is_over:
            self._directory.send_elsewhere(exchange, self)

    def keep(self, upstream: Upstream) -> None:
        """A connection is free again."""
        if self.is_current:
            upstream.kept_since_s = time.monotonic()
            self._kept.append(upstream)
        else:
            upstream.close()

    def forget(self, upstream: Upstream) -> None:
        """A connection has ended."""
        if upstream in self._kept:
            self._kept.remove(upstream)

    def leave(self, exchange: Exchange) -> None:
        """A request is with this worker no more."""
        exchange.worker = exchange.upstream = None
        self.in_flight -= 1
        self.replicas.ended()

    def retire(self) -> None:
        """No request is given to it any more: close what is idle, so that it need not do so."""
        self.is_current = False
        kept, self._kept = self._kept, []
        for upstream in kept:
            upstream.close()
        if self._bundle is not None:
            self._bundle.leave()

    def close_idle(self, now_s: float) -> None:
        """Close connections that have been idle for long."""
        for upstream in [one for one in self._kept if now_s - one.kept_since_s > KEPT_S]:
            upstream.close()


class Upstream(asyncio.Protocol):
    """One connection to a worker; reads the answers."""

    __slots__ = ("_answer", "_exchange", "_fd", "_transport", "_worker", "kept_since_s")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._exchange: Exchange | None = None
        self._answer: Answer | None = None
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self.kept_since_s = 0.0

    # -- requests -----------------------------------------------------------------------------------

    @property
    def is_closing(self) -> bool:
        """Whether it can take no more."""
        return self._transport is None or self._transport.is_closing()

    def begin(self, exchange: Exchange) -> bool:
        """Hand over what there is of a request; returns whether that could be done.

        The first write goes past the transport, which has nothing to send then: it would not say whether a connection
        that the worker has closed took a part of it. The kernel does, and only what took nothing may be repeated.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        data = exchange.rendered()
        try:
            taken = os.write(self._fd, data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.close()
            return False
        self._exchange, exchange.upstream = exchange, self
        exchange.handed_over()
        if taken < len(data):
            transport.write(data[taken:])
        if not exchange.is_whole:
            exchange.connection.go_on_uploading()
        return True

    def write(self, data: bytes) -> None:
        """Hand over more of it."""
        if self._transport is not None:
            self._transport.write(data)

    def abandon(self) -> None:
        """The client has gone: let the replica know, which otherwise would go on."""
        exchange, self._exchange = self._exchange, None
        self._forget_answer()
        if exchange is not None:
            self._worker.leave(exchange)
            exchange.end_copy(is_whole=False)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close it, with nothing under way."""
        if self._transport is not None:
            self._transport.close()

    # -- answers ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be used."""
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Pass an answer on as it comes, in one piece if it came so."""
        exchange, answer = self._exchange, self._answer
        if exchange is None:
            self.close()  # nobody has asked
            return
        if answer is None:
            whole = passed_whole(data, exchange)
            if whole is not None:
                exchange.has_answered = True
                exchange.connection.pass_on(exchange, whole)
                self._finish(exchange, is_last=False)
                return
            answer = self._answer = Answer(exchange)
        fault = answer.feed(data)
        if fault is not None:
            self._fail(ReplicaUnintelligible(self._name(exchange), fault))
            return
        if answer.wants_continue:
            answer.wants_continue = False
            exchange.connection.pass_on(exchange, CONTINUE)
        if answer.out:
            out = answer.out
            answer.out = []
            exchange.has_answered = True
            exchange.connection.pass_on(exchange, out[0] if len(out) == 1 else b"".join(out))
        if answer.is_whole:
            self._finish(exchange, is_last=answer.is_last)

    def _finish(self, exchange: Exchange, *, is_last: bool) -> None:
        """The answer is whole: the connection is free again, unless one side wants it to end."""
        self._forget_answer()
        self._exchange = None
        worker = self._worker
        worker.leave(exchange)
        if exchange.copying is not None:
            exchange.end_copy(is_whole=exchange.is_whole)
        if is_last or not exchange.is_whole or self.is_closing:
            self.close()
        else:
            worker.keep(self)
        exchange.connection.answered(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker has closed it, or has gone."""
        self._transport = None
        self._worker.forget(self)
        self._forget_answer()
        if self._exchange is not None:
            self._fail(ReplicaLost(self._name(self._exchange)))

    def _fail(self, error: ReplicaLost | ReplicaUnintelligible) -> None:
        exchange, self._exchange = self._exchange, None
        self._forget_answer()
        if self._transport is not None:
            self._transport.abort()
        if exchange is not None:
            self._worker.leave(exchange)
            exchange.end_copy(is_whole=False)
            exchange.connection.fail(exchange, error)

    def _forget_answer(self) -> None:
        if self._answer is not None:
            self._answer.let_go()
            self._answer = None

    @staticmethod
    def _name(exchange: Exchange) -> str:
        return "the service" if exchange.live is None else exchange.live.label

    # -- back-pressure --------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The worker takes no more of the body for now: no more is read of it."""
        if self._exchange is not None:
            self._exchange.connection.pause_uploading()

    def resume_writing(self) -> None:
        """It takes more again."""
        if self._exchange is not None:
            self._exchange.connection.go_on_uploading()

    def pause_reading(self) -> None:
        """The client reads slower than the worker answers."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client has caught up."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
