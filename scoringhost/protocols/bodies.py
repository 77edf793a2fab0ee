"""Request bodies as they were before the caller packed them (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib

from scoringhost.errors import BodyTooLarge, UndecodableBody, UnsupportedContentEncoding
from scoringhost.protocols.messages import HttpRequest

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
    parts, left, data = [], limit, request.body
    try:
        while data:
            unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
            part = unpacker.decompress(data, left + 1)
            left -= len(part)
            if left < 0:
                raise BodyTooLarge(limit)
            if not unpacker.eof:
                raise UndecodableBody(f"The {coding} body is cut off")
            parts.append(part)
            data = unpacker.unused_data
    except zlib.error as problem:
        raise UndecodableBody(f"The body is not {coding}, as its Content-Encoding says ({problem})") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
