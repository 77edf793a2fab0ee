"""Shadow traffic in a front: what is kept of a request, and the connection that its copy is sent on."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httptools

from scoringhost.fleet.front.heads import SHADOW_HEADER, request_head
from scoringhost.fleet.routing import ServiceRoute, VersionRoute
from scoringhost.fleet.shadow import MOST_BYTES, Copying, Shadow, tolerance_for, unpacked_answer
from scoringhost.http.messages import Headers
from scoringhost.replaying.comparing import Answer

if TYPE_CHECKING:
    from scoringhost.fleet.front.directory import Directory
    from scoringhost.fleet.front.exchange import Exchange
    from scoringhost.fleet.front.worker import Worker


@dataclass(frozen=True, slots=True)
class CopiedHead:
    """The head of a request, to be sent again. lines: what the front has said of it."""

    method: bytes
    target: bytes
    headers: Headers
    lines: bytes


class Shadowing:
    """Begins copies of exchanges, and sends them.

    A copy has a connection of its own, which ends with it: those that are kept for requests are not taken from them.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._draw = random.Random().random
        self.shadow: Shadow[CopiedHead] = Shadow(self._send)

    def begin(self, exchange: Exchange, service: ServiceRoute, version: VersionRoute) -> Copying[CopiedHead] | None:
        """Throw the dice for a request that this version has been chosen for; None if it is not copied."""
        if not service.traffic.shadow:
            return None
        tolerance = tolerance_for(exchange.method, exchange.path, exchange.headers)
        if tolerance is None:
            return None
        target = exchange.target.rest
        if exchange.query:
            target += b"?" + exchange.query
        # The lines are made now: the connection that knows them may be gone when the copy is sent.
        head = CopiedHead(exchange.method.encode("ascii"), target, exchange.headers, exchange.own_lines())
        request_id = exchange.headers.get("x-request-id", "")
        copying = self.shadow.begin(service, version.version, head, request_id, tolerance, self._draw)
        if copying is not None:
            for piece in exchange.pieces:
                copying.request_part(piece)
        return copying

    async def _send(self, version: VersionRoute, head: CopiedHead, body: bytes) -> Answer:
        replicas = self._directory.sets.get(version.set_key)
        worker = None if replicas is None else replicas.least_loaded(None)
        if worker is None:
            raise ConnectionError(f"version {version.version} has no workers any more")
        # They count as the requests that they are: a version is scaled by its copies, too.
        worker.in_flight += 1
        worker.replicas.begun()
        try:
            return await _exchanged(worker, head, body)
        finally:
            worker.in_flight -= 1
            worker.replicas.ended()


async def _exchanged(worker: Worker, head: CopiedHead, body: bytes) -> Answer:
    """Send one copy and read its answer.

    Raises:
        OSError: if the worker cannot be reached, or closes the connection before its answer is whole.
    """
    more = b"%s%s: 1\r\nconnection: close\r\ncontent-length: %d\r\n" % (head.lines, SHADOW_HEADER.encode(), len(body))
    began_s = time.perf_counter()
    reader, writer = await asyncio.open_unix_connection(worker.path)
    try:
        writer.write(request_head(head.method, head.target, _without_expect(head.headers), more) + body)
        reading = _Reading()
        while not reading.is_complete:
            data = await reader.read(65_536)
            if not data:
                raise ConnectionError("the connection ended before the answer was whole")
            reading.feed(data)
    finally:
        writer.close()
    return reading.answer((time.perf_counter() - began_s) * 1000)


def _without_expect(headers: Headers) -> Headers:
    """The body of a copy is there at once: nobody waits for a `100 Continue`."""
    if "expect" not in headers:
        return headers
    return Headers({name: value for name, value in headers.items() if name != "expect"})


class _Reading:
    """An answer as it comes, of which no more is kept than can be compared."""

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self.is_complete = self._is_whole = False

    def feed(self, data: bytes) -> None:
        """Read more of it.

        Raises:
            ConnectionError: if it is no answer of HTTP.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            raise ConnectionError(f"what came is no answer: {problem}") from None

    def answer(self, elapsed_ms: float) -> Answer:
        """The answer, once it is complete."""
        kind = self._headers.get(b"content-type", b"").decode("latin-1")
        coding = self._headers.get(b"content-encoding", b"").decode("latin-1")
        body = unpacked_answer(bytes(self._body), coding)
        status = self._parser.get_status_code()
        self._parser = None  # it refers to this object
        return Answer(status, kind, body, self._is_whole, elapsed_ms)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if len(self._body) + len(body) > MOST_BYTES:
            self.is_complete = True  # cannot be compared; the rest is not waited for
        elif not self.is_complete:
            self._body += body

    def on_message_complete(self) -> None:
        """All of it has come."""
        if self._parser.get_status_code() >= 200 and not self.is_complete:
            self.is_complete = self._is_whole = True
