"""A uvicorn server that takes connections itself, and lets idle sibling workers go first.

All workers listen on the same socket. Left to itself, the event loop of the first one to wake takes
every connection there is, though its run() is busy and another worker's is not. Here a worker whose
run() is busy waits a moment before it accepts, which is enough for an idle one to have done so. If
nobody has, all are busy, and it takes what waits: health probes are answered beside a run(). It does
so a few at a time, so that siblings that are as busy get their share.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from scoringhost.doors.certificates import Certificates
from scoringhost.doors.listening import EXHAUSTED, REST_S, ExhaustionLog, accept
from scoringhost.doors.server.connection_limits import ConnectionLimits, Intake
from scoringhost.doors.server.http_protocol import HttpProtocol
from scoringhost.doors.server.secure_protocol import SecureProtocol
from scoringhost.http.app import STOPPING
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from uvicorn.server import ServerState

COURTESY_S = 0.015
COURTESIES = 3
"""How long, and how often again, a busy worker leaves a new connection to the others."""

STEP = 8
"""Connections that are taken before the event loop does something else, and siblings have a turn."""

SHAKE_HANDS_S = 3.0
"""Seconds that clients have to finish their TLS handshakes when the server stops."""

LOOK_S = 0.02
"""Seconds between two looks at whether every connection has ended."""


log = logging.getLogger(HOST_LOGGER)


class Acceptor:
    """Takes the connections of one listening socket; `busy` tells whether others should go first."""

    def __init__(
        self, listener: socket.socket, take: Callable[[socket.socket], None], busy: Callable[[], bool]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.listener, self._take, self._busy = listener, take, busy
        self._closed = self._resting = False
        self._exhaustion = ExhaustionLog()
        listener.setblocking(False)
        self._watch()

    def close(self) -> None:
        """Take no more connections; may be called twice."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self.listener.fileno())

    async def take_what_waits(self, by_s: float) -> None:
        """Take every connection that waits; `by_s` (of time.monotonic) is the end of waiting for room."""
        while not self._closed:
            if self._accept(STEP):
                await asyncio.sleep(0)
            elif self._resting and time.monotonic() < by_s:
                await asyncio.sleep(REST_S)
            else:
                return

    def _watch(self) -> None:
        if not self._closed and not self._resting:
            self._loop.add_reader(self.listener.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        if self._busy():
            self._loop.remove_reader(self.listener.fileno())
            self._loop.call_later(COURTESY_S, self._after_courtesy, 1)
        else:
            self._accept(1)  # one: the next one may be for a sibling that is as idle

    def _after_courtesy(self, times: int) -> None:
        if self._closed:
            return
        if not self._busy():
            self._accept(1)
            self._watch()
        elif times < COURTESIES:
            self._loop.call_later(COURTESY_S, self._after_courtesy, times + 1)
        else:
            self._take_steps()

    def _take_steps(self) -> None:
        if not self._closed and self._accept(STEP):
            self._loop.call_soon(self._take_steps)
        else:
            self._watch()

    def _accept(self, most: int) -> bool:
        """Take up to `most` connections; whether there were so many, so that more may wait."""
        for _ in range(most):
            try:
                connection = accept(self.listener)
            except BlockingIOError:
                return False
            except OSError as problem:
                if problem.errno in EXHAUSTED:
                    self._rest(problem)
                    return False
                continue  # this client has gone
            self._take(connection)
        return True

    def _rest(self, problem: OSError) -> None:
        """Wait for connections to end: the socket stays readable, and the loop would spin on it."""
        self._exhaustion.say(problem)
        if not self._resting:
            self._resting = True
            if not self._closed:
                self._loop.remove_reader(self.listener.fileno())
            self._loop.call_later(REST_S, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        self._watch()


def _never() -> bool:
    return False


class FairServer(uvicorn.Server):
    """A uvicorn server with such acceptors; how it ends is up to its worker, step by step."""

    server_state: ServerState
    plain_protocol: type[HttpProtocol] = HttpProtocol
    secure_protocol: type[HttpProtocol] = SecureProtocol
    """What serves a connection: over TCP as it is, and over TLS."""

    def __init__(
        self,
        config: uvicorn.Config,
        busy: Callable[[], bool],
        certificates: Certificates | None = None,
        own: socket.socket | None = None,
    ) -> None:
        """`own`: a listening socket that no sibling shares, so that nobody else takes what waits there."""
        super().__init__(config)
        self._certificates = certificates
        self._busy = busy
        self._own = own
        self._acceptors: list[Acceptor] = []
        self._arriving: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the sockets that were handed over."""
        self._loop = asyncio.get_running_loop()
        for listener in sockets or []:
            busy = self._busy if listener is not self._own else _never
            self._acceptors.append(Acceptor(listener, self.take, busy))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Do nothing: uvicorn would close the listening sockets at once, with what waits in their backlog."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the worker."""
        yield

    @property
    def connections(self) -> Sequence[HttpProtocol]:
        """Every connection that is open."""
        return [cast("HttpProtocol", connection) for connection in self.server_state.connections]

    def take(self, connection: socket.socket, data: bytes = b"") -> None:
        """Serve a connection; `data`: what somebody else has read from it already. On the event loop."""

        if self._certificates is not None:
            arriving = self._secured(connection, self._certificates.context)
        else:

            def protocol() -> HttpProtocol:
                made = self.plain_protocol(self.config, self.server_state, {}, self._loop)
                if data:
                    made.read_already = data
                return made

            arriving = self._loop.connect_accepted_socket(protocol, connection)
        task = self._loop.create_task(arriving)
        self._arriving.add(task)
        task.add_done_callback(self._arrived)

    def _secured(self, connection: socket.socket, context: ssl.SSLContext) -> Coroutine[Any, Any, object]:
        """Shake hands; nobody has read from such a connection before."""
        limits: ConnectionLimits = cast("Intake", self.config.loaded_app).limits
        return self._loop.connect_accepted_socket(
            lambda: self.secure_protocol(self.config, self.server_state, {}, self._loop),
            connection,
            ssl=context,
            ssl_handshake_timeout=limits.head_s,
            ssl_shutdown_timeout=limits.closing_s,
        )

    def _arrived(self, task: asyncio.Task[object]) -> None:
        """It has its protocol, or has not got so far: clients that do not trust us, or we do not, are none of ours."""
        self._arriving.discard(task)
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            log.debug("a connection has not come about: %s", problem)

    # -- the end, in this order -----------------------------------------------------------------------

    def tell_connections(self) -> None:
        """Have each connection closed once its request, if there is one, is answered."""
        for connection in self.connections:
            connection.shutdown()

    async def take_what_waits(self, by_s: float, *, own: bool = False) -> None:
        """Take every connection that waits, or only those at the socket of its own; they are told nothing yet."""
        for acceptor in self._acceptors:
            if not own or acceptor.listener is self._own:
                await acceptor.take_what_waits(by_s)

    async def close_listeners(self, listeners: Sequence[socket.socket]) -> None:
        """Close the listening sockets, and wait until each connection that was taken has its protocol."""
        for acceptor in self._acceptors:
            acceptor.close()
        for listener in listeners:
            listener.close()
        if self._arriving:
            _, late = await asyncio.wait(self._arriving, timeout=SHAKE_HANDS_S)
            for task in late:  # only hands can be shaken slowly
                task.cancel()

    async def ended(self, by_s: float) -> bool:
        """Wait until every connection and request has ended, or for the time; whether they have."""
        state = self.server_state
        while state.connections or state.tasks:
            if time.monotonic() >= by_s:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def cancel_requests(self) -> None:
        """Have the callers of all requests that are still under way told that they will not be finished."""
        for task in self.server_state.tasks:
            task.cancel(STOPPING)
