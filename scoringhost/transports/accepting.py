"""A uvicorn server that takes connections one at a time, and lets idle sibling workers go first.

All workers listen on the same socket. Left to itself, the event loop of the first one to wake takes
every connection there is, though its run() is busy and another worker's is not. Here a worker whose
run() is busy waits a moment before it accepts, which is enough for an idle one to have done so;
health probes therefore still get in when all are busy.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn

COURTESY_S = 0.015
COURTESIES = 3
"""How long, and how often again, a busy worker leaves a new connection to the others."""


class Acceptor:
    """Takes the connections of one listening socket; `busy` tells whether others should go first."""

    def __init__(
        self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol], busy: Callable[[], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener, self._protocol, self._busy = listener, protocol, busy
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False
        listener.setblocking(False)
        self._watch()

    def close(self) -> None:
        """Take no more connections."""
        self._closed = True
        self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Wait until every connection that was accepted has its protocol, which knows of requests on it."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _watch(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        if self._busy():
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(COURTESY_S, self._after_courtesy, 1)
        else:
            self._accept()

    def _after_courtesy(self, times: int) -> None:
        if self._closed:
            return
        if self._busy() and times < COURTESIES:
            self._loop.call_later(COURTESY_S, self._after_courtesy, times + 1)
            return
        self._accept()
        self._watch()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # another worker was quicker, or the client has gone
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class FairServer(uvicorn.Server):
    """A uvicorn server with such acceptors."""

    def __init__(self, config: uvicorn.Config, busy: Callable[[], bool]) -> None:
        super().__init__(config)
        self._busy = busy

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the sockets that were handed over."""
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state={}, _loop=loop
            )

        self.servers = [Acceptor(listener, protocol, self._busy) for listener in sockets or []]  # type: ignore[misc]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, then let go of those that there are."""
        for server in self.servers:
            server.close()
            await server.wait_closed()
        await super().shutdown(sockets)
