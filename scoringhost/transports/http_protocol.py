"""uvicorn's HTTP protocol, with our own answers to what its parser refuses.

The parser knows a fixed list of methods and calls everything else malformed. A request that is
well-formed but for its method is handed to the application, which answers 404 or 405; all other
malformed input is a 400. Both are JSON with request ids, and the connection is closed after them.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from scoringhost.errors import HeadersTooLarge, MalformedRequest
from scoringhost.protocols.messages import Headers, HttpRequest
from scoringhost.transports.asgi import HEADERS_LIMIT, AsgiApp

# A request line of RFC 9112, section 3, with a method token of RFC 9110, section 5.6.2.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]{1,40}) (/[!-~]*) HTTP/1\.[01]\r\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r\n")


_TOO_LARGE = f"The request headers are larger than {HEADERS_LIMIT} bytes"


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _latest = b""
    _head_size = 0
    _refused = False

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that never ends is refused before it fills the memory."""
        self._latest = data
        super().data_received(data)
        scope: Any = self.scope  # None before the first request, whatever its annotation says
        if scope is not None and "method" in scope:
            self._head_size = 0
            return
        self._head_size += len(data)
        if self._head_size > HEADERS_LIMIT and not self.transport.is_closing():
            self._answer(HttpRequest("GET", "/score", fault=HeadersTooLarge(_TOO_LARGE)))

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused."""
        self._answer(_understood(self._latest, msg))

    def _answer(self, request: HttpRequest) -> None:
        app = self.config.loaded_app
        if not isinstance(app, AsgiApp):
            super().send_400_response("Invalid HTTP request received.")
        elif not self._refused:
            self._refused = True
            task = self.loop.create_task(self._refuse(app, request))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _refuse(self, app: AsgiApp, request: HttpRequest) -> None:
        response = await app.app.handle(request)
        body = response.body if isinstance(response.body, bytes) else b""
        reason = HTTPStatus(response.status).phrase
        lines = [f"HTTP/1.1 {response.status} {reason}", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name.lower()}: {value}" for name, value in response.headers]
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.transport.write(head.encode("latin-1", "replace") + (b"" if request.method == "HEAD" else body))
        self.transport.close()


def _understood(data: bytes, problem: str) -> HttpRequest:
    """The request with its own method if that is all that is wrong with it, else one with a fault."""
    line = _REQUEST_LINE.match(data)
    found: dict[str, Any] = {"method": "GET", "path": "/score", "fault": MalformedRequest(problem)}
    if line is None:
        return HttpRequest(**found)
    method, target = line[1].decode(), line[2].decode()
    headers, at = [], line.end()
    while header := _HEADER.match(data, at):
        headers.append((header[1].decode().lower(), header[2].decode("latin-1").rstrip()))
        at = header.end()
    if data[at : at + 2] == b"\r\n" and method not in _KNOWN:
        path, _, query = target.partition("?")
        found = {"method": method, "path": path, "query": query.encode(), "headers": Headers(headers)}
    return HttpRequest(**found)


_KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})
