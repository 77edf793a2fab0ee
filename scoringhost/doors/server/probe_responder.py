"""Health probes while a run() on the spot takes longer than was expected of it.

The event loop is below that run() on the same thread and cannot move (`moving_loop.py`). Until it is
free, new connections are taken on another thread: a health probe is answered, anything else is
handed to the event loop, with what has been read, as soon as that goes on.
"""

from __future__ import annotations

import contextvars
import selectors
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import quote

from scoringhost.doors.listening import EXHAUSTED, REST_S, ExhaustionLog, accept
from scoringhost.doors.server.http_heads import render_head, well_formed
from scoringhost.http.messages import HEADERS_LIMIT, HttpRequest, HttpResponse
from scoringhost.http.routes import HEALTH_PATHS

POLL_S = 0.005


class Answerer(Protocol):
    """What answers a health probe at once, as `HttpApp` does."""

    def begin(self, request: HttpRequest) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        """Answer a request."""


class ProbeResponder:
    """Watches the listening sockets of one worker."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        app: Answerer,
        hand_over: Callable[[socket.socket, bytes], None],
        bell: socket.socket | None = None,
        paths: Sequence[str] = HEALTH_PATHS,
    ) -> None:
        """`bell`: what can be read there has `guard` look at once whether it is still needed.

        `paths`: what is asked for there is a health probe, which `app` answers without waiting for anything.
        """
        self._bell = bell
        self._probes = tuple(f"{method} {quote(path)} HTTP/1.".encode() for method in ("GET", "HEAD") for path in paths)
        self._listeners, self._app, self._hand_over = tuple(listeners), app, hand_over
        self._selector = selectors.DefaultSelector()  # now: there may be no room for one when it is needed
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        if bell is not None:
            self._selector.register(bell, selectors.EVENT_READ)
        self._waiting: dict[socket.socket, bytes] = {}  # may still turn out to be health probes
        self._others: list[tuple[socket.socket, bytes]] = []
        self._lock = threading.Lock()
        self._rests_until_s = 0.0
        self._exhaustion = ExhaustionLog()

    def close(self) -> None:
        """Watch no more: the sockets are about to be closed. On the event loop, which nothing blocks then."""
        with self._lock:
            for listener in self._listeners:
                self._selector.unregister(listener)
            self._listeners = ()

    @property
    def connections(self) -> list[socket.socket]:
        """Those that have been taken and neither answered nor handed over."""
        return [*self._waiting, *(connection for connection, _ in self._others)]

    def guard(self, is_blocked: Callable[[], bool], look_s: float = POLL_S) -> None:
        """Take new connections for as long as the event loop is blocked; `look_s`: seconds between two looks."""
        with self._lock:
            while is_blocked():
                for key, _ in self._selector.select(look_s):
                    ready: socket.socket = key.fileobj  # type: ignore[assignment]
                    if ready in self._listeners:
                        self._accept(ready)
                    elif ready is not self._bell and self._is_done(ready):
                        del self._waiting[ready]
            for connection in self._waiting:
                self._selector.unregister(connection)
            for connection, data in [*self._others, *self._waiting.items()]:
                self._hand_over(connection, data)
            self._waiting.clear()
            self._others.clear()

    def _accept(self, listener: socket.socket) -> None:
        if time.monotonic() < self._rests_until_s:
            time.sleep(POLL_S)  # the socket stays readable, and this thread would spin on it
            return
        try:
            connection = accept(listener)
        except OSError as problem:
            if problem.errno in EXHAUSTED:
                self._exhaustion.say(problem)
                self._rests_until_s = time.monotonic() + REST_S
            return  # otherwise a sibling was quicker, or the client has gone
        self._waiting[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ)

    def _is_done(self, connection: socket.socket) -> bool:
        """Read from a connection; whether it has been answered, has gone, or is none of ours."""
        try:
            data = connection.recv(65_536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._let_go(connection)
            return True
        read = self._waiting[connection] + data
        if len(read) > HEADERS_LIMIT or not read.startswith(tuple(probe[: len(read)] for probe in self._probes)):
            # No more of it is read here, where no limit of bodies holds: a large one would fill the memory.
            self._selector.unregister(connection)
            self._others.append((connection, read))
            return True
        self._waiting[connection] = read
        request = well_formed(read)
        if request is None:
            return False
        with suppress(OSError):
            connection.send(self._answer(request))
        self._let_go(connection)
        return True

    def _let_go(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _answer(self, request: HttpRequest) -> bytes:
        response = contextvars.copy_context().run(self._app.begin, request)
        assert isinstance(response, HttpResponse), "a health probe waits for nothing"
        body = response.body if isinstance(response.body, bytes) else b""
        head = render_head(response, f"content-length: {len(body)}\r\nconnection: close\r\n")
        return head if request.method == "HEAD" else head + body
