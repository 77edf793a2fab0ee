"""ASGI's messages as a request of ours, and a response of ours as ASGI's messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from scoringhost.errors import BodyTooLarge, CallError, HeadersTooLarge, IncompleteBody, RunError
from scoringhost.http.messages import BODILESS, HEADERS_LIMIT, Headers, HttpRequest, HttpResponse, close_body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Departure:
    """Whether the client has gone.

    A server tells that to whoever asks for another message when the body is complete (`http.disconnect`).
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._looking: asyncio.Task[None] | None = None
        self.has_come = False

    def look(self) -> None:
        """Ask the server from now on."""
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_come = True

    def stop_looking(self) -> None:
        """Ask no more: the request is over."""
        if self._looking is not None:
            self._looking.cancel()


def head_of(scope: Scope, departure: Departure, max_body: int) -> HttpRequest:
    """The request without its body, or with a fault if its head, or what it says of its body, is too large."""
    raw_headers = list(scope["headers"])
    headers = Headers.from_raw(raw_headers)
    fault: CallError | None = None
    announced = headers.get("content-length") or ""
    if sum(len(name) + len(value) for name, value in raw_headers) > HEADERS_LIMIT:
        fault = HeadersTooLarge(f"The request headers are larger than {HEADERS_LIMIT} bytes")
    elif announced.isdecimal() and int(announced) > max_body:
        fault = BodyTooLarge(max_body)
    client, server = scope.get("client"), scope.get("server") or ("localhost", None)
    host = headers.get("host") or (f"{server[0]}:{server[1]}" if server[1] else server[0])
    mount = (scope.get("root_path") or "").rstrip("/")
    return HttpRequest(
        method=scope["method"],
        path=_path_below(mount, scope["path"]),
        query=scope["query_string"],
        headers=headers,
        scheme=scope.get("scheme", "http"),
        host=host,
        http_version=scope.get("http_version", "1.1"),
        client=client[0] if client else None,
        fault=fault,
        abandoned=lambda: departure.has_come,
        mount=mount,
    )


async def read_body(request: HttpRequest, receive: Receive, departure: Departure, max_body: int) -> None:
    """Give a request its whole body, or a fault if that is too large or cut off."""
    request.body, request.fault = await _read_body(receive, max_body)
    if request.fault is None:
        departure.look()


def _path_below(mount: str, path: str) -> str:
    """The decoded path below where this application is mounted.

    Servers pass the absolute form of a target on as it came (RFC 9112, 3.2.2). `path` includes
    `root_path` (ASGI 3.0 says so since 2023, and Starlette's Mount appends to `root_path` alone);
    servers from before leave it out, so that nothing is taken off a path that does not begin with it.
    """
    if not path.startswith("/") and "://" in path:
        raw = path.partition("://")[2]
        path = unquote("/" + raw.partition("/")[2])
    if mount and (path == mount or path.startswith(mount + "/")):
        return path[len(mount) :] or "/"
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
