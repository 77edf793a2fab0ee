"""From the bytes of one connection to requests (RFC 9112), on httptools.

What cannot be parsed, or is not taken, becomes a request with a fault, so that it is answered in the
words of the dialect like any other. A request is read whole; what arrives too slowly, or is more
than the worker has room for, is refused before that.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import httptools

from scoringhost.doors.server.connection_limits import SMALL_BODY, Intake
from scoringhost.doors.server.http_heads import COMMON_TARGETS, split_target, understood
from scoringhost.errors import (
    BodyTooLarge,
    CallError,
    HeadersTooLarge,
    MalformedRequest,
    Overloaded,
    RequestTooSlow,
    ScoringHostError,
    UnsupportedTransferCoding,
    UnsupportedVersion,
)
from scoringhost.http.messages import HEADERS_LIMIT, Headers, HttpRequest

PIECES = 1024
"""Chunks whose bytes are joined while the rest of the body arrives."""

LOOK_S = 1.0
"""Seconds between two looks at a request that is still arriving."""

_NAMES = {
    spelling.encode(): name
    for name in ("host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "connection",
                 "x-request-id", "x-ms-request-id", "x-ms-client-request-id", "authorization", "traceparent")
    for spelling in (name, name.title())
}  # fmt: skip
_OF_AN_UPGRADE = frozenset({"upgrade", "connection", "http2-settings", "expect"})
_HALF_A_HEAD = HEADERS_LIMIT // 2 + 1
_TOO_LARGE = f"The request headers are larger than {HEADERS_LIMIT} bytes"
_TOO_MUCH_AROUND = f"Trailers and chunk extensions are larger than {HEADERS_LIMIT} bytes"


class _Refused(Exception):
    """Raised out of the parser's callbacks: the request has been answered, and nothing more is read."""


class RequestReader(ABC):
    """The reading half of a connection: callbacks of httptools, and the limits of what arrives.

    A body over SMALL_BODY counts towards the bytes in flight of the worker from its head on; who takes
    the request must give them back with `let_go` when it is done with.
    """

    # With more than 30 attributes CPython 3.11 no longer lays instances out alike, which costs 3 % of a small request.
    __slots__ = (
        "_active_s",
        "_allowed",
        "_app",
        "_around",
        "_arriving",
        "_chunks",
        "_client",
        "_closing",
        "_fault",
        "_guarded",
        "_head_size",
        "_headers",
        "_held",
        "_in_flight",
        "_in_head",
        "_limits",
        "_look",
        "_loop",
        "_lost",
        "_max_body",
        "_parser",
        "_parts",
        "_progress",
        "_reading_paused",
        "_received",
        "_refused",
        "_request_head",
        "_size",
        "_url",
        "_version",
        "_wants_continue",
        "_window",
    )  # fmt: skip

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._max_body = loop, intake.max_body
        self._limits, self._in_flight = intake.limits, intake.in_flight
        self._app, self._guarded = intake.app, bool(intake.app.guards)
        self._request_head: HttpRequest | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._in_head = self._arriving = self._refused = self._wants_continue = False
        self._reading_paused = self._closing = self._lost = False
        self._received = 0
        self._held = 0
        self._allowed = SMALL_BODY
        self._chunks = self._progress = self._around = 0
        self._active_s = 0.0
        self._client: str | None = None
        self._parts: list[bytes] = []  # of the request that arrives; always empty between two
        self._headers = Headers()
        self._look: asyncio.TimerHandle | None = None
        self._window: tuple[Headers, bool, float, int] | None = None

    @abstractmethod
    def _take(self, request: HttpRequest, keep_alive: bool) -> None:
        """Answer a request, now or after those before it."""

    @abstractmethod
    def _pause_reading(self) -> None:
        """Read no more, until `_go_on`."""

    @abstractmethod
    def _go_on(self) -> None:
        """Answer what waits, as far as the client takes it, and read on."""

    @abstractmethod
    def _tell_to_go_on(self) -> None:
        """Send `100 Continue`, now or after the answers before it."""

    def _stop_reading(self) -> None:
        """Forget what has arrived of a request: the connection has gone.

        The parser refers to this object and this object to the parser; left alone, the two would
        keep the body until the garbage collector comes, which it does after 10,000 objects.
        """
        if self._look is not None:
            self._look.cancel()
        self._drop_body()
        self._parser = None

    def let_go(self, request: HttpRequest) -> None:
        """Give back the room of a request's body."""
        if len(request.body) > SMALL_BODY:
            self._in_flight.release(len(request.body))

    # -- bytes --------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._refused:
            return
        self._received = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._serve_plainly(data[upgrade.args[0] :])
        except httptools.HttpParserError as problem:
            self._not_understood(data, problem)
        if self._arriving and not self._refused:
            self._active_s = time.monotonic()
            self._still_arriving(len(data))

    def _not_understood(self, data: bytes, problem: httptools.HttpParserError) -> None:
        if not self._refused:
            self._refuse(understood(data, str(problem) or "Invalid HTTP request received."))

    def _still_arriving(self, size: int) -> None:
        """Bound what a request may have beside its body, and begin to look at how fast it comes."""
        if self._in_head:
            # Of what was read together with the request before it nobody knows how much belongs to this head.
            self._head_size += size if self._received else min(size, _HALF_A_HEAD)
            if self._head_size > HEADERS_LIMIT:
                self._refuse_with(HeadersTooLarge(_TOO_LARGE))
                return
        elif "transfer-encoding" in self._headers:
            # What brings neither body nor a new chunk is a trailer or the extension of a chunk. The
            # parser joins the pieces of a long one anew each time, so its size has to have a bound.
            progress = self._size + self._chunks
            self._around = self._around + size if progress == self._progress else 0
            self._progress = progress
            if self._around > HEADERS_LIMIT:
                self._refuse_with(HeadersTooLarge(_TOO_MUCH_AROUND))
                return
        if self._look is None:
            self._begin_window()
            self._look = self._loop.call_later(LOOK_S, self._look_at_arrival)

    def _begin_window(self) -> None:
        size = 0 if self._in_head else self._size
        self._window = (self._headers, self._in_head, self._loop.time(), size)

    def _look_at_arrival(self) -> None:
        """Refuse a request whose head takes too long, or whose body comes too slowly."""
        self._look = None
        if not self._arriving or self._refused or self._parser is None:
            return
        assert self._window is not None
        headers, in_head, since_s, size = self._window
        spent_s = self._loop.time() - since_s
        limits = self._limits
        if headers is not self._headers or in_head is not self._in_head or self._reading_paused:
            self._begin_window()
        elif in_head:
            if spent_s >= (limits.closing_s if self._closing else limits.head_s):
                self._refuse_with(RequestTooSlow(f"The request's head has not come within {spent_s:.0f} s"))
                return
        elif spent_s >= (limits.closing_s if self._closing else limits.window_s):
            came = self._size - size
            if came < limits.upload_rate * spent_s:
                self._refuse_with(RequestTooSlow(f"{came} bytes of the body have come within {spent_s:.0f} s"))
                return
            self._begin_window()
        self._look = self._loop.call_later(LOOK_S, self._look_at_arrival)

    # -- refusing -----------------------------------------------------------------------------------

    def _refuse(self, request: HttpRequest) -> None:
        """Answer what is not read to its end, after what came before it, and close."""
        self._refused = True
        self._arriving = False
        self._drop_body()
        self._take(request, keep_alive=False)

    def _refuse_with(self, fault: ScoringHostError, *, by_guard: bool = False) -> None:
        """Refuse what is arriving; before its head is there nothing is known of it."""
        if self._in_head:
            self._refuse(HttpRequest("GET", "/score", fault=fault))
            return
        path, query = split_target(self._url)
        method = self._parser.get_method().decode("ascii")
        request = HttpRequest(method, path, query, self._headers, client=self._client, fault=fault)
        request.admitted = by_guard  # it has been asked, and is not asked again
        self._refuse(request)

    def _drop_body(self) -> None:
        self._parts = []
        self._in_flight.release(self._held)
        self._held = 0

    def _serve_plainly(self, rest: bytes) -> None:
        """An upgrade is not offered (RFC 9110, 7.8): read the request again without the wish for one.

        In a loop, as the next request may wish for one as well: thousands of them fit into what is read at once.
        """
        while not self._refused:
            method = self._parser.get_method()
            if method == b"CONNECT":
                self._refuse(HttpRequest("CONNECT", self._url.decode("latin-1"), headers=self._headers))
                return
            if self._fault is not None:  # of two Host headers only one would be left
                self._refuse_with(self._fault)
                return
            data = self._head_without_upgrade(method) + rest
            self._received = len(data)
            self._drop_body()
            self._parser = httptools.HttpRequestParser(self)
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
            except httptools.HttpParserError as problem:
                self._not_understood(data, problem)

    def _head_without_upgrade(self, method: bytes) -> bytes:
        lines = [b"%s %s HTTP/%s" % (method, self._url, self._version.encode())]
        if "close" in self._headers.get("connection", "").lower():
            lines.append(b"connection: close")
        lines += [
            f"{name}: {value}".encode("latin-1") for name, value in self._headers.items() if name not in _OF_AN_UPGRADE
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # -- callbacks of the parser --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request line has begun; line breaks in front of it are no sign of life."""
        self._active_s = time.monotonic()
        self._url, self._version = b"", ""
        self._headers = Headers()
        self._size = self._head_size = 0
        self._in_head = self._arriving = True
        self._fault: ScoringHostError | None = None

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; repeated ones are joined.

        Trailers come here, too, and are ignored: a proxy that takes `Authorization` out of the head
        of a request has not looked at its end (RFC 9110, 6.5.1).
        """
        if not self._in_head:
            return
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1").strip(" \t")
        headers = self._headers
        if key in headers:
            if key == "host":
                self._fault = MalformedRequest("The request has more than one Host header")
            text = f"{headers[key]},{text}"
        headers[key] = text

    def on_headers_complete(self) -> None:
        """The head is there: refuse what may not come in, or is too large, before its body is sent."""
        self._in_head = False
        headers = self._headers
        self._version = version = self._parser.get_http_version()
        if version != "1.1" and version != "1.0":
            self._fault = self._wrong_version(version)
        elif (not self._received or self._head_size + self._received > HEADERS_LIMIT // 2) and sum(
            map(len, headers.values())
        ) > HEADERS_LIMIT:
            self._fault = HeadersTooLarge(_TOO_LARGE)
        if self._guarded:
            self._ask_guards()
        length = headers.get("content-length")
        if length is not None:
            size = int(length or 0)
            if size > SMALL_BODY:
                self._expect_body(size)
        elif "transfer-encoding" in headers:
            self._expect_chunks(headers["transfer-encoding"])
        if "expect" in headers:
            self._on_expect(headers["expect"])

    def _on_expect(self, value: str) -> None:
        """The client waits for a word before it sends the body (RFC 9110, 10.1.1; not one of HTTP/1.0)."""
        if self._version != "1.1" or value.lower() != "100-continue":
            return
        if self._fault is not None:
            self._refuse_with(self._fault)
            raise _Refused
        self._tell_to_go_on()

    # -- who may come in ----------------------------------------------------------------------------

    def _ask_guards(self) -> None:
        """Refuse a request that may not come in before its body is read, and read no further until that is known."""
        self._request_head = None
        if self._fault is not None:
            return  # it is refused in any case
        path, query = split_target(self._url)
        method = self._parser.get_method().decode("ascii")
        host = self._headers.get("host") or "localhost"
        head = HttpRequest(method, path, query, self._headers, b"", "http", host, self._version, self._client)
        try:
            waiting = self._app.admit(head)
        except ScoringHostError as error:
            self._refuse_with(error, by_guard=True)
            raise _Refused from None
        self._request_head = head
        if waiting is not None:
            head.admission = task = asyncio.ensure_future(waiting)
            task.add_done_callback(partial(self._on_admission, head))
            self._pause_reading()

    def _on_admission(self, head: HttpRequest, task: asyncio.Future[None]) -> None:
        """The guards have decided. A request that has arrived meanwhile is refused where it is answered."""
        error = None if task.cancelled() else task.exception()
        if self._lost:
            return
        if self._arriving and self._request_head is head and isinstance(error, ScoringHostError):
            self._refuse_with(error, by_guard=True)
        else:
            self._go_on()

    def _is_undecided(self) -> bool:
        """Whether the guards have not decided yet about the request that arrives."""
        head = self._request_head
        admission = None if head is None else head.admission
        return isinstance(admission, asyncio.Future) and not admission.done()

    def _take_over_admission(self, request: HttpRequest) -> None:
        """The whole request is there: what the guards have said of its head holds for it."""
        head = self._request_head
        if head is None:
            return
        request.admitted, request.admission = head.admitted, head.admission
        _carry_over(head, request)
        if isinstance(head.admission, asyncio.Future):  # its guards may find out more; called before whoever awaits it
            head.admission.add_done_callback(lambda _: _carry_over(head, request))

    def _wrong_version(self, version: str) -> CallError:
        if version == "0.9":
            return MalformedRequest("The request line names no version of HTTP")
        return UnsupportedVersion(version)

    def _expect_body(self, size: int) -> None:
        if size > self._max_body:
            self._fault = self._fault or BodyTooLarge(self._max_body)
        elif self._fault is None:
            self._make_room(size)
        self._allowed = size

    def _expect_chunks(self, coding: str) -> None:
        self._chunks = self._progress = self._around = 0
        self._allowed = SMALL_BODY
        if coding.lower() != "chunked":
            # The body would reach run() packed, as the parser takes only the chunks apart (RFC 9112, 6.1).
            self._refuse_with(UnsupportedTransferCoding(coding))
            raise _Refused

    def _make_room(self, size: int) -> None:
        """Count `size` more bytes as in flight, or refuse the request."""
        if not self._in_flight.take(size):
            limit = self._in_flight.limit
            self._refuse_with(Overloaded(f"Requests of {limit} bytes are being read and scored; try again later"))
            raise _Refused
        self._held += size

    def on_chunk_header(self) -> None:
        """The size of a chunk, with its extensions.

        A piece of two bytes takes forty: small ones are joined every now and then, each once.
        """
        self._chunks += 1
        if self._chunks % PIECES == 0:
            joined = self._chunks // PIECES - 1
            self._parts[joined:] = [b"".join(self._parts[joined:])]

    def on_body(self, body: bytes) -> None:
        """A part of the body; what is over the limit is read and dropped."""
        self._size += len(body)
        if self._fault is None:
            self._parts.append(body)
            if self._size > self._allowed:
                self._grow()

    def _grow(self) -> None:
        """A body of unknown size has outgrown the room that it has."""
        if self._size > self._max_body:
            self._fault = BodyTooLarge(self._max_body)
            self._drop_body()
            return
        wanted = min(2 * self._size, self._max_body)
        self._make_room(wanted - self._held)
        self._allowed = wanted

    def _pass_on(self, size: int) -> None:
        """Leave the room of a body to whoever takes its request; what was taken beyond its size is given back."""
        kept = size if size > SMALL_BODY else 0
        self._in_flight.release(self._held - kept)
        self._held = 0

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._arriving = False
        self._received = 0
        parser, headers, parts, version = self._parser, self._headers, self._parts, self._version
        if parser.should_upgrade():
            return  # the parser stops here and leaves the body to us
        path, query = COMMON_TARGETS.get(self._url) or split_target(self._url)
        method = parser.get_method()
        host = headers.get("host")
        if host is None and version == "1.1" and self._fault is None:
            self._fault = MalformedRequest("The request has no Host header (RFC 9112, 3.2)")
        request = HttpRequest(
            "POST" if method == b"POST" else method.decode("ascii"),
            path,
            query,
            headers,
            parts[0] if len(parts) == 1 else b"".join(parts),
            "http",
            host or "localhost",
            version,
            self._client,
            self._fault,
            self._is_lost,
        )
        if self._guarded:
            self._take_over_admission(request)
        self._parts = []
        if self._held:
            self._pass_on(len(request.body))
        self._take(request, version == "1.1" and parser.should_keep_alive())
        if self._closing and self._refused:
            raise _Refused  # what was sent behind this request would be scored, and its answer never be read

    @abstractmethod
    def _is_lost(self) -> bool:
        """Whether the client has gone."""


def _carry_over(head: HttpRequest, request: HttpRequest) -> None:
    """What guards have found out about the caller: its name, and where it is if a proxy stands between."""
    request.caller, request.client, request.scheme = head.caller, head.client, head.scheme
