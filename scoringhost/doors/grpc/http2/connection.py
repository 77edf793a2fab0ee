"""Http2Connection: the streams of one connection, from the server's side. No I/O: bytes in, and out of its outbox."""

from __future__ import annotations

import logging

from scoringhost.doors.grpc.http2.answered_streams import (
    CONNECTION_WINDOW,
    DRAIN_PING,
    MOST_STREAMS,
    STREAM_WINDOW,
    AnsweredStreams,
    Answerer,
)
from scoringhost.doors.grpc.http2.budget import Budget
from scoringhost.doors.grpc.http2.frames import (
    ACK,
    GREATEST_WINDOW,
    PING,
    SETTINGS,
    Code,
    ConnectionFault,
    StreamFault,
    frame,
    rst_stream,
    window_update,
)
from scoringhost.doors.grpc.http2.header_blocks import BlockReader
from scoringhost.doors.grpc.http2.heads import Malformed
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

RESETS, RESETS_PER_S = 5000, 1000.0
"""Streams at once, and each second, that a client may begin in vain: rapid resets (CVE-2023-44487) are ended so.

So many that a client under load whose calls are all too late is none of those; where it has said until when it waits,
they do not count at all.
"""


class Http2Connection(AnsweredStreams):
    """The server's side of one connection. What it sends is in `outbox`."""

    __slots__ = ("_blocks", "_resets")

    def __init__(self, answerer: Answerer) -> None:
        super().__init__(answerer)
        self._blocks = BlockReader()
        self._resets = Budget(RESETS, RESETS_PER_S)

    def receive(self, data: bytes) -> None:
        """Take what has come; never raises."""
        if self.fault is not None:
            return
        self.is_alive = True
        try:
            self._read(data)
        except ConnectionFault as fault:
            self.end(fault)
            return
        except Exception:  # of ours: one connection ends, and the others know nothing of it
            log.exception("gRPC: a connection is given up")
            self.end(ConnectionFault(Code.INTERNAL_ERROR, "an unexpected error occurred"))
            return
        if self._owed >= CONNECTION_WINDOW // 2:
            self.outbox.put(window_update(0, self._owed))
            self._may_come += self._owed
            self._owed = 0

    # -- what comes ---------------------------------------------------------------------------------------

    def _on_block(self, stream: int, block: bytes, is_end: bool) -> None:
        if stream <= self._greatest:
            self._on_trailers(stream, block, is_end)
            return
        self._greatest = stream
        try:
            head = self._blocks.head(block)
        except Malformed as problem:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, str(problem)) from None
        if self._last is not None or len(self.streams) >= MOST_STREAMS:
            if self._last is None:
                self._spend_reset()
            self.outbox.put(rst_stream(stream, Code.REFUSED_STREAM))
            self._leave(Stream(stream, head, 0, 0))
            return
        new = self.streams[stream] = Stream(stream, head, self._client.first_window, STREAM_WINDOW)
        self._answerer.begin(new)
        if is_end:
            self._on_end(stream)

    def _on_trailers(self, stream: int, block: bytes, is_end: bool) -> None:
        wrong = "" if is_end else "trailers that do not end the request"
        try:
            self._blocks.trailers(block)
        except Malformed as problem:
            wrong = str(problem)
        known = self.streams.get(stream)
        if known is None:
            if stream not in self._left:
                raise ConnectionFault(Code.STREAM_CLOSED, f"stream {stream} has ended")
            del self._left[stream]
        elif known.is_ended:
            raise StreamFault(stream, Code.STREAM_CLOSED, "its request has ended")
        elif wrong:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, wrong)
        else:
            self._on_end(stream)

    def _on_data_head(self, stream: int, counted: int, padding: int, is_end: bool) -> bool:
        self._may_come -= counted
        if self._may_come < 0:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "more data than there is room for")
        known = self.streams.get(stream)
        if known is None or known.is_ended:
            self._owed += counted
            self._check_begun(stream)
            if stream not in self._left:
                raise StreamFault(stream, Code.STREAM_CLOSED, "its request has ended")
            if is_end:
                del self._left[stream]
            return False
        known.may_come -= counted
        if known.may_come < 0:
            self._owed += counted
            raise StreamFault(stream, Code.FLOW_CONTROL_ERROR, "more data than there is room for")
        if padding:
            self.used(known, padding)
        return True

    def _on_data(self, stream: int, piece: bytes | memoryview) -> None:
        known = self.streams.get(stream)
        if known is None:  # it has ended since its frame began
            self._owed += len(piece)
            return
        known.came += len(piece)
        self._answerer.data(known, piece)

    def _on_end(self, stream: int) -> None:
        known = self.streams.get(stream)
        if known is None:
            self._left.pop(stream, None)
            return
        known.is_ended = True
        if known.head.content_length not in (None, known.came):
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "content-length says something else")
        self._answerer.end(known)

    def _on_rst_stream(self, stream: int, code: int) -> None:
        self._check_begun(stream)
        self._left.pop(stream, None)
        known = self.streams.pop(stream, None)
        if known is None:
            self.spend_idle_frame()
            return
        if not self._answerer.is_overdue(known):
            self._spend_reset()
        self.outbox.forget(known)
        self._answerer.gone(known)

    def _on_window_update(self, stream: int, more: int) -> None:
        more &= GREATEST_WINDOW
        if not stream:
            if not more:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "room for no more bytes")
            self.outbox.may_send += more
            if self.outbox.may_send > GREATEST_WINDOW:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "room for more bytes than there can be")
            self.outbox.go_on()
            return
        self._check_begun(stream)
        if not more:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "room for no more bytes")
        known = self.streams.get(stream)
        if known is not None:
            known.may_send += more
            if known.may_send > GREATEST_WINDOW:
                raise StreamFault(stream, Code.FLOW_CONTROL_ERROR, "room for more bytes than there can be")
            self.outbox.wake(known)

    def _on_settings(self, flags: int, payload: bytes) -> None:
        if flags & ACK:
            if payload:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an acknowledgement has no settings")
            return
        more = self._client.take(payload)
        self.outbox.frame_limit = self._client.frame_limit
        if more:
            for stream in self.streams.values():
                stream.may_send += more
                if stream.may_send > GREATEST_WINDOW:
                    raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "room for more bytes than there can be")
        self.outbox.put(frame(SETTINGS, ACK, 0))
        for stream in list(self.streams.values()):
            self.outbox.wake(stream)

    def _on_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a ping has 8 bytes")
        if not flags & ACK:
            self.outbox.put(frame(PING, ACK, 0, payload))
        elif payload == DRAIN_PING:
            self.refuse_more()

    def _check_begun(self, stream: int) -> None:
        if not stream & 1 or stream > self._greatest:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"stream {stream} has not begun")

    def _spend_reset(self) -> None:
        if not self._resets.spend():
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many streams are begun in vain")

    def _reset(self, fault: StreamFault) -> None:
        """A stream has broken the protocol: it ends, and counts among those that were begun in vain."""
        self.outbox.put(rst_stream(fault.stream, fault.code))
        known = self.streams.pop(fault.stream, None)
        if known is not None:
            self.outbox.forget(known)
            self._answerer.gone(known)
            self._leave(known)
        self._spend_reset()
