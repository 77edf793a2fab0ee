"""Large tensors on the wire without copies: the fields of a message that hold raw contents are found, not parsed.

protobuf copies what is in a message when it parses it, and once more for whoever asks for it. A field of bytes lies in
the message as it is (https://protobuf.dev/programming-guides/encoding/), so that it can be looked at where it is, and
only the rest has to be parsed; a response is its head followed by such fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scoringhost.errors import UndecodableBody

Buffer = bytes | memoryview

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

_NAME, _VERSION = 1 << 3 | _BYTES, 2 << 3 | _BYTES

MALFORMED = "The message cannot be decoded"


def split(message: bytes, field: int) -> tuple[bytes, list[memoryview]]:
    """The message without a field of bytes, and what that field holds, each time that it is there.

    Raises:
        UndecodableBody: if the message is malformed.
    """
    view = memoryview(message)
    rest: list[memoryview] = []
    found: list[memoryview] = []
    wanted = field << 3 | _BYTES
    for key, began, at, end in _fields(message):
        if key == wanted:
            found.append(view[at:end])
        else:
            rest.append(view[began:end])
    return b"".join(rest), found


def names_of(message: bytes) -> tuple[str, str]:
    """The name and the version of the model that a message is about, and nothing else of it.

    They are the fields 1 and 2 of all that a model is asked for. Empty for one that is not there; of one that is there
    several times the last counts (https://protobuf.dev/programming-guides/encoding/#last-one-wins).

    Raises:
        UndecodableBody: if the message is malformed.
    """
    found = {_NAME: b"", _VERSION: b""}
    for key, _, at, end in _fields(message):
        if key in found:
            found[key] = message[at:end]
    try:
        return found[_NAME].decode(), found[_VERSION].decode()
    except UnicodeDecodeError:
        raise UndecodableBody(MALFORMED) from None


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: the key of each, where it begins, and where its value does, if that is not in a number,
    and ends.

    Raises:
        UndecodableBody: if the message is malformed.
    """
    at, end = 0, len(message)
    while at < end:
        began = at
        # Nearly all numbers here have one byte; a call for each of them would be half of the time.
        key = message[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(message, at)
        kind = key & 7
        size = 0
        if kind == _BYTES:
            if at < end and message[at] < 0x80:
                size = message[at]
                at += 1
            else:
                size, at = _varint(message, at)
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise UndecodableBody(MALFORMED)
        if at + size > end or not key >> 3:
            raise UndecodableBody(MALFORMED)
        yield key, began, at, at + size
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits in each byte, the least first, and where the next thing begins."""
    value = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise UndecodableBody(MALFORMED)


def as_varint(value: int) -> bytes:
    """A number as `_varint` reads it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def fields(field: int, contents: Sequence[Buffer]) -> list[Buffer]:
    """What stands in a message for a field of bytes that is there several times; to be joined."""
    pieces: list[Buffer] = []
    for content in contents:
        pieces += [field_head(field, len(content)), content]
    return pieces


def field_head(field: int, size: int) -> bytes:
    """What stands before the `size` bytes of a field."""
    return as_varint(field << 3 | _BYTES) + as_varint(size)
