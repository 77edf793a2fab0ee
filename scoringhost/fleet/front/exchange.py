"""Exchange: one request that goes on to a replica, and what is known of its answer."""

from __future__ import annotations

import contextvars
import time
from typing import TYPE_CHECKING, Protocol

from scoringhost.access.forwarded import CALLER_HEADER
from scoringhost.errors import ScoringHostError
from scoringhost.fleet.front.heads import forwarded, request_head, with_time_left
from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.http.request_ids import BROUGHT, new_id, read_ids

if TYPE_CHECKING:
    from scoringhost.fleet.front.directory import LiveVersion
    from scoringhost.fleet.front.grpc_exchange import GrpcExchange
    from scoringhost.fleet.front.shadowing import CopiedHead
    from scoringhost.fleet.front.targets import Target
    from scoringhost.fleet.front.upstream import Upstream
    from scoringhost.fleet.front.worker import Worker
    from scoringhost.fleet.shadow import Copying

LAST_CHUNK = b"0\r\n\r\n"


class Caller(Protocol):
    """The client's side of exchanges: what is told of their answers, and of the room for their bodies."""

    @property
    def scheme(self) -> str:
        """By which the client has asked: http or https."""

    def forwarded_lines(self, exchange: Exchange) -> bytes:
        """Header lines for the replica that say who has asked, and for what."""

    def answer_lines(self, exchange: Exchange, *, has_length: bool) -> bytes:
        """Lines that the head of an answer has beside those of the replica."""

    def pass_on(self, exchange: Exchange, data: bytes) -> None:
        """A part of the answer is here; the first one has all of its head."""

    def answered(self, exchange: Exchange) -> None:
        """The answer is whole."""

    def fail(self, exchange: Exchange, error: ScoringHostError) -> None:
        """There is no answer, or no more of it."""

    def pause_uploading(self) -> None:
        """The replica takes no more of the body for now."""

    def go_on_uploading(self) -> None:
        """The replica takes more of the body."""


class Exchange(HttpRequest):
    """A request whose body is not kept, but handed over as it comes.

    connection: the client's; upstream: the replica's, once there is one. pieces: what has come of the body, and waits
    to be handed over. is_whole: no more of it comes. has_answered: the client has got something. is_over: whatever
    comes now is nobody's. live: the version that was chosen for it. tried: workers that could not be reached.
    copying: what is kept of it for another version, if it is copied.
    """

    __slots__ = (
        "connection", "copying", "has_answered", "is_chunked", "is_over", "is_taken", "is_whole", "live", "pieces",
        "status", "target", "tried", "upstream", "wait_until_s", "worker",
    )  # fmt: skip

    def __init__(self, connection: Caller, target: Target, method: str, query: bytes, headers: Headers) -> None:
        super().__init__(
            method, target.path, query, headers, b"", connection.scheme, headers.get("host") or "localhost"
        )
        self.match = target.match
        self.began_s = time.perf_counter()
        self.connection, self.target = connection, target
        self.is_chunked = "transfer-encoding" in headers
        self.is_taken = self.is_whole = self.has_answered = self.is_over = False
        self.pieces: list[bytes] = []
        self.status, self.wait_until_s = 0, 0.0
        self.tried: set[Worker] | None = None
        self.live: LiveVersion | None = None
        self.upstream: Upstream | None = None
        self.worker: Worker | None = None
        self.copying: Copying[CopiedHead] | None = None

    @property
    def small_call(self) -> GrpcExchange | None:
        """This, if it may go on in a bundle with others."""
        return None

    def take_piece(self, piece: bytes) -> None:
        """A part of the body has come."""
        if self.copying is not None:
            self.copying.request_part(piece)
        upstream = self.upstream
        if upstream is None:
            if not self.is_over and self.fault is None:
                self.pieces.append(piece)
        else:
            upstream.write(b"%x\r\n%s\r\n" % (len(piece), piece) if self.is_chunked else piece)

    def end_body(self) -> None:
        """The last part of the body has come."""
        self.is_whole = True
        if self.upstream is not None and self.is_chunked:
            self.upstream.write(LAST_CHUNK)

    def identified(self) -> ScoringHostError | None:
        """Give the request an id if it brings none; returns why it is refused, if it has a bad one."""
        headers = self.headers
        if BROUGHT.isdisjoint(headers):
            headers["x-request-id"] = new_id()
            return None
        ids = read_ids(headers)
        if ids.fault is None:
            headers["x-request-id"] = ids.request
        return ids.fault

    def rendered(self) -> bytes:
        """The head for a replica, and what there is of the body; all that is there is handed over at once.

        Rendered anew when another worker is tried. A small body that came in chunks has a length by now.
        """
        headers, pieces = self.headers, self.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        more = self.own_lines()
        if self.is_chunked and self.is_whole:
            more += b"content-length: %d\r\n" % len(body)
        elif self.is_chunked:
            more += b"transfer-encoding: chunked\r\n"
            body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        elif "content-length" in headers:
            more += b"content-length: %d\r\n" % int(headers["content-length"])
        if self.wait_until_s:
            headers = with_time_left(headers, time.perf_counter() - self.began_s)
        rest = self.target.rest + b"?" + self.query if self.query else self.target.rest
        return request_head(self.method.encode("ascii"), rest, headers, more) + body

    def handed_over(self) -> None:
        """What was rendered has been written: it is not kept, and what comes now is written as it comes."""
        self.pieces = []
        if self.is_chunked and self.is_whole:
            self.is_chunked = False

    def count(self, status: int) -> None:
        """It has ended: its version counts it, unless it was a probe, or a part of a page."""
        live = self.live
        if live is not None and self.match.is_logged:
            live.calls.add(status, time.perf_counter() - self.began_s)

    def end_copy(self, *, is_whole: bool) -> None:
        """The answer is complete, or will not be: a copy is sent, or not."""
        copying, self.copying = self.copying, None
        if copying is not None:
            copying.end(is_whole)

    def own_lines(self) -> bytes:
        """What the front says of the request."""
        connection = self.connection
        lines = connection.forwarded_lines(self)
        if "host" not in self.headers:  # HTTP/1.0 needs none, and the replica is spoken to in 1.1
            lines += b"host: localhost\r\n"
        if self.caller:
            lines += f"{CALLER_HEADER}: {self.caller}\r\n".encode("ascii", "backslashreplace")
        if self.stages is not None or self.trace is not None:
            lines += self._trace_lines()
        return lines

    def _trace_lines(self) -> bytes:
        """The span of the front in the place of the caller's, so that the replica's is its child."""
        from opentelemetry import propagate

        carried: dict[str, str] = {}
        context = self.context or contextvars.copy_context()
        context.run(propagate.inject, carried)
        for name in carried:
            self.headers.pop(name.lower(), None)
        return "".join([f"{name.lower()}: {value}\r\n" for name, value in carried.items()]).encode("latin-1")

    def forwarded(self, peer: str | None, *, is_trusted: bool) -> bytes:
        """Who has asked, and for what; see `heads.forwarded`."""
        return forwarded(peer, self.scheme, self.headers, self.target, is_trusted=is_trusted)
