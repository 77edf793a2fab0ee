"""Frames of HTTP/2, as bytes: RFC 9113, section 4.1 and 6."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (3.4)."""

HEAD = struct.Struct(">IBI")
"""The head of a frame: its size in 24 bits and its kind in 8, flags, and the stream's number."""

HEAD_SIZE = 9

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM, ACK = 0x1, 0x1
END_HEADERS, PADDED, HAS_PRIORITY = 0x4, 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    range(1, 7)
)

SMALLEST_FRAME_LIMIT, GREATEST_FRAME_LIMIT = 16_384, 2**24 - 1
GREATEST_WINDOW = GREATEST_STREAM = 2**31 - 1
FIRST_WINDOW = 65_535
"""Bytes that may be sent, on a connection and on each stream of it, before anything else is said (6.9.2)."""


class Code(IntEnum):
    """Why a stream or a connection ends (7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    ENHANCE_YOUR_CALM = 0xB


class ConnectionFault(Exception):
    """The client has broken the protocol so that its connection has to end."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(f"{code.name}: {why}")
        self.code, self.why = code, why


class StreamFault(Exception):
    """The client has broken the protocol on one stream; the others go on."""

    def __init__(self, stream: int, code: Code, why: str) -> None:
        super().__init__(f"stream {stream}: {code.name}: {why}")
        self.stream, self.code, self.why = stream, code, why


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def head(kind: int, flags: int, stream: int, size: int) -> bytes:
    """What stands before a payload of `size` bytes."""
    return HEAD.pack(size << 8 | kind, flags, stream)


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join([struct.pack(">HI", *pair) for pair in values]))


def window_update(stream: int, more: int) -> bytes:
    """Says that `more` bytes may be sent on a stream, or (0) on the whole connection."""
    return frame(WINDOW_UPDATE, 0, stream, more.to_bytes(4, "big"))


def rst_stream(stream: int, code: int) -> bytes:
    """Ends a stream."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last: int, code: int, why: str = "") -> bytes:
    """Says that no stream after `last` is answered."""
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + why.encode()[:200])


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload without its padding.

    Raises:
        ConnectionFault: if there is more padding than payload.
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame has more padding than there is room for")
    return payload[1 : len(payload) - payload[0]]
