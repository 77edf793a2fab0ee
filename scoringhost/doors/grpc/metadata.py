"""Metadata of calls, as headers; and headers, as metadata."""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from scoringhost.doors.grpc.http2.heads import RequestHead
from scoringhost.http.messages import Headers

Metadata = tuple[tuple[str, str], ...]

_KEY = re.compile(r"[0-9a-z_.\-]+")
_OURS = frozenset({"content-type", "content-length", "content-encoding", "connection", "transfer-encoding", "te"})
"""What HTTP/2 or gRPC itself says, or must not be said at all (RFC 9113, 8.2.2)."""

_TIMEOUT = re.compile("([0-9]{1,8})([HMSmun])")
_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

CONTENT_TYPE = re.compile(r"application/grpc([+;].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallHead:
    """What the head of a call says.

    headers: its metadata; to be copied. timeout_s: how long the caller waits, in seconds. encoding: how messages are
    packed that say they are. fault: a code and why, if it cannot be answered.
    """

    headers: Headers
    timeout_s: float | None
    encoding: str
    fault: tuple[str, str] | None


def call_head(head: RequestHead) -> CallHead:
    """What a request of HTTP/2 says as a call."""
    fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in head.fields]
    own = {name: value for name, value in fields if name.startswith("grpc-")}
    timeout_s, fault = None, None
    if "grpc-timeout" in own:
        timeout_s = seconds_of(own["grpc-timeout"])
        if timeout_s is None:
            expected = "expected up to 8 digits and one of H, M, S, m, u, n"
            fault = "INVALID_ARGUMENT", f"grpc-timeout: {expected}, got {own['grpc-timeout'][:100]!r}"
    encoding = own.get("grpc-encoding", "identity")
    if encoding not in ("identity", "gzip", "deflate"):
        fault = "UNIMPLEMENTED", f"grpc-encoding: expected identity, deflate or gzip, got {encoding[:100]!r}"
    return CallHead(headers_of(fields), timeout_s, encoding, fault)


def seconds_of(text: str) -> float | None:
    """A grpc-timeout in seconds; None if it is none."""
    found = _TIMEOUT.fullmatch(text)
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def headers_of(metadata: Iterable[tuple[str, str]]) -> Headers:
    """What a call has brought, but for what is gRPC's own; bytes in base64, with its padding."""
    found = []
    for key, value in metadata:
        if key not in _OURS and not key.startswith("grpc-"):
            found.append((key, _padded(value) if key.endswith("-bin") else value))
    return Headers.of(found)


def _padded(text: str) -> str:
    """Bytes in base64 as everybody writes them: gRPC leaves the padding out. What is no base64 stays as it is."""
    try:
        parts = [base64.b64decode(part + "=" * (-len(part) % 4), validate=True) for part in text.split(",")]
    except (binascii.Error, ValueError):
        return text
    return ",".join([base64.b64encode(part).decode("ascii") for part in parts])


def metadata_of(headers: Iterable[tuple[str, str]]) -> Metadata:
    """Headers of a response that can be metadata; clients fail a call over any other."""
    found = []
    for name, value in headers:
        key = _key_of(name)
        if key and value.isascii() and value.isprintable():
            found.append((key, value))
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def _key_of(name: str) -> str:
    """The key of metadata that a header's name is; nothing if it can be none."""
    key = name.lower()
    if key in _OURS or key.startswith("grpc-") or key.endswith("-bin") or _KEY.fullmatch(key) is None:
        return ""
    return key
