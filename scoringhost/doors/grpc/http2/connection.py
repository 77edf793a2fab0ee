"""Http2Connection: the streams of one connection, from the server's side. No I/O: bytes in, and out of its outbox."""

from __future__ import annotations

import logging
from typing import Protocol

from scoringhost.doors.grpc.http2.budget import Budget
from scoringhost.doors.grpc.http2.client_settings import ClientSettings
from scoringhost.doors.grpc.http2.frame_reader import LARGEST_FRAME, FrameReader
from scoringhost.doors.grpc.http2.frames import (
    ACK,
    FIRST_WINDOW,
    GREATEST_STREAM,
    GREATEST_WINDOW,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PING,
    SETTINGS,
    Code,
    ConnectionFault,
    StreamFault,
    frame,
    goaway,
    rst_stream,
    settings,
    window_update,
)
from scoringhost.doors.grpc.http2.header_blocks import BlockReader
from scoringhost.doors.grpc.http2.heads import Malformed
from scoringhost.doors.grpc.http2.outbox import Outbox
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.http.messages import HEADERS_LIMIT
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

MOST_STREAMS = 1024
"""Calls at once on one connection; clients keep what is beyond until others have ended."""

STREAM_WINDOW, CONNECTION_WINDOW = 1_048_576, 16_777_216
"""Bytes that a client may send before they have been used up, on one stream and on all together."""

RESETS, RESETS_PER_S = 2000, 200.0
"""Streams at once, and each second, that a client may begin in vain: rapid resets (CVE-2023-44487) are ended so."""

DRAIN_PING, LIFE_PING = b"drained?", b"alive?  "


class Answerer(Protocol):
    """Who hears of streams, and answers them; none of this may wait, or raise."""

    def begin(self, stream: Stream) -> None:
        """The head of a request is here."""

    def data(self, stream: Stream, piece: bytes | memoryview) -> None:
        """Some of its body is here; `used` is to be called for it."""

    def end(self, stream: Stream) -> None:
        """All of it is here."""

    def gone(self, stream: Stream) -> None:
        """Nobody waits for an answer any more."""

    def drained(self) -> None:
        """The client knows that no more streams are answered, and those before are known here."""


class Http2Connection(FrameReader):
    """The server's side of one connection. What it sends is in `outbox`."""

    __slots__ = (
        "_answerer", "_blocks", "_client", "_greatest", "_last", "_left", "_may_come", "_owed", "_resets", "fault",
        "is_alive", "outbox", "streams",
    )  # fmt: skip

    def __init__(self, answerer: Answerer) -> None:
        super().__init__()
        self._answerer = answerer
        self._blocks, self._client = BlockReader(), ClientSettings()
        self.streams: dict[int, Stream] = {}
        self.outbox = Outbox(self._done)
        self._greatest = 0
        self._last: int | None = None
        self._left: dict[int, None] = {}
        self._may_come, self._owed = CONNECTION_WINDOW, 0
        self._resets = Budget(RESETS, RESETS_PER_S)
        self.fault: ConnectionFault | None = None
        """Why the connection has to end: as soon as what is in the outbox has been sent."""
        self.is_alive = True
        """Whether the last ping has been answered."""
        ours = [
            (MAX_CONCURRENT_STREAMS, MOST_STREAMS), (INITIAL_WINDOW_SIZE, STREAM_WINDOW),
            (MAX_FRAME_SIZE, LARGEST_FRAME), (MAX_HEADER_LIST_SIZE, HEADERS_LIMIT),
        ]  # fmt: skip
        self.outbox.put(settings(ours) + window_update(0, CONNECTION_WINDOW - FIRST_WINDOW))

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

    def end(self, fault: ConnectionFault) -> None:
        """Say why the connection ends; all streams end with it."""
        if self.fault is None:
            self.fault = fault
            self.outbox.put(goaway(self._greatest, fault.code, fault.why))
            self.lose()

    def lose(self) -> None:
        """The client has gone, and all its streams with it."""
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            self.outbox.forget(stream)
            self._answerer.gone(stream)

    # -- what answerers do --------------------------------------------------------------------------------

    def used(self, stream: Stream, size: int) -> None:
        """So many bytes of a stream need no room any more."""
        self._owed += size
        stream.owed += size
        # Who is at the end of its request needs no room on its stream.
        if stream.owed >= STREAM_WINDOW // 2 and not stream.is_ended and stream.number in self.streams:
            self.outbox.put(window_update(stream.number, stream.owed))
            stream.may_come += stream.owed
            stream.owed = 0

    def reset(self, stream: Stream, code: Code) -> None:
        """End a stream without an answer, or in the midst of it."""
        if self.streams.pop(stream.number, None) is not None:
            self.outbox.forget(stream)
            self.outbox.put(rst_stream(stream.number, code))
            self._leave(stream)

    def go_away(self) -> None:
        """Tell the client to begin no more streams; `drained` is called when it knows, and none is on its way.

        Two steps, as RFC 9113 (6.8) has it: what it has sent meanwhile is answered.
        """
        self.outbox.put(goaway(GREATEST_STREAM, Code.NO_ERROR) + frame(PING, 0, 0, DRAIN_PING))

    def refuse_more(self) -> None:
        """The second step, for a client that does not answer the first."""
        if self._last is None:
            self._last = self._greatest
            self.outbox.put(goaway(self._last, Code.NO_ERROR))
            self._answerer.drained()

    def ask_for_life(self) -> None:
        """Send a ping; `is_alive` is true again once anything has come back."""
        self.is_alive = False
        self.outbox.put(frame(PING, 0, 0, LIFE_PING))

    def _done(self, stream: Stream) -> None:
        """Its last frame is in the outbox; a client that still sends is told to leave it (RFC 9113, 8.1)."""
        if self.streams.pop(stream.number, None) is not None and not stream.is_ended:
            self.outbox.put(rst_stream(stream.number, Code.NO_ERROR))
            self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        """Remember a stream of which more may be on its way."""
        if stream.is_ended:
            return
        self._left[stream.number] = None
        if len(self._left) > MOST_STREAMS:
            del self._left[next(iter(self._left))]

    # -- what comes ---------------------------------------------------------------------------------------

    def _on_block(self, stream: int, block: bytes, is_end: bool) -> None:
        known = self.streams.get(stream)
        try:
            if known is not None or stream <= self._greatest:
                self._blocks.trailers(block)
                self._on_trailers(stream, known, is_end)
                return
            self._greatest = stream
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

    def _on_trailers(self, stream: int, known: Stream | None, is_end: bool) -> None:
        if known is None:
            if stream not in self._left:
                raise ConnectionFault(Code.STREAM_CLOSED, f"stream {stream} has ended")
            del self._left[stream]
            return
        if known.is_ended:
            raise StreamFault(stream, Code.STREAM_CLOSED, "its request has ended")
        if not is_end:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "trailers that do not end the request")
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
