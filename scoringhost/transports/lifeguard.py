"""Health probes while a run() on the spot takes longer than was expected of it.

The event loop is below that run() on the same thread and cannot move (`moving_loop.py`). Until it is
free, new connections are taken on another thread: a health probe is answered, anything else is
handed to the event loop, with what has been read, as soon as that goes on.
"""

from __future__ import annotations

import contextvars
import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from scoringhost.protocols.app import HttpApp
from scoringhost.protocols.messages import HttpRequest, HttpResponse
from scoringhost.transports.http_heads import render_head, well_formed

POLL_S = 0.005
_PROBES = (b"GET / HTTP/1.", b"HEAD / HTTP/1.")


class Lifeguard:
    """Watches the listening sockets of one worker."""

    def __init__(
        self, listeners: Sequence[socket.socket], app: HttpApp, hand_over: Callable[[socket.socket, bytes], None]
    ) -> None:
        self._listeners, self._app, self._hand_over = tuple(listeners), app, hand_over

    def guard(self, is_blocked: Callable[[], bool]) -> None:
        """Take new connections for as long as the event loop is blocked."""
        waiting: dict[socket.socket, bytes] = {}
        with selectors.DefaultSelector() as selector:
            for listener in self._listeners:
                selector.register(listener, selectors.EVENT_READ)
            while is_blocked():
                for key, _ in selector.select(POLL_S):
                    ready: socket.socket = key.fileobj  # type: ignore[assignment]
                    if ready in self._listeners:
                        self._accept(ready, selector, waiting)
                    elif self._is_done(ready, waiting):
                        selector.unregister(ready)
                        del waiting[ready]
        for connection, data in waiting.items():
            self._hand_over(connection, data)

    def _accept(
        self, listener: socket.socket, selector: selectors.BaseSelector, waiting: dict[socket.socket, bytes]
    ) -> None:
        with suppress(OSError):  # a sibling was quicker
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting[connection] = b""
            selector.register(connection, selectors.EVENT_READ)

    def _is_done(self, connection: socket.socket, waiting: dict[socket.socket, bytes]) -> bool:
        """Read from a connection; whether it has been answered or has gone."""
        try:
            data = connection.recv(65_536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            connection.close()
            return True
        waiting[connection] += data
        request = well_formed(waiting[connection]) if waiting[connection].startswith(_PROBES) else None
        if request is None:
            return False
        with connection, suppress(OSError):
            connection.send(self._answer(request))
        return True

    def _answer(self, request: HttpRequest) -> bytes:
        response = contextvars.copy_context().run(self._app.begin, request)
        assert isinstance(response, HttpResponse), "a health probe waits for nothing"
        body = response.body if isinstance(response.body, bytes) else b""
        head = render_head(response, f"content-length: {len(body)}\r\nconnection: close\r\n")
        return head if request.method == "HEAD" else head + body
