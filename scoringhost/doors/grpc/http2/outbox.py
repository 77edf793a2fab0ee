"""Outbox: frames that are ready to be sent, and data that has to wait until the client has room (RFC 9113, 5.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from scoringhost.doors.grpc.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    HEADERS,
    SMALLEST_FRAME_LIMIT,
    frame,
    head,
)
from scoringhost.doors.grpc.http2.streams import Stream

MOST_READY = 262_144
"""Bytes that are made ready at once: what is beyond waits for the socket to take them."""

Bytes = bytes | memoryview


class Outbox:
    """What a connection sends. Streams that wait have a frame each in turn, so that none holds up the others."""

    __slots__ = ("_done", "_frames", "_turns", "frame_limit", "may_send", "size")

    def __init__(self, done: Callable[[Stream], None]) -> None:
        """`done` hears of each stream whose last frame is here."""
        self._done = done
        self._frames: list[Bytes] = []
        self._turns: deque[Stream] = deque()
        self.size = 0
        """Bytes that are ready."""
        self.may_send = FIRST_WINDOW
        """Bytes of data that the client has room for, on all streams together."""
        self.frame_limit = SMALLEST_FRAME_LIMIT

    def put(self, ready: Bytes) -> None:
        """Send a frame that waits for nothing."""
        self._frames.append(ready)
        self.size += len(ready)

    def take(self) -> list[Bytes]:
        """What is ready, to be sent at once; more may be ready then."""
        taken = self._frames
        self._frames, self.size = [], 0
        return taken

    def answer(self, stream: Stream, block: bytes, message: Bytes, prefix: bytes, last: bytes) -> None:
        """Send all that a stream is answered with: its head, one message with what stands before it, its trailers."""
        size = len(prefix) + len(message)
        if max(size, len(last)) <= SMALLEST_FRAME_LIMIT and size <= min(self.may_send, stream.may_send):
            number = stream.number
            self.may_send -= size
            self.put(
                b"".join([
                    frame(HEADERS, END_HEADERS, number, block), head(DATA, 0, number, size), prefix, message,
                    frame(HEADERS, END_HEADERS | END_STREAM, number, last),
                ])
            )  # fmt: skip
            self._done(stream)
            return
        self.begin(stream, block)
        self.add(stream, prefix, message)
        self.end(stream, last)

    def begin(self, stream: Stream, block: bytes) -> None:
        """Send the head of an answer."""
        self._put_block(stream.number, 0, block)

    def add(self, stream: Stream, *pieces: Bytes) -> None:
        """Send data, now or as soon as there is room for it."""
        for piece in pieces:
            if piece:
                stream.outgoing.append(memoryview(piece))
                stream.waiting += len(piece)
        self.wake(stream)

    def end(self, stream: Stream, block: bytes) -> None:
        """Send the trailers behind everything else; the stream ends with them."""
        if stream.outgoing:
            stream.last = block
        else:
            self._put_block(stream.number, END_STREAM, block)
            self._done(stream)

    def wake(self, stream: Stream) -> None:
        """Go on with a stream that may have got room; it is served after those that wait already."""
        if stream.outgoing and stream.may_send > 0 and not stream.is_in_turn:
            stream.is_in_turn = True
            self._turns.append(stream)
        self.go_on()

    def forget(self, stream: Stream) -> None:
        """Send nothing more on a stream."""
        stream.outgoing.clear()
        stream.waiting = 0
        stream.last = None

    @property
    def waits(self) -> bool:
        """Whether data waits that could be sent, were there not so much that is ready."""
        return bool(self._turns) and self.may_send > 0

    def go_on(self) -> None:
        """Make ready what there is room for."""
        while self._turns and self.may_send > 0 and self.size < MOST_READY:
            stream = self._turns.popleft()
            stream.is_in_turn = False
            if stream.outgoing and stream.may_send > 0:
                self._send_one(stream)

    def _send_one(self, stream: Stream) -> None:
        piece = stream.outgoing.popleft()
        room = min(self.may_send, stream.may_send, self.frame_limit)
        if len(piece) > room:
            stream.outgoing.appendleft(piece[room:])
            piece = piece[:room]
        size = len(piece)
        self.put(head(DATA, 0, stream.number, size))
        self.put(piece)
        self.may_send -= size
        stream.may_send -= size
        stream.waiting -= size
        stream.sent += size
        if stream.outgoing:
            if stream.may_send > 0:
                stream.is_in_turn = True
                self._turns.append(stream)
        elif stream.last is not None:
            self._put_block(stream.number, END_STREAM, stream.last)
            self._done(stream)

    def _put_block(self, number: int, flags: int, block: bytes) -> None:
        """A header block; longer ones than a frame may be are continued (6.10)."""
        limit = self.frame_limit
        if len(block) <= limit:
            self.put(frame(HEADERS, flags | END_HEADERS, number, block))
            return
        self.put(frame(HEADERS, flags, number, block[:limit]))
        for at in range(limit, len(block), limit):
            is_last = at + limit >= len(block)
            self.put(frame(CONTINUATION, END_HEADERS if is_last else 0, number, block[at : at + limit]))
