"""ClientSettings: what the client has said of itself (RFC 9113, 6.5.2)."""

from __future__ import annotations

import struct

from scoringhost.doors.grpc.http2.frames import (
    ENABLE_PUSH,
    FIRST_WINDOW,
    GREATEST_FRAME_LIMIT,
    GREATEST_WINDOW,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    SMALLEST_FRAME_LIMIT,
    Code,
    ConnectionFault,
)

LARGEST_FRAME = 65_536
"""Bytes of a frame that we send at most, whatever the client allows: others have their turn then."""


class ClientSettings:
    """The values that matter here: the size of its table does not, as nothing of ours is put into it."""

    __slots__ = ("first_window", "frame_limit")

    def __init__(self) -> None:
        self.first_window, self.frame_limit = FIRST_WINDOW, SMALLEST_FRAME_LIMIT

    def take(self, payload: bytes) -> int:
        """Take the values of a frame; returns by how much each stream's room for data grows.

        Raises:
            ConnectionFault: if they are none.
        """
        if len(payload) % 6:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "settings have 6 bytes each")
        before = self.first_window
        for name, value in struct.iter_unpack(">HI", payload):
            if name == INITIAL_WINDOW_SIZE:
                if value > GREATEST_WINDOW:
                    raise ConnectionFault(Code.FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is {value}")
                self.first_window = value
            elif name == MAX_FRAME_SIZE:
                if not SMALLEST_FRAME_LIMIT <= value <= GREATEST_FRAME_LIMIT:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, f"MAX_FRAME_SIZE is {value}")
                self.frame_limit = min(value, LARGEST_FRAME)
            elif name == ENABLE_PUSH and value > 1:
                raise ConnectionFault(Code.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")
        return self.first_window - before
