"""The fast door: an ASGI application (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from scoringhost.errors import BodyTooLarge, CallError, HeadersTooLarge, IncompleteBody, RunError
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import BODILESS, HEADERS_LIMIT, Headers, HttpRequest, HttpResponse, close_body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AsgiApp:
    """One HttpApp as an ASGI application; `max_body` is in bytes."""

    def __init__(self, app: HttpApp, max_body: int) -> None:
        self.app, self.max_body = app, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; only `http` is served."""
        if scope["type"] != "http":
            raise NotImplementedError(f"ASGI scope {scope['type']!r} is not served")
        request = head_of(scope, receive, self.max_body)
        request.fault = request.fault or await self.app.let_in(request)
        if request.fault is None:
            request.body, request.fault = await _read_body(receive, self.max_body)
        await write_response(await self.app.handle(request), request, send)


def head_of(scope: Scope, receive: Receive, max_body: int) -> HttpRequest:
    """The request without its body, or with a fault if its head or its body is too large."""
    raw_headers = scope["headers"]
    headers = Headers.from_raw(raw_headers)
    fault: CallError | None = None
    if sum(len(name) + len(value) for name, value in raw_headers) > HEADERS_LIMIT:
        fault = HeadersTooLarge(f"The request headers are larger than {HEADERS_LIMIT} bytes")
    elif int(headers.get("content-length") or 0) > max_body:
        fault = BodyTooLarge(max_body)
    client, server = scope.get("client"), scope.get("server") or ("localhost", None)
    host = headers.get("host") or (f"{server[0]}:{server[1]}" if server[1] else server[0])
    return HttpRequest(
        method=scope["method"],
        path=_path(scope),
        query=scope["query_string"],
        headers=headers,
        scheme=scope.get("scheme", "http"),
        host=host,
        http_version=scope.get("http_version", "1.1"),
        client=client[0] if client else None,
        fault=fault,
        abandoned=_watch(receive),
    )


def _path(scope: Scope) -> str:
    """The decoded path; servers pass the absolute form of a target on as it came (RFC 9112, 3.2.2)."""
    path: str = scope["path"]
    if not path.startswith("/") and "://" in path:
        raw = path.partition("://")[2]
        return unquote("/" + raw.partition("/")[2])
    return path


async def _read_body(receive: Receive, max_body: int) -> tuple[bytes, CallError | None]:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return (body, None) if len(body) <= max_body else (b"", BodyTooLarge(max_body))
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > max_body:
            return b"", BodyTooLarge(max_body)
        if not message.get("more_body"):
            return b"".join(parts), None
        message = await receive()
    return b"", IncompleteBody()


def _watch(receive: Receive) -> Callable[[], bool]:
    """Whether the client has gone: uvicorn's `receive` belongs to an object that knows it at no cost."""
    cycle = getattr(receive, "__self__", None)
    return lambda: bool(getattr(cycle, "disconnected", False))


async def write_response(response: HttpResponse, request: HttpRequest, send: Send) -> None:
    """Send a response; a stream that breaks leaves the connection cut, so that the client notices."""
    head_only = request.method == "HEAD"
    body = response.body
    headers = [(name.lower().encode("latin-1"), _encoded(value)) for name, value in response.headers]
    if isinstance(body, bytes):
        if response.status not in BODILESS:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else body})
        return
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if not head_only and response.status not in BODILESS:
            await _send_stream(body, request.abandoned, send)
        await send({"type": "http.response.body", "body": b""})
    except RunError as error:
        raise BrokenStream from error
    finally:
        await close_body(body)


class BrokenStream(Exception):
    """A streamed result failed after its start; the server closes the connection."""


async def _send_stream(body: AsyncIterator[bytes], abandoned: Callable[[], bool], send: Send) -> None:
    async for piece in body:
        if abandoned():
            return
        if piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


def _encoded(value: str) -> bytes:
    return value.encode("latin-1", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
