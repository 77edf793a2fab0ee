"""Metadata of calls, as headers; and headers, as metadata."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote

from scoringhost.http.messages import Headers

Metadata = tuple[tuple[str, str], ...]

_KEY = re.compile(r"[0-9a-z_.\-]+")
_OURS = frozenset({"content-type", "content-length", "content-encoding", "connection", "transfer-encoding", "te"})
"""What HTTP/2 or gRPC itself says, or must not be said at all (RFC 9113, 8.2.2)."""


def headers_of(metadata: Iterable[tuple[str, str | bytes]]) -> Headers:
    """What a call has brought, bytes in base64 as they come over the wire."""
    return Headers.of((key, value if isinstance(value, str) else _as_text(value)) for key, value in metadata)


def _as_text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def metadata_of(headers: Iterable[tuple[str, str]]) -> Metadata:
    """Headers of a response that can be metadata; gRPC fails a call over any other."""
    found = []
    for name, value in headers:
        key = name.lower()
        if key in _OURS or key.startswith("grpc-") or key.endswith("-bin") or _KEY.fullmatch(key) is None:
            continue
        if value.isascii() and value.isprintable():
            found.append((key, value))
    return tuple(found)


def client_of(peer: str) -> str | None:
    """The address of a caller, from gRPC's name for it: `ipv4:127.0.0.1:51234`, `ipv6:%5B::1%5D:51234`, `unix:`."""
    kind, _, place = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return None
    return unquote(place.rpartition(":")[0]).strip("[]")
