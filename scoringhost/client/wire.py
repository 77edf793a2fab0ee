"""HTTP/1.1 on the client's side over raw streams: as little as a load driver needs, so that it costs little."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from dataclasses import dataclass

from scoringhost.client.answers import Response
from scoringhost.client.requests import Request
from scoringhost.errors import ScoringHostError

BROKEN = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)
"""What `Connection` raises if the peer cannot be reached, goes away or does not speak HTTP."""


class RequestsUnusable(ScoringHostError):
    """There is nothing to send, or nowhere to send it; the message says what to do about it."""


@dataclass(frozen=True)
class Target:
    """Where the requests go, and the headers that each of them has, such as a key.

    tls: what secures the connection, if anything does.
    """

    host: str
    port: int
    score_path: str = "/score"
    headers: tuple[tuple[str, str], ...] = ()
    tls: ssl.SSLContext | None = None

    @classmethod
    def of_url(cls, url: str) -> Target:
        """The target that a URL names; without a path it is /score.

        Raises:
            RequestsUnusable: if it is no http:// URL with a host.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            host, port = parts.hostname, parts.port or 80
        except ValueError as problem:
            raise RequestsUnusable(f"{url} is no URL: {problem}") from None
        if parts.scheme != "http" or not host:
            raise RequestsUnusable(f"{url} cannot be profiled; give a URL such as http://127.0.0.1:5001")
        path = "/score" if parts.path in ("", "/") else parts.path
        return cls(host, port, path + (f"?{parts.query}" if parts.query else ""))

    @property
    def url(self) -> str:
        """The URL that is scored."""
        return f"http://{self.authority}{self.score_path}"

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def get(self, path: str) -> bytes:
        """A GET request on the wire."""
        return self.on_wire(Request("GET", path))

    def post(self, body: bytes, content_type: str) -> bytes:
        """A scoring request on the wire."""
        return self.on_wire(Request("POST", self.score_path, (("Content-Type", content_type),), body))

    def on_wire(self, request: Request) -> bytes:
        """A request as bytes, with Host and, for a body, Content-Length."""
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self.authority}"]
        lines += [f"{name}: {value}" for name, value in (*request.headers, *self.headers)]
        if request.method == "POST" or request.body:
            lines.append(f"Content-Length: {len(request.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


class Connection:
    """A connection that is opened when it is needed, and again after the peer has closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, which the peer may have closed."""
        return self._reader is not None

    async def open(self) -> asyncio.StreamReader:
        """Connect, unless it is connected. Raises one of BROKEN."""
        if self._reader is None:
            target = self._target
            self._reader, self._writer = await asyncio.open_connection(target.host, target.port, ssl=target.tls)
        return self._reader

    async def ask(self, request: bytes) -> Response:
        """Send a request and read its answer. Raises one of BROKEN; the next call connects anew then."""
        try:
            reader = await self.open()
            assert self._writer is not None
            self._writer.write(request)
            answer, keeps_alive = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not keeps_alive:
            self.close()
        return answer

    def close(self) -> None:
        """Close it, whatever state it is in."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def read_answer(reader: asyncio.StreamReader) -> tuple[Response, bool]:
    """Read one response: with a length, in chunks, or to the end of the connection. Raises one of BROKEN.

    Returns the response, and whether the connection can be used for the next request.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    version, _, rest = first.partition(" ")
    status = int(rest[:3])
    if not version.startswith("HTTP/1."):
        raise ValueError(f"the answer is not HTTP/1: {first[:40]!r}")
    if status < 200:
        return await read_answer(reader)
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    known = {name.lower(): value for name, value in headers}
    keeps_alive = version == "HTTP/1.1" and known.get("connection", "").lower() != "close"
    if status in (204, 304):
        body = b""
    elif known.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif "content-length" in known:
        body = await reader.readexactly(int(known["content-length"]))
    else:
        body, keeps_alive = await reader.read(), False
    return Response(status, headers, body), keeps_alive


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)
