"""The front's connections to the workers of replica sets: kept, HTTP/1.1, one request at a time on each.

A request is on a connection from the moment on at which its head is written. Up to then it can go to another worker;
after that it is never sent again, whatever becomes of this one.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, cast

from scoringhost.doors.server.http_connection import CONTINUE
from scoringhost.errors import ReplicaLost, ReplicaUnintelligible
from scoringhost.fleet.front.answering import Answer, passed_whole

if TYPE_CHECKING:
    from scoringhost.fleet.front.exchange import Exchange
    from scoringhost.fleet.front.worker import Worker


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
