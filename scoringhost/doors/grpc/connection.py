"""GrpcConnection: one connection, between its socket, the streams on it, and their calls.

It is driven by the transport of the event loop that scores. While that does not run (before init() has returned, and
during a run() that holds it up), `beside.py` drives it on another thread. It is never driven by both at once.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scoringhost.doors.grpc import replies
from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.http2.connection import Http2Connection
from scoringhost.doors.grpc.http2.frames import Code, ConnectionFault
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.doors.grpc.metadata import CONTENT_TYPE, CallHead, call_head
from scoringhost.doors.grpc.wired import Wired
from scoringhost.http.messages import HEADERS_LIMIT

if TYPE_CHECKING:
    from scoringhost.doors.grpc.calls import Calls
    from scoringhost.doors.grpc.message_stream import MessageStream
    from scoringhost.doors.grpc.secured import Secured


class GrpcConnection(Wired):
    """One that has been taken. `lost` is called once it has ended."""

    def __init__(
        self, calls: Calls, taken: socket.socket, secured: Secured | None, lost: Callable[[GrpcConnection], None]
    ) -> None:
        super().__init__(calls, taken, secured)
        self._lost = lost
        self.is_secure = secured is not None
        self.http2 = Http2Connection(self)
        self.writers: set[MessageStream] = set()
        """Calls whose tasks wait until the client has read something."""
        self.client_name = ""
        self.heard_s = self.began_s = time.monotonic()
        self.is_drained = False
        """Whether the client knows that it is to go elsewhere, or must."""
        self._is_flush_planned = False

    # -- driven by a transport -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what is there to be sent."""
        super().connection_made(transport)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and go on with what it was for."""
        self.take(data)
        self.calls.go_on()
        self.flush()

    def resume_writing(self) -> None:
        """The client has caught up: go on."""
        super().resume_writing()
        self.http2.outbox.go_on()
        self.flush()

    # -- what comes ---------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Take bytes from the socket. Calls are not begun here: see `Calls.todo`."""
        self.heard_s = time.monotonic()
        if self.secured is not None:
            was_ready = self.secured.is_ready
            try:
                data = self.secured.received(data)
            except ssl.SSLError:
                self._send(self.secured.encrypted(b""))
                self._close()
                return
            if self.secured.is_ready and not was_ready:
                self.client_name = self.secured.client_name
            if self.secured.has_ended:
                self._wants_close = True
        if data:
            self.http2.receive(data)

    # -- what the streams say (see `Answerer`) ------------------------------------------------------------

    def begin(self, stream: Stream) -> None:
        """Find out what a stream is for."""
        head = stream.head
        means: CallHead | None = head.means
        if means is None:
            means = head.means = call_head(head)
        kind = self.calls.kinds.get(head.path)
        if self._is_no_call(stream):
            return
        stream.call = call = (kind or Call)(self.calls, self, stream, means)
        if kind is None:
            call.fail("UNIMPLEMENTED", f"The method {head.path[:200]} is not served here")
        elif head.size > HEADERS_LIMIT:
            call.fail("RESOURCE_EXHAUSTED", f"the metadata have {head.size} bytes, and may have {HEADERS_LIMIT}")
        elif means.fault is not None:
            call.fail(*means.fault, metadata=[("grpc-accept-encoding", replies.ACCEPTED)])
        else:
            call.begin()

    def _is_no_call(self, stream: Stream) -> bool:
        """Refuse what is a request of HTTP, but none of gRPC's."""
        head = stream.head
        kinds = [value for name, value in head.fields if name == b"content-type"]
        if head.method != "POST":
            block = replies.no_grpc(405, "UNIMPLEMENTED", f"gRPC is called with POST, not {head.method[:20]}")
        elif len(kinds) != 1 or CONTENT_TYPE.fullmatch(kinds[0].decode("latin-1")) is None:
            block = replies.no_grpc(415, "UNKNOWN", "the content-type of a call over gRPC is application/grpc")
        else:
            return False
        self.http2.outbox.end(stream, block)
        return True

    def data(self, stream: Stream, piece: bytes | memoryview) -> None:
        """Hand bytes to the call that they are for."""
        if stream.call is None:
            self.http2.used(stream, len(piece))  # it has been answered, or is none
        else:
            stream.call.take(piece)

    def end(self, stream: Stream) -> None:
        """Tell a call that its caller has sent all."""
        if stream.call is not None:
            stream.call.end()

    def is_overdue(self, stream: Stream) -> bool:
        """Whether the caller's own deadline is over."""
        return stream.call is not None and stream.call.is_overdue

    def gone(self, stream: Stream) -> None:
        """Tell a call that nobody waits for it."""
        call: Call | None = stream.call
        stream.call = None
        if call is not None:
            call.cancel()

    def drained(self) -> None:
        """Close as soon as all calls have ended."""
        self.is_drained = True

    # -- what is sent ---------------------------------------------------------------------------------------

    def flush_soon(self) -> None:
        """Send what is there once whatever else is to be done at this moment has been."""
        if not self._is_flush_planned and not self.is_closed:
            self._is_flush_planned = True
            self.calls.loop.call_soon(self._flush_as_planned)

    def _flush_as_planned(self) -> None:
        self._is_flush_planned = False
        self.flush()

    def flush(self) -> None:
        """Send what is there, as far as the socket takes it."""
        if self.is_closed:
            return
        if self._unsent:
            self._send(b"")
        if self.secured is not None and not self.secured.is_ready:
            self._send(self.secured.encrypted(b""))
        else:
            self._send_ready()
        for writer in list(self.writers):
            writer.tell_room()
        if self.http2.fault is not None or self._wants_close or (self.is_drained and not self.http2.streams):
            self._close()

    def _send_ready(self) -> None:
        outbox = self.http2.outbox
        while outbox.size and self.takes_more:
            size = outbox.size
            self._write(outbox.take(), size)
            outbox.go_on()

    # -- its end --------------------------------------------------------------------------------------------

    def go_away(self) -> None:
        """Tell the client to send its next call elsewhere."""
        self.http2.go_away()
        self.flush()

    def give_up(self, stream: Stream) -> None:
        """End a call whose caller does not read its answer."""
        call = stream.call
        self.http2.reset(stream, Code.CANCEL)
        if call is not None:
            call.cancel()

    def cut_off(self, why: str) -> None:
        """End at once, in order: the client has broken a limit."""
        self.http2.end(ConnectionFault(Code.ENHANCE_YOUR_CALM, why))
        self.flush()
        self.abort()

    def close_at_once(self) -> None:
        """Nobody is there any more."""
        if not self.is_closed:
            self.is_closed = True
            self.http2.lose()
            if self._transport is None:
                self.socket.close()
            self._lost(self)
