"""HTTP/1.1 on the client's side over raw streams: as little as a load driver needs, so that it costs little."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.parse
from dataclasses import dataclass

from scoringhost.errors import ScoringHostError

BROKEN = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)
"""What `Connection` raises if the peer cannot be reached, goes away or does not speak HTTP."""


class RequestsUnusable(ScoringHostError):
    """There is nothing to send, or nowhere to send it; the message says what to do about it."""


@dataclass(frozen=True)
class Target:
    """Where the requests go."""

    host: str
    port: int
    score_path: str = "/score"

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
        return f"GET {path} HTTP/1.1\r\nHost: {self.authority}\r\n\r\n".encode("latin-1")

    def post(self, body: bytes, content_type: str) -> bytes:
        """A scoring request on the wire."""
        head = f"POST {self.score_path} HTTP/1.1\r\nHost: {self.authority}\r\nContent-Type: {content_type}"
        return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    body: bytes
    keep_alive: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """Status and `message` of an error, or the start of its body, in one line."""
        text = self.body.decode(errors="replace")
        with contextlib.suppress(ValueError, TypeError, KeyError):
            text = str(json.loads(text)["message"])
        return f"{self.status}: {' '.join(text.split())[:300]}"


class Connection:
    """A connection that is opened when it is needed, and again after the peer has closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> asyncio.StreamReader:
        """Connect, unless it is connected. Raises one of BROKEN."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(self._target.host, self._target.port)
        return self._reader

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer. Raises one of BROKEN; the next call connects anew then."""
        try:
            reader = await self.open()
            assert self._writer is not None
            self._writer.write(request)
            answer = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not answer.keep_alive:
            self.close()
        return answer

    def close(self) -> None:
        """Close it, whatever state it is in."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one response: with a length, in chunks, or to the end of the connection. Raises one of BROKEN."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    version, _, rest = first.partition(" ")
    status = int(rest[:3])
    if not version.startswith("HTTP/1."):
        raise ValueError(f"the answer is not HTTP/1: {first[:40]!r}")
    if status < 200:
        return await read_answer(reader)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if status in (204, 304):
        return Answer(status, b"", keep_alive)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, await _read_chunks(reader), keep_alive)
    if "content-length" in headers:
        return Answer(status, await reader.readexactly(int(headers["content-length"])), keep_alive)
    return Answer(status, await reader.read(), keep_alive=False)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)
