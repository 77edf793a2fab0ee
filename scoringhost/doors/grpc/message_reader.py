"""MessageReader: the messages of a call, out of the bytes that come; each has a flag and its size before it."""

from __future__ import annotations

from dataclasses import dataclass

from scoringhost.errors import BodyTooLarge, UndecodableBody
from scoringhost.http.bodies import unpack

PREFIX_SIZE = 5


class Refused(Exception):
    """What comes is no message, or one that is not taken: `code` and `why` are what the call ends with."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


@dataclass(frozen=True, slots=True)
class Message:
    """One that has come whole. is_packed: as the call's grpc-encoding says."""

    body: bytes
    is_packed: bool


class MessageReader:
    """Puts messages together. expected: bytes of the one that is coming, 0 before its size is known."""

    __slots__ = ("_largest", "_left", "_pieces", "_prefix", "expected")

    def __init__(self, largest: int) -> None:
        """largest: bytes that a message may have."""
        self._largest = largest
        self._prefix = b""
        self._pieces: list[bytes | memoryview] | None = None
        self._left = self.expected = 0

    @property
    def is_midway(self) -> bool:
        """Whether the end of a message is still to come."""
        return bool(self._prefix)

    def feed(self, piece: bytes | memoryview) -> list[Message]:
        """Take some bytes; returns the messages that are whole with them.

        Raises:
            Refused: if a message is too large, or its prefix is none; nothing more can be read then.
        """
        size = len(piece)
        if not self._prefix and size >= PREFIX_SIZE and int.from_bytes(piece[1:5], "big") == size - PREFIX_SIZE:
            self._check(piece[0], size - PREFIX_SIZE)
            return [Message(bytes(piece[PREFIX_SIZE:]), piece[0] == 1)]
        found: list[Message] = []
        at = 0
        while at < size or self._is_empty():
            if self._pieces is None:
                at = self._read_prefix(piece, at)
                continue
            part = piece[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            self._pieces.append(part)
            if not self._left:
                found.append(Message(b"".join(self._pieces), self._prefix[0] == 1))
                self._prefix, self._pieces, self.expected = b"", None, 0
        return found

    def _is_empty(self) -> bool:
        """Whether the message that has begun has no bytes."""
        return self._pieces is not None and not self._left

    def _read_prefix(self, piece: bytes | memoryview, at: int) -> int:
        part = bytes(piece[at : at + PREFIX_SIZE - len(self._prefix)])
        self._prefix += part
        if len(self._prefix) == PREFIX_SIZE:
            self._left = self.expected = int.from_bytes(self._prefix[1:], "big")
            self._check(self._prefix[0], self.expected)
            self._pieces = []
        return at + len(part)

    def _check(self, flag: int, size: int) -> None:
        if flag > 1:
            raise Refused("INTERNAL", f"a message begins with the flag {flag}, which gRPC does not have")
        if size > self._largest:
            raise Refused("RESOURCE_EXHAUSTED", f"a message has {size} bytes, and may have {self._largest}")


def unpacked(message: Message, encoding: str, largest: int) -> bytes:
    """What is in a message. encoding: of the call.

    Raises:
        Refused: if it cannot be unpacked, or is too large then; memory stays below the limit.
    """
    if not message.is_packed:
        return message.body
    if encoding == "identity":
        raise Refused("INTERNAL", "a message is packed, and grpc-encoding does not say how")
    try:
        return unpack(message.body, encoding, largest)
    except BodyTooLarge:
        raise Refused("RESOURCE_EXHAUSTED", f"a message unpacks to more than {largest} bytes") from None
    except UndecodableBody as problem:
        raise Refused("INVALID_ARGUMENT", f"a message is not {encoding}, as grpc-encoding says: {problem}") from None
