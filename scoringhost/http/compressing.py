"""Response bodies packed as the caller accepts it (RFC 9110, 12.5.3 and 8.4)."""

from __future__ import annotations

import re
import zlib

LEAST = 1024
"""Bytes below which a body is sent as it is: its packet is not filled, and packing takes longer than sending."""
_TRIED = 16_384
_WORTH = 0.9
"""What a sample must shrink to: numbers in binary form hardly shrink, at 30 ms for each MB."""
_LEVEL = 1
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_REFUSED = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*$")


def coding_for(accept_encoding: str) -> str | None:
    """gzip or deflate, if the header accepts one of them, in this order; else None."""
    accepted = {}
    for part in accept_encoding.lower().split(","):
        name = part.partition(";")[0].strip()
        accepted[name] = _REFUSED.search(part) is None
    for coding in _WINDOWS:
        if accepted.get(coding, accepted.get("*", False)):
            return coding
    return None


def packed(body: bytes, coding: str) -> bytes | None:
    """The body packed; None if it is small, or does not shrink much."""
    if len(body) < LEAST:
        return None
    if len(body) > 2 * _TRIED:
        middle = len(body) // 2
        sample = body[middle : middle + _TRIED]
        if len(zlib.compress(sample, _LEVEL)) > len(sample) * _WORTH:
            return None
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOWS[coding])
    return b"".join((packer.compress(body), packer.flush()))
