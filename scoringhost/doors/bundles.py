"""Bundles: the calls of many callers on one connection between a front and a worker, in frames of our own. No I/O.

Over gRPC the calls of a client come together on one connection, and so they go on to the replica, and their answers
come back: one write and one read for all that are there. A connection for each call, of HTTP/1.1, takes four system
calls for each, which is more than all else that a front does for it. Frames of HTTP/2 would do, too; but the ids of
requests differ, so that no two header blocks would be the same, and HPACK takes 3 us for each field in Python.

It begins as an upgrade of HTTP/1.1 (RFC 9110, 7.8). Then each side sends frames: the size of what follows, a kind, and
the number of the call. Calls are answered in any order. Messages that are large, and streams, do not come here: they
have connections of their own, where one that is slow holds up nobody.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

PROTOCOL = "scoringhost-calls"
"""What is asked for in `Upgrade`. It changes whenever the frames do."""

WISH = f"GET /calls HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: {PROTOCOL}\r\n\r\n".encode()
SWITCHED = f"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {PROTOCOL}\r\n\r\n".encode()

CALL, ANSWER, CANCEL, LEAVE = range(1, 5)
"""Kinds of frames. CANCEL: nobody waits for the call any more; or, from the worker, it will have no answer. LEAVE: the
worker ends soon; no call is to be begun here any more, and the front closes when those before are answered."""

MOST_KEPT = 64
"""Blocks of header lines that are kept with what they mean."""

_HEAD = struct.Struct(">IBQ")
_OF_CALL = struct.Struct(">II")
_OF_ANSWER = struct.Struct(">HI")

Frame = tuple[int, int, bytes]
"""Its kind, the number of the call, and what it holds."""

Pairs = list[tuple[str, str]]


def frame(kind: int, number: int = 0) -> bytes:
    """A frame that holds nothing."""
    return _HEAD.pack(0, kind, number)


def call(number: int, standing: bytes, own: bytes, message: bytes) -> bytes:
    """A call. standing: lines that others have as well, the path first; own: those of this one alone."""
    size = _OF_CALL.size + len(standing) + len(own) + len(message)
    return b"".join([_HEAD.pack(size, CALL, number), _OF_CALL.pack(len(standing), len(own)), standing, own, message])


def read_call(payload: bytes) -> tuple[bytes, bytes, bytes]:
    """The standing lines of a call, its own lines, and its message."""
    standing_size, own_size = _OF_CALL.unpack_from(payload)
    at = _OF_CALL.size + standing_size
    return payload[_OF_CALL.size : at], payload[at : at + own_size], payload[at + own_size :]


def answer_head(number: int, status: int, lines: bytes, size: int) -> bytes:
    """What stands before the `size` bytes of the body of an answer."""
    whole = _OF_ANSWER.size + len(lines) + size
    return _HEAD.pack(whole, ANSWER, number) + _OF_ANSWER.pack(status, len(lines)) + lines


def read_answer(payload: bytes) -> tuple[int, bytes, bytes]:
    """The status of an answer, its header lines, and its body."""
    status, size = _OF_ANSWER.unpack_from(payload)
    at = _OF_ANSWER.size + size
    return status, payload[_OF_ANSWER.size : at], payload[at:]


def lines_of(headers: Iterable[tuple[str, str]]) -> bytes:
    """Headers as lines."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1", "replace")


def pairs_of(lines: bytes) -> Pairs:
    """The headers that lines are, names in lower case."""
    found = []
    for line in lines.decode("latin-1").split("\r\n"):
        if line:
            name, _, value = line.partition(":")
            found.append((name.lower(), value.strip()))
    return found


class FrameReader:
    """Makes frames of what comes."""

    __slots__ = ("_rest", "_wanted")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are here as a whole with this."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:  # of a large one: it is not looked at again with each piece of it
                return []
            data = bytes(self._rest)
            self._rest.clear()
        found, at, end = [], 0, len(data)
        self._wanted = _HEAD.size
        while end - at >= _HEAD.size:
            size, kind, number = _HEAD.unpack_from(data, at)
            begins = at + _HEAD.size
            if begins + size > end:
                self._wanted = _HEAD.size + size
                break
            at = begins + size
            found.append((kind, number, data[begins:at]))
        if at < end:
            self._rest += data[at:]
        return found
