"""Port: the listening sockets of one worker's share of the gRPC port.

Each worker has its own at the same port (SO_REUSEPORT), and the system gives each new connection to one of them.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from scoringhost.doors.listening import EXHAUSTED, REST_S, ExhaustionLog, accept, refuse_new

BACKLOG = 2048


class Port:
    """Listens from `listen` on. Connections are taken by `take_one`, or by an event loop and handed on."""

    def __init__(self, host: str, port: int, sockets: Sequence[socket.socket] = ()) -> None:
        """sockets: those that listen already, in place of `listen`."""
        self._host, self._port = host, port
        self.sockets = list(sockets)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._exhaustion = ExhaustionLog()
        self.rests_until_s = 0.0
        """Of `time.monotonic`: until then there is no room for connections."""

    def listen(self) -> None:
        """Listen from now on, at every address that the host has.

        Raises:
            OSError: if nobody can listen there.
        """
        problem: OSError | None = None
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            try:
                self.sockets.append(_listening(family, address))
            except OSError as one:  # a host's name may have an address of a kind that this system has not
                problem = one
        if not self.sockets and problem is not None:
            raise problem

    def take_one(self, listener: socket.socket) -> socket.socket | None:
        """A connection that waits; None if none does, or there is no room for one."""
        try:
            return accept(listener)
        except OSError as problem:
            if problem.errno in EXHAUSTED:
                self._exhaustion.say(problem)
                self._rest()
            return None

    def watch(self, loop: asyncio.AbstractEventLoop, take: Callable[[socket.socket], None]) -> None:
        """Have an event loop take what comes."""
        self._loop, self._take = loop, take
        for listener in self.sockets:
            loop.add_reader(listener.fileno(), self._on_readable, listener)

    def _on_readable(self, listener: socket.socket) -> None:
        taken = self.take_one(listener)
        if taken is not None:
            self._take(taken)

    def _rest(self) -> None:
        """Wait for connections to end: the socket stays readable, and the loop would spin on it."""
        self.rests_until_s = time.monotonic() + REST_S
        if self._loop is not None and self._resting is None:
            self._unwatch()
            self._resting = self._loop.call_later(REST_S, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if self.sockets and self._loop is not None:
            self.watch(self._loop, self._take)

    def _unwatch(self) -> None:
        if self._loop is not None:
            for listener in self.sockets:
                self._loop.remove_reader(listener.fileno())

    def refuse(self) -> None:
        """Keep new connections out, so that what waits can be taken before the sockets are closed."""
        for listener in self.sockets:
            refuse_new(listener)

    def close(self) -> None:
        """Take what waits, and listen no more."""
        self._unwatch()
        listeners, self.sockets = self.sockets, []
        for listener in listeners:
            while (taken := self.take_one(listener)) is not None:
                self._take(taken)
            listener.close()


def _listening(family: socket.AddressFamily | int, address: object) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):
                # `::` is every address, those of IPv4 too, as gRPC's own servers have it.
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setblocking(False)
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
