"""Call: one call over gRPC, as a stream of HTTP/2: its messages, its deadline, and how it ends.

What comes is told to it by its connection; `go_on` has it do its work, and is only ever called on the event loop that
scores. So all else here happens either there or, while a run() holds that up, on the thread that looks after
connections meanwhile (`beside.py`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scoringhost.dialects.oip_grpc.requests import GrpcRequest
from scoringhost.dialects.oip_grpc.words import MESSAGE, STATUS
from scoringhost.doors.bodies_in_flight import SMALL_BODY
from scoringhost.doors.grpc import replies
from scoringhost.doors.grpc.http2.header_blocks import written
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.doors.grpc.message_reader import Message, MessageReader, Refused
from scoringhost.doors.grpc.metadata import CallHead, metadata_of
from scoringhost.http.messages import Headers, HttpResponse
from scoringhost.kernel.deadline import Deadline

if TYPE_CHECKING:
    from scoringhost.doors.grpc.calls import Calls
    from scoringhost.doors.grpc.connection import GrpcConnection

NAME_HEADER = "x-client-certificate-name"
"""Where run() finds the name of a client that has shown a certificate, as over HTTP."""


class Call:
    """One that has begun. What it is for, and what it answers, is up to who inherits from it."""

    __slots__ = (
        "_deadline", "_has_begun", "_held", "_reader", "calls", "connection", "head", "is_over", "path", "stream",
    )  # fmt: skip

    def __init__(self, calls: Calls, connection: GrpcConnection, stream: Stream, head: CallHead) -> None:
        self.calls, self.connection, self.stream, self.head = calls, connection, stream, head
        self.path = stream.head.path
        self.is_over = False
        """Whether it has ended, or nobody waits for its end any more."""
        self._reader = MessageReader(calls.largest)
        self._has_begun = False
        self._held = 0
        timeout_s = head.timeout_s
        self._deadline = None if timeout_s is None else Deadline(timeout_s, time.monotonic() + timeout_s)

    # -- what comes -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Its head is here."""

    def take(self, piece: bytes | memoryview) -> None:
        """Some bytes of its messages are here."""
        self.feed(piece)
        self.connection.http2.used(self.stream, len(piece))

    def feed(self, piece: bytes | memoryview) -> None:
        """Make messages of some bytes; what is none ends the call."""
        if self.is_over:
            return
        try:
            for message in self._reader.feed(piece):
                self.on_message(message)
            self._make_room(self._reader.expected)
        except Refused as refused:
            self.fail(refused.code, refused.why)

    def on_message(self, message: Message) -> None:
        """A message is here."""

    def end(self) -> None:
        """The caller has sent all."""

    def cancel(self) -> None:
        """The caller has gone, or takes no answer any more."""
        self.over()

    def go_on(self) -> None:
        """Do what there is to do; on the event loop that scores."""

    @property
    def is_overdue(self) -> bool:
        """Whether the caller's own deadline is over."""
        return self._deadline is not None and self._deadline.is_over

    @property
    def is_midway(self) -> bool:
        """Whether a message has begun to come, and is not here as a whole."""
        return self._reader.is_midway

    def expire(self) -> None:
        """The caller's own deadline is over."""
        self.fail("DEADLINE_EXCEEDED", "the caller's deadline is over")

    def _make_room(self, size: int) -> None:
        """Count a large message among what this worker holds; one that has no room is refused."""
        if size <= SMALL_BODY or size <= self._held:
            return
        if not self.calls.in_flight.take(size - self._held):
            limit = self.calls.in_flight.limit
            why = f"Requests of {limit} bytes are being read and scored; try again later"
            raise Refused("RESOURCE_EXHAUSTED", why)
        self._held = size

    def over(self) -> None:
        """Nothing is done any more, and nothing held."""
        self.is_over = True
        self.stream.call = None  # each would keep the other
        if self._held:
            self.calls.in_flight.release(self._held)
            self._held = 0

    # -- the request -----------------------------------------------------------------------------------

    def new_request(self, body: bytes = b"") -> GrpcRequest:
        """The request of HTTP that a message is."""
        headers, connection = Headers(self.head.headers), self.connection
        request = GrpcRequest("POST", self.path, b"", headers, body, http_version="2", client=connection.client)
        request.deadline = self._deadline
        if connection.is_secure:
            request.scheme = "https"
            headers.pop(NAME_HEADER, None)  # what a client sends under that name is dropped
            if connection.client_name:
                headers[NAME_HEADER] = request.caller = connection.client_name
        return request

    # -- its end -----------------------------------------------------------------------------------------

    def reply(self, response: HttpResponse) -> None:
        """End with the one message that a response has, or the error that it is."""
        if self.is_over:
            return
        if response.status != 200:
            self.fail_as(response)
            return
        body = response.body
        assert isinstance(body, bytes)
        if len(body) > self.calls.largest:
            self.fail("RESOURCE_EXHAUSTED", f"the answer has {len(body)} bytes, and may have {self.calls.largest}")
            return
        self.over()
        metadata = metadata_of(response.headers)
        last = replies.OK + written(metadata) if metadata else replies.OK
        self.connection.http2.outbox.answer(self.stream, replies.BEGIN, body, replies.prefix(len(body)), last)

    def say(self, body: bytes) -> None:
        """Send a message; others, or the end, follow."""
        outbox = self.connection.http2.outbox
        self._begin_answer()
        outbox.add(self.stream, replies.prefix(len(body)) + body)

    def _begin_answer(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.connection.http2.outbox.begin(self.stream, replies.BEGIN)

    def finish(self, metadata: replies.Metadata = ()) -> None:
        """End well, after the messages that have been said."""
        if not self.is_over:
            self._begin_answer()
            self.over()
            self.connection.http2.outbox.end(self.stream, replies.OK + written(metadata))

    def fail(self, code: str, why: str, metadata: replies.Metadata = ()) -> None:
        """End with an error. code: its name in `replies.CODES`."""
        if self.is_over:
            return
        self.over()
        block = replies.status(code, why, metadata)
        if not self._has_begun:  # then nothing but this is sent
            block = replies.BEGIN + block
        self.connection.http2.outbox.end(self.stream, block)

    def fail_as(self, response: HttpResponse) -> None:
        """End with the error that a response is."""
        code = response.first(STATUS) or "UNKNOWN"
        self.fail(code, response.first(MESSAGE) or "", metadata_of(response.headers))
