"""From the bytes of one connection to requests (RFC 9112), on httptools.

What cannot be parsed, or is not taken, becomes a request with a fault, so that it is answered in the
words of the dialect like any other. A request is read whole. `arriving_request.py` refuses what
arrives too slowly or is too large, `guarded_request.py` who may not come in, both before that.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod

import httptools

from scoringhost.doors.bodies_in_flight import SMALL_BODY
from scoringhost.doors.server.arriving_request import HALF_A_HEAD, TOO_LARGE, ReadNoFurther
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.guarded_request import GuardedRequest
from scoringhost.doors.server.http_heads import COMMON_TARGETS, split_target, understood
from scoringhost.errors import (
    CallError,
    HeadersTooLarge,
    MalformedRequest,
    UnsupportedTransferCoding,
    UnsupportedVersion,
)
from scoringhost.http.messages import HEADERS_LIMIT, Headers, HttpRequest

PIECES = 1024
"""Chunks whose bytes are joined while the rest of the body arrives."""

_NAMES = {
    spelling.encode(): name
    for name in ("host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "connection",
                 "x-request-id", "x-ms-request-id", "x-ms-client-request-id", "authorization", "x-api-key",
                 "traceparent")
    for spelling in (name, name.title())
}  # fmt: skip
_OF_AN_UPGRADE = frozenset({"upgrade", "connection", "http2-settings"})


class RequestReader(GuardedRequest):
    """The reading half of a connection: its bytes in, and the callbacks of httptools."""

    __slots__ = ("_wants_continue",)

    def __init__(self, intake: Intake, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(intake, loop)
        self._parser = httptools.HttpRequestParser(self)
        self._wants_continue = False

    @abstractmethod
    def _tell_to_go_on(self) -> None:
        """Send `100 Continue`, now or after the answers before it."""

    @abstractmethod
    def _hands_over(self, rest: bytes) -> bool:
        """Whether somebody else goes on with the connection, as its client wishes; `rest`: what has come since."""

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._refused:
            return
        self._received = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if not self._hands_over(rest):
                self._serve_plainly(rest)
        except httptools.HttpParserError as problem:
            self._not_understood(data, problem)
        if self._arriving and not self._refused:
            self._active_s = time.monotonic()
            self._still_arriving(len(data))

    def _not_understood(self, data: bytes, problem: httptools.HttpParserError) -> None:
        if not self._refused:
            self._refuse(understood(data, str(problem) or "Invalid HTTP request received."))

    def _stop_reading(self) -> None:
        """Forget what has arrived of a request: the connection has gone.

        The parser refers to this object and this object to the parser; left alone, the two would
        keep the body until the garbage collector comes, which it does after 10,000 objects.
        """
        if self._look is not None:
            self._look.cancel()
        self._drop_body()
        self._parser = self._request_head = None

    # -- the head -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request line has begun; line breaks in front of it are no sign of life."""
        self._active_s = time.monotonic()
        self._url, self._version = b"", ""
        self._headers = Headers()
        self._size = self._head_size = 0
        self._in_head = self._arriving = True
        self._fault = None

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
        elif (not self._received or self._head_size + self._received > HALF_A_HEAD) and sum(
            map(len, headers.values())
        ) > HEADERS_LIMIT:
            self._fault = HeadersTooLarge(TOO_LARGE)
        if "upgrade" in headers and self._parser.should_upgrade():
            return  # it is about to be read again, without that wish: until then nobody is asked, or told to go on
        if self._guarded:
            self._ask_guards()
        length = headers.get("content-length")
        if length is not None and int(length or 0) > SMALL_BODY:
            self._expect_body(int(length))
        elif "transfer-encoding" in headers:
            self._expect_chunks(headers["transfer-encoding"])
        if "expect" in headers:
            self._on_expect(headers["expect"])

    def _wrong_version(self, version: str) -> CallError:
        if version == "0.9":
            return MalformedRequest("The request line names no version of HTTP")
        return UnsupportedVersion(version)

    def _on_expect(self, value: str) -> None:
        """The client waits for a word before it sends the body (RFC 9110, 10.1.1; not one of HTTP/1.0)."""
        if self._version != "1.1" or value.lower() != "100-continue":
            return
        if self._fault is not None:
            self._refuse_with(self._fault)
            raise ReadNoFurther
        self._tell_to_go_on()

    # -- the body -----------------------------------------------------------------------------------

    def _expect_chunks(self, coding: str) -> None:
        self._chunks = self._progress = self._around = 0
        self._allowed = SMALL_BODY
        if coding.lower() != "chunked":
            # The body would reach run() packed, as the parser takes only the chunks apart (RFC 9112, 6.1).
            self._refuse_with(UnsupportedTransferCoding(coding))
            raise ReadNoFurther

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

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._arriving = False
        self._received = 0
        parser, headers, parts, version = self._parser, self._headers, self._parts, self._version
        method = parser.get_method()
        if ("upgrade" in headers or method == b"CONNECT") and parser.should_upgrade():
            return  # the parser stops here and leaves the body to us
        host = headers.get("host")
        if host is None and version == "1.1" and self._fault is None:
            self._fault = MalformedRequest("The request has no Host header (RFC 9112, 3.2)")
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        # Now, and not when it is answered: the pieces are as large as the body, which may be scored right here.
        self._parts = parts = []
        request = self._request_head
        if request is not None:
            self._take_head()
            request.body, request.fault = body, self._fault
        else:
            path, query = COMMON_TARGETS.get(self._url) or split_target(self._url)
            request = HttpRequest(
                "POST" if method == b"POST" else method.decode("ascii"),
                path,
                query,
                headers,
                body,
                self.scheme,
                host or "localhost",
                version,
                self._client,
                self._fault,
                self._is_lost,
            )
            if self._known_caller is not None:
                request.caller, request.admitted = self._known_caller, True
        if self._held:
            self._pass_on(len(request.body))
        self._take(request, version == "1.1" and parser.should_keep_alive())
        if self._closing and self._refused:
            raise ReadNoFurther  # what was sent behind this request would be scored, and its answer never be read

    # -- the wish for another protocol --------------------------------------------------------------

    def _serve_plainly(self, rest: bytes) -> None:
        """An upgrade is offered to fronts alone (RFC 9110, 7.8): read the request again without the wish for one.

        In a loop, as the next request may wish for one as well: thousands of them fit into what is read at once.
        """
        while not self._refused:
            method = self._parser.get_method()
            if method == b"CONNECT":
                head = self._take_head() if self._guarded else None
                self._refuse(head or HttpRequest("CONNECT", self._url.decode("latin-1"), headers=self._headers))
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
