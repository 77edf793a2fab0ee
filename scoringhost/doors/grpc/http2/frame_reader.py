"""FrameReader: what comes on a connection, taken apart into frames.

What is in DATA frames is passed on as it comes, and without a copy if it is much; of every other frame the whole is
waited for. What breaks the protocol ends the stream, or the connection, that it is about (RFC 9113, 5.4).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from scoringhost.doors.grpc.http2.budget import Budget
from scoringhost.doors.grpc.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEAD,
    HEAD_SIZE,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SMALLEST_FRAME_LIMIT,
    WINDOW_UPDATE,
    Code,
    ConnectionFault,
    StreamFault,
    unpadded,
)

LARGEST_FRAME = 1_048_576
"""Bytes of a frame that a client may send, DATA before all; it is told so."""

LARGEST_BLOCK = 262_144
"""Bytes of a header block, in all its frames, beyond which the connection ends.

Calls may have fewer bytes of metadata; but a block that is not read leaves the table unknown, and with it all others.
"""
SMALL_PIECE = 4096
"""Bytes of data that are copied, so that the whole of what came with them is not kept for their sake."""

IDLE_FRAMES, IDLE_FRAMES_PER_S = 2000, 200.0
"""Frames at once, and each second, that bring no request any further: pings, settings, empty data, CONTINUATION.

gRPC's C-core sends a ping now and then to find out how fast a connection is, and one for each keep-alive.
"""


class FrameReader(ABC):
    """Takes frames apart, and says what is in them to who inherits from it."""

    __slots__ = (
        "_block", "_block_ends", "_block_of", "_data_ends", "_data_left", "_data_of", "_idle_frames", "_rest",
        "is_greeted",
    )  # fmt: skip

    def __init__(self) -> None:
        self._rest = b""
        self.is_greeted = False
        """Whether the client has said that it speaks HTTP/2."""
        self._data_left = self._data_of = 0
        self._data_ends = False
        self._block: list[bytes] | None = None
        self._block_of = 0
        self._block_ends = False
        self._idle_frames = Budget(IDLE_FRAMES, IDLE_FRAMES_PER_S)

    def _read(self, data: bytes) -> None:
        """Take apart what has come.

        Raises:
            ConnectionFault: if nothing more can be made of this connection.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        if not self.is_greeted:
            at = self._greet(data)
        while at < end:
            before = at
            at = self._read_data(data, at, end) if self._data_left else self._read_frame(data, at, end)
            if at == before:
                self._rest = data[at:]
                return

    def _read_frame(self, data: bytes, at: int, end: int) -> int:
        """Take the frame that begins there, of DATA only the head; returns where it ends, or `at` if it is cut off."""
        if end - at < HEAD_SIZE:
            return at
        word, flags, stream = HEAD.unpack_from(data, at)
        size, kind = word >> 8, word & 0xFF
        stream &= 0x7FFF_FFFF
        if self._block is not None or size > SMALLEST_FRAME_LIMIT:
            self._check(kind, size, stream)
        if kind == DATA and not flags & PADDED:
            self._begin_data(stream, size, size, flags)
            return at + HEAD_SIZE
        if end - at < HEAD_SIZE + size:
            return at
        at += HEAD_SIZE + size
        try:
            self._take(kind, flags, stream, data[at - size : at])
        except StreamFault as fault:
            self._reset(fault)
        return at

    def _greet(self, data: bytes) -> int:
        """See that the client speaks HTTP/2; returns where its first frame begins, or the end while that is unknown."""
        if not data.startswith(PREFACE[: len(data)]):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "this port speaks HTTP/2 with prior knowledge (RFC 9113, 3.3)")
        if len(data) < len(PREFACE):
            self._rest = data
            return len(data)
        self.is_greeted = True
        return len(PREFACE)

    def _check(self, kind: int, size: int, stream: int) -> None:
        """See that a frame may come now and has a size that is one."""
        if self._block is not None and (kind != CONTINUATION or stream != self._block_of):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a header block is interrupted by another frame")
        most = LARGEST_FRAME if kind == DATA else LARGEST_BLOCK
        if size > most:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a frame has {size} bytes, and may have {most}")

    def _read_data(self, data: bytes, at: int, end: int) -> int:
        """Pass on what has come of a DATA frame; returns where that ends."""
        size = min(self._data_left, end - at)
        piece: bytes | memoryview = data[at : at + size] if size <= SMALL_PIECE else memoryview(data)[at : at + size]
        self._data_left -= size
        if self._data_of:
            self._on_data(self._data_of, piece)
            if not self._data_left and self._data_ends:
                self._end_data(self._data_of)
        return at + size

    def _begin_data(self, stream: int, size: int, counted: int, flags: int) -> None:
        """A DATA frame comes; counted: bytes for flow control, padding included."""
        self._data_of, self._data_ends = stream, bool(flags & END_STREAM)
        self._data_left = size
        if not size and not self._data_ends:
            self.spend_idle_frame()
        is_taken = False
        try:
            is_taken = self._on_data_head(stream, counted, counted - size, self._data_ends)
        except StreamFault as fault:
            self._reset(fault)
        if not is_taken:
            self._data_of = 0
        if not size and self._data_ends:
            self._end_data(self._data_of)

    def _end_data(self, stream: int) -> None:
        if not stream:
            return  # nobody takes it
        try:
            self._on_end(stream)
        except StreamFault as fault:
            self._reset(fault)

    def spend_idle_frame(self) -> None:
        """Count a frame that brings nothing any further.

        Raises:
            ConnectionFault: if there are too many of them.
        """
        if not self._idle_frames.spend():
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many pings, settings or empty frames")

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self._begin_block(flags, stream, payload)
        elif kind == WINDOW_UPDATE:
            self._on_window_update(stream, _number(payload))
        elif kind == DATA:
            content = unpadded(flags, payload)
            self._begin_data(stream, len(content), len(payload), flags)
            if content:
                self._read_data(content, 0, len(content))
        elif kind == RST_STREAM:
            self._on_rst_stream(stream, _number(payload))
        elif kind == CONTINUATION:
            self._continue_block(flags, payload)
        elif kind == PUSH_PROMISE:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "clients do not promise anything")
        else:
            self._take_idle(kind, flags, stream, payload)

    def _take_idle(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """A frame that belongs to no request."""
        self.spend_idle_frame()
        if kind == PRIORITY:
            self._check_priority(stream, payload)
        elif kind in (SETTINGS, PING, GOAWAY):
            if stream:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "this frame belongs to the connection, not to a stream")
            if kind == SETTINGS:
                self._on_settings(flags, payload)
            elif kind == PING:
                self._on_ping(flags, payload)

    @staticmethod
    def _check_priority(stream: int, payload: bytes) -> None:
        """Priorities are not used; but what is none has to be said so."""
        if not stream:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "the connection has no priority")
        if len(payload) != 5:
            raise StreamFault(stream, Code.FRAME_SIZE_ERROR, "a priority has 5 bytes")
        if int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF == stream:
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "a stream depends on itself")

    # -- header blocks ------------------------------------------------------------------------------

    def _begin_block(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream & 1:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "clients' streams have odd numbers")
        payload = unpadded(flags, payload)
        depends_on_itself = False
        if flags & HAS_PRIORITY:
            if len(payload) < 5:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "a priority has 5 bytes")
            depends_on_itself = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF == stream
            payload = payload[5:]
        if flags & END_HEADERS:
            self._on_block(stream, payload, bool(flags & END_STREAM))
        else:
            self._block, self._block_of, self._block_ends = [payload], stream, bool(flags & END_STREAM)
        if depends_on_itself:  # only now: the block has to be read, as it may change the table
            raise StreamFault(stream, Code.PROTOCOL_ERROR, "a stream depends on itself")

    def _continue_block(self, flags: int, payload: bytes) -> None:
        block = self._block
        if block is None:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "there is no header block that could be continued")
        self.spend_idle_frame()
        block.append(payload)
        if sum(map(len, block)) > LARGEST_BLOCK:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"a header block has more than {LARGEST_BLOCK} bytes")
        if flags & END_HEADERS:
            self._block = None
            self._on_block(self._block_of, b"".join(block), self._block_ends)

    # -- what is in the frames ------------------------------------------------------------------------

    @abstractmethod
    def _on_block(self, stream: int, block: bytes, is_end: bool) -> None: ...

    @abstractmethod
    def _on_data_head(self, stream: int, counted: int, padding: int, is_end: bool) -> bool:
        """A DATA frame of `counted` bytes comes; returns whether somebody takes what is in it."""

    @abstractmethod
    def _on_data(self, stream: int, piece: bytes | memoryview) -> None: ...

    @abstractmethod
    def _on_end(self, stream: int) -> None: ...

    @abstractmethod
    def _on_rst_stream(self, stream: int, code: int) -> None: ...

    @abstractmethod
    def _on_window_update(self, stream: int, more: int) -> None: ...

    @abstractmethod
    def _on_settings(self, flags: int, payload: bytes) -> None: ...

    @abstractmethod
    def _on_ping(self, flags: int, payload: bytes) -> None: ...

    @abstractmethod
    def _reset(self, fault: StreamFault) -> None: ...


def _number(payload: bytes) -> int:
    if len(payload) != 4:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "this frame has 4 bytes")
    return int.from_bytes(payload, "big")
