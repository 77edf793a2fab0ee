"""GrpcExchange: one message of a call over gRPC, as the request of HTTP that a replica gets.

The message is not looked into: it is the body of the request, byte for byte. A small one, not of a stream, goes in a
bundle with others, to a worker that takes those; any other has a connection of HTTP/1.1 to itself.
`dialects/oip_grpc/fronted.py` is the other end, and `grpc_relay.py` takes what that answers.
"""

from __future__ import annotations

import contextvars
import time
from typing import TYPE_CHECKING, Protocol

from scoringhost.access.forwarded import GRPC_HEADER
from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.doors import bundles
from scoringhost.fleet.front.exchange import Caller, Exchange
from scoringhost.fleet.front.heads import lines_of_call, request_head, with_time_left
from scoringhost.fleet.front.targets import Target
from scoringhost.http.deadlines import TIMEOUT_HEADER
from scoringhost.http.messages import Headers

if TYPE_CHECKING:
    from scoringhost.fleet.front.bundle import Bundle

JOINED = 65_536
"""Bytes up to which a message is put together with its head; a larger one is not copied for that."""

_GRPC = GRPC_HEADER.encode()

_NOT_PASSED = frozenset({"accept-encoding", "content-type", "expect", "host"})
"""Metadata that would mean something else as headers of a request of HTTP/1.1."""


class GrpcCaller(Caller, Protocol):
    """One that takes answers as they come in bundles, too."""

    def take(self, exchange: Exchange, headers: bundles.Pairs, body: bytes) -> None:
        """The answer is here as a whole, its status in the exchange."""


class GrpcExchange(Exchange):
    """One message, as the request that a replica gets. It is kept until it has been handed over.

    bundle: the connection that it goes on with others, if it does, and its number there. is_single: one message
    is all that is sent, and one all that is answered.
    """

    __slots__ = ("bundle", "is_single", "message", "number", "relay")

    def __init__(self, caller: GrpcCaller, target: Target, request: GrpcRequest) -> None:
        super().__init__(caller, target, "POST", b"", _headers_of(request))
        self.relay = caller
        self.bundle: Bundle | None = None
        self.number, self.is_single = 0, False
        self.message: bytes | None = request.body
        self.http_version = "1.0"  # so that what comes in chunks is handed on without their sizes
        self.client, self.caller = request.client, request.caller
        self.stages, self.trace, self.context = request.stages, request.trace, contextvars.copy_context()

    def rendered(self) -> bytes:
        """The head for a replica, and the message, unless that is large."""
        assert self.message is not None
        more = b"%s%s: 1\r\ncontent-length: %d\r\n" % (self.own_lines(), _GRPC, len(self.message))
        headers = with_time_left(self.headers, time.perf_counter() - self.began_s)
        head = request_head(b"POST", self.target.rest, headers, more)
        self.is_whole = len(self.message) <= JOINED
        return head + self.message if self.is_whole else head

    @property
    def small_call(self) -> GrpcExchange | None:
        """This, if it may go on in a bundle with others."""
        if self.is_single and self.message is not None and len(self.message) <= JOINED:
            return self
        return None

    def bundled(self) -> bytes:
        """It, as a frame."""
        assert self.message is not None
        self.is_whole = True
        standing, own = self.own_lines(), b""
        if self.stages is not None or self.trace is not None:  # then there is the span in it
            standing, own = b"", standing
        headers = with_time_left(self.headers, time.perf_counter() - self.began_s)
        more_standing, more_own = lines_of_call(headers)
        standing = b"%s\r\n%s: 1\r\n%s%s" % (self.target.rest, _GRPC, standing, more_standing)
        return bundles.call(self.number, standing, own + more_own, self.message)

    def handed_over(self) -> None:
        """The head has been written, and a small message with it."""
        if self.is_whole:
            self.message = None

    def upload(self) -> None:
        """Write a large message, behind its head."""
        message, self.message = self.message, None
        if message is not None and self.upstream is not None:
            self.is_whole = True
            self.upstream.write(message)


def _headers_of(request: GrpcRequest) -> Headers:
    """The metadata as the replica gets them: with the id of the call, and with what is left of the caller's time."""
    headers = Headers({name: value for name, value in request.headers.items() if name not in _NOT_PASSED})
    headers["x-request-id"] = request.ids.request
    if request.deadline is not None:
        headers[TIMEOUT_HEADER] = str(int(request.deadline.left_s * 1000))
    return headers
