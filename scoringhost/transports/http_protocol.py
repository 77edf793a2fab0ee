"""The fast door: HTTP/1.1 on httptools, straight to HttpApp.

uvicorn's server owns the sockets, the connections and the graceful stop; this is its protocol. A
request is read whole and then handled; most are answered before the parser's callback returns,
with no task and no queue in between. What the parser refuses is answered in JSON, too.
Messages follow RFC 9112.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from scoringhost.errors import BodyTooLarge, CallError, HeadersTooLarge, MalformedRequest, ScoringHostError
from scoringhost.protocols.http_errors import render
from scoringhost.protocols.messages import Headers, HttpRequest, HttpResponse
from scoringhost.transports.asgi import HEADERS_LIMIT, AsgiApp
from scoringhost.transports.connections import bytes_wait
from scoringhost.transports.http_heads import render_head, split_target, understood

PIPELINE_LIMIT = 16
"""Requests read ahead on one connection before reading pauses."""

_NAMES = {
    spelling.encode(): name
    for name in ("host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "connection",
                 "x-request-id", "x-ms-request-id", "x-ms-client-request-id", "authorization", "traceparent")
    for spelling in (name, name.title())
}  # fmt: skip
_OF_AN_UPGRADE = frozenset({"upgrade", "connection", "http2-settings", "expect"})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})
_TOO_LARGE = f"The request headers are larger than {HEADERS_LIMIT} bytes"

LINGER_S = 0.05
"""Seconds that an idle connection stays open when the server stops: a request may be on its way."""

RECENT_S = 1.0
"""The same, counted from its last request or its beginning: a client in the middle of its work asks again."""


class HttpProtocol(asyncio.Protocol):
    """One connection, made by uvicorn's server. `read_already`: bytes that somebody else has read from it."""

    read_already = b""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        asgi = cast("AsgiApp", config.loaded_app)
        self._app, self._max_body = asgi.app, asgi.max_body
        self._server, self._idle_limit_s = server_state, config.timeout_keep_alive
        self._loop = _loop or asyncio.get_running_loop()
        self._turns: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = self._closing = self._lost = self._refused = self._on_the_spot = self._keep_alive = False
        self._writable: asyncio.Future[None] | None = None
        self._active_s = 0.0
        self._received = 0
        self._client: str | None = None
        self._in_head = self._arriving = False
        self._dated: tuple[object, bytes] = (None, b"")

    # -- the connection -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(cast("Any", self))
        self._parser = httptools.HttpRequestParser(self)
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else None
        self._active_s = time.monotonic()
        self._timer = self._loop.call_later(self._idle_limit_s, self._check_idle)
        if self.read_already:
            self.data_received(self.read_already)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what waits for it is abandoned."""
        self._lost = True
        self._server.connections.discard(cast("Any", self))
        self._timer.cancel()
        self._turns.clear()
        self.resume_writing()

    def transport_socket(self) -> Any:
        """The socket of the connection; None if it is closed."""
        return self._transport.get_extra_info("socket")

    def shutdown(self) -> None:
        """Close once the request in progress is answered, or soon; uvicorn calls it when the server stops."""
        self._closing = True
        if not self._busy:
            linger_s = max(LINGER_S, self._active_s + RECENT_S - time.monotonic())
            self._loop.call_later(linger_s, self._close_unless_asked)

    def _close_unless_asked(self) -> None:
        """Close, unless a request is in progress or arriving: that one is answered first."""
        if self._busy or self._arriving or self._lost:
            return
        if bytes_wait(self._transport):  # closing over them would reset the connection
            self._loop.call_later(LINGER_S, self._close_unless_asked)
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        """The client reads slower than a stream writes."""
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The client has caught up, or gone."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _check_idle(self) -> None:
        idle_s = time.monotonic() - self._active_s
        if not self._busy and idle_s >= self._idle_limit_s:
            self._transport.close()
            return
        wait_s = self._idle_limit_s if self._busy else self._idle_limit_s - idle_s
        self._timer = self._loop.call_later(wait_s, self._check_idle)

    # -- reading ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._refused:
            return
        self._active_s = time.monotonic()
        self._received = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._serve_plainly(data[upgrade.args[0] :])
        except httptools.HttpParserError as problem:
            self._refuse(understood(data, str(problem) or "Invalid HTTP request received."))
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > HEADERS_LIMIT and not self._refused:
                self._refuse(HttpRequest("GET", "/score", fault=HeadersTooLarge(_TOO_LARGE)))

    def _refuse(self, request: HttpRequest) -> None:
        """Answer what cannot be parsed, after what came before it, and close."""
        self._refused = True
        self._take(request, keep_alive=False)

    def _serve_plainly(self, rest: bytes) -> None:
        """An upgrade is not offered (RFC 9110, 7.8): read the request again without the wish for one."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(HttpRequest("CONNECT", self._url.decode("latin-1"), headers=self._headers))
            return
        lines = [b"%s %s HTTP/1.1" % (method, self._url)]
        if "close" in self._headers.get("connection", "").lower():
            lines.append(b"connection: close")
        lines += [
            f"{name}: {value}".encode("latin-1") for name, value in self._headers.items() if name not in _OF_AN_UPGRADE
        ]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def on_message_begin(self) -> None:
        """A request line has begun."""
        self._url, self._version = b"", ""
        self._headers = Headers()
        self._parts: list[bytes] = []
        self._size = self._head_size = 0
        self._in_head = self._arriving = True
        self._fault: CallError | None = None

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; repeated ones are joined."""
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1").strip(" \t")
        headers = self._headers
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """The head is there: refuse a body that is too large before it is sent."""
        self._in_head = False
        headers = self._headers
        self._version = self._parser.get_http_version()
        if self._version == "0.9":
            self._fault = MalformedRequest("The request line names no version of HTTP")
        elif self._received > HEADERS_LIMIT // 2 and sum(map(len, headers.values())) > HEADERS_LIMIT:
            self._fault = HeadersTooLarge(_TOO_LARGE)
        elif "content-length" in headers and int(headers["content-length"] or 0) > self._max_body:
            self._fault = BodyTooLarge(self._max_body)
        elif "expect" in headers and headers["expect"].lower() == "100-continue" and not self._busy:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body; what is over the limit is read and dropped."""
        self._size += len(body)
        if self._fault is None:
            self._parts.append(body)
            if self._size > self._max_body:
                self._fault = BodyTooLarge(self._max_body)
                self._parts.clear()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._arriving = False
        if self._parser.should_upgrade():
            return  # the parser stops here and leaves the body to us
        path, query = split_target(self._url)
        version = self._version
        parts, headers, method = self._parts, self._headers, self._parser.get_method()
        request = HttpRequest(
            "POST" if method == b"POST" else method.decode("ascii"),
            path,
            query,
            headers,
            parts[0] if len(parts) == 1 else b"".join(parts),
            "http",
            headers.get("host") or "localhost",
            version,
            self._client,
            self._fault,
            self._is_lost,
        )
        self._take(request, version == "1.1" and self._parser.should_keep_alive())

    def _is_lost(self) -> bool:
        return self._lost

    # -- answering ----------------------------------------------------------------------------------

    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request, now or after those before it."""
        if not self._busy:
            self._answer(request, keep_alive)
            return
        self._turns.append((request, keep_alive))
        if len(self._turns) >= PIPELINE_LIMIT:
            self._transport.pause_reading()

    def _answer(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request, at once if it needs not wait for anything; then the connection is kept, or closed."""
        self._busy = self._on_the_spot = True
        self._keep_alive = keep_alive
        context = contextvars.copy_context()
        answer = context.run(self._app.begin, request)
        self._on_the_spot = False
        if isinstance(answer, HttpResponse) and isinstance(answer.body, bytes):
            self._write(request, answer, answer.body)
            self._finished()
            return
        task = self._loop.create_task(self._answer_later(request, answer), context=context)
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _answer_later(
        self, request: HttpRequest, answer: HttpResponse | Coroutine[Any, Any, HttpResponse]
    ) -> None:
        response = answer if isinstance(answer, HttpResponse) else await answer
        if isinstance(response.body, bytes):
            self._write(request, response, response.body)
        else:
            await self._stream(request, response, response.body)
        self._finished()
        if not self._lost:
            self._transport.resume_reading()
            self._active_s = time.monotonic()
        while self._turns and not self._busy and not self._lost:
            self._answer(*self._turns.popleft())

    def last_words(self, of_current: ScoringHostError, of_others: ScoringHostError) -> None:
        """Answer without the event loop, which is blocked for good, before the process ends; from any thread."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        error = of_current if self._on_the_spot else of_others
        if connection is None or self._lost:
            return
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(connection.fileno())) as own:
            if self._busy or own.recv(65_536, socket.MSG_DONTWAIT):
                response = render(error)
                framing = f"content-length: {len(response.body)}\r\nconnection: close\r\n"  # type: ignore[arg-type]
                own.send(render_head(response, framing) + response.body, socket.MSG_DONTWAIT)  # type: ignore[operator]

    def _finished(self) -> None:
        self._busy = False
        self._server.total_requests += 1
        if not self._keep_alive or self._closing:
            self._turns.clear()
            self._transport.close()

    def _write(self, request: HttpRequest, response: HttpResponse, body: bytes) -> None:
        if self._lost:
            return
        bodiless = response.status in _BODILESS
        head = self._head(response, "" if bodiless else f"content-length: {len(body)}\r\n")
        if request.method == "HEAD" or not body or bodiless:
            self._transport.write(head)
        elif len(body) < 65_536:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])

    def _head(self, response: HttpResponse, framing: str) -> bytes:
        if not self._keep_alive or self._closing:
            framing += "connection: close\r\n"
        always = self._server.default_headers  # a new list every second, for the date
        if self._dated[0] is not always:
            self._dated = always, b"".join([b"%s: %s\r\n" % pair for pair in always])
        return render_head(response, framing, self._dated[1])

    async def _stream(self, request: HttpRequest, response: HttpResponse, body: AsyncIterator[bytes]) -> None:
        """Send a stream in chunks; one that breaks leaves the connection cut, so that the client notices."""
        chunked = request.http_version != "1.0"
        self._keep_alive = self._keep_alive and chunked
        try:
            self._transport.write(self._head(response, "transfer-encoding: chunked\r\n" if chunked else ""))
            if request.method != "HEAD":
                await self._send_pieces(body, chunked)
        except Exception:
            self._keep_alive = False  # no last chunk; what went wrong is in the log already
        finally:
            with suppress(Exception):
                await body.aclose()  # type: ignore[attr-defined]

    async def _send_pieces(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        async for piece in body:
            if self._writable is not None:
                await self._writable
            if self._lost:
                return
            if piece:
                self._transport.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self._transport.write(b"0\r\n\r\n")
