"""Request bodies as they were before the caller packed them (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from scoringhost.errors import BodyTooLarge, UndecodableBody, UnsupportedContentEncoding
from scoringhost.http.messages import HttpRequest

SLICE = 65_536
MOST_MEMBERS = 1000
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def unpacked(request: HttpRequest, limit: int) -> bytes:
    """The body, unpacked if its Content-Encoding is gzip or deflate; `limit` in bytes holds after that.

    Raises:
        UnsupportedContentEncoding: any other encoding.
        UndecodableBody: it is not what its Content-Encoding says.
        BodyTooLarge: it unpacks to more than the limit; memory use stays below the limit.
    """
    coding = (request.headers.get("content-encoding") or "identity").strip().lower()
    if coding in ("identity", ""):
        return request.body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise UnsupportedContentEncoding(coding)
    return unpack(request.body, coding, limit)


def unpack(body: bytes, coding: str, limit: int) -> bytes:
    """What is in a body that is packed by gzip or deflate. limit: of that, in bytes.

    Raises:
        UndecodableBody: it is not so packed.
        BodyTooLarge: it unpacks to more than the limit; memory use stays below the limit.
    """
    try:
        return b"".join(_members(body, coding, limit))
    except zlib.error as problem:
        raise UndecodableBody(f"The body is not {coding}, as its Content-Encoding says ({problem})") from None


def _members(body: bytes, coding: str, limit: int) -> Iterator[bytes]:
    """Unpack one member after the other, in slices: what zlib leaves over is copied each time."""
    unpacker, members, left = zlib.decompressobj(_GZIP_OR_ZLIB), 1, limit
    for start in range(0, len(body), SLICE):
        data = body[start : start + SLICE]
        while data:
            if unpacker.eof:
                unpacker, members = zlib.decompressobj(_GZIP_OR_ZLIB), members + 1
            if members > MOST_MEMBERS:
                raise UndecodableBody(f"The {coding} body has more than {MOST_MEMBERS} members")
            part = unpacker.decompress(data, left + 1)
            left -= len(part)
            if left < 0:
                raise BodyTooLarge(limit)
            yield part
            data = unpacker.unused_data
    if body and not unpacker.eof:
        raise UndecodableBody(f"The {coding} body is cut off")
