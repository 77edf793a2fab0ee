"""AnsweredStreams: the streams of a connection that are open, and what is done on them by whoever answers."""

from __future__ import annotations

from typing import Protocol

from scoringhost.doors.grpc.http2.client_settings import ClientSettings
from scoringhost.doors.grpc.http2.frame_reader import LARGEST_FRAME, FrameReader
from scoringhost.doors.grpc.http2.frames import (
    FIRST_WINDOW,
    GREATEST_STREAM,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PING,
    Code,
    ConnectionFault,
    frame,
    goaway,
    rst_stream,
    settings,
    window_update,
)
from scoringhost.doors.grpc.http2.outbox import Outbox
from scoringhost.doors.grpc.http2.streams import Stream
from scoringhost.http.messages import HEADERS_LIMIT

MOST_STREAMS = 1024
"""Calls at once on one connection; clients keep what is beyond until others have ended."""

STREAM_WINDOW, CONNECTION_WINDOW = 1_048_576, 16_777_216
"""Bytes that a client may send before they have been used up, on one stream and on all together."""

DRAIN_PING, LIFE_PING = b"drained?", b"alive?  "


class Answerer(Protocol):
    """Who hears of streams, and answers them; none of this may wait, or raise."""

    def begin(self, stream: Stream) -> None:
        """The head of a request is here."""

    def data(self, stream: Stream, piece: bytes | memoryview) -> None:
        """Some of its body is here; `used` is to be called for it."""

    def end(self, stream: Stream) -> None:
        """All of it is here."""

    def is_overdue(self, stream: Stream) -> bool:
        """Whether the time is over for which the client has said that it waits."""

    def gone(self, stream: Stream) -> None:
        """Nobody waits for an answer any more."""

    def drained(self) -> None:
        """The client knows that no more streams are answered, and those before are known here."""


class AnsweredStreams(FrameReader):
    """Those of one connection. What is sent is in `outbox`."""

    __slots__ = (
        "_answerer", "_client", "_greatest", "_last", "_left", "_may_come", "_owed", "fault", "is_alive", "outbox",
        "streams",
    )  # fmt: skip

    def __init__(self, answerer: Answerer) -> None:
        super().__init__()
        self._answerer = answerer
        self._client = ClientSettings()
        self.streams: dict[int, Stream] = {}
        self.outbox = Outbox(self._done)
        self._greatest = 0
        self._last: int | None = None
        self._left: dict[int, None] = {}
        self._may_come, self._owed = CONNECTION_WINDOW, 0
        self.fault: ConnectionFault | None = None
        """Why the connection has to end: as soon as what is in the outbox has been sent."""
        self.is_alive = True
        """Whether the last ping has been answered."""
        ours = [
            (MAX_CONCURRENT_STREAMS, MOST_STREAMS), (INITIAL_WINDOW_SIZE, STREAM_WINDOW),
            (MAX_FRAME_SIZE, LARGEST_FRAME), (MAX_HEADER_LIST_SIZE, HEADERS_LIMIT),
        ]  # fmt: skip
        self.outbox.put(settings(ours) + window_update(0, CONNECTION_WINDOW - FIRST_WINDOW))

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
