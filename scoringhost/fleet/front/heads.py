"""Heads of messages, written anew: what goes on to a replica, and what comes back from it.

Nothing that is about one connection crosses the front (RFC 9110, 7.6.1), and the length of a body is said in one way
only, as it was understood here: no two readers can differ on where a message ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from scoringhost.access.forwarded import CALLER_HEADER, GRPC_HEADER
from scoringhost.fleet.front.targets import Target
from scoringhost.http.deadlines import TIMEOUT_HEADER
from scoringhost.http.messages import Headers
from scoringhost.http.request_ids import BROUGHT

SERVICE_HEADER = "x-scoringhost-service"
"""Which service, and which version of it, has answered."""

SHADOW_HEADER = "x-scoringhost-shadow"
"""That a request is a copy, whose answer nobody gets. What a client sends under it is dropped."""

OF_ONE_CONNECTION = frozenset({
    "connection", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"
})  # fmt: skip
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix", "x-forwarded-proto"})
_SAID_ANEW = OF_ONE_CONNECTION | _FORWARDED | {"content-length", CALLER_HEADER, GRPC_HEADER, SHADOW_HEADER}
_NEEDED = frozenset({"host", "expect"})
"""What a Connection header cannot take out: the replica must have the first, and the second is not for the front."""

_OF_ONE_CALL = BROUGHT | {TIMEOUT_HEADER, "traceparent", "tracestate"}
"""What differs from call to call of one client."""

_USUAL = frozenset({"keep-alive", "close"})


def request_head(method: bytes, target: bytes, headers: Headers, more: bytes) -> bytes:
    """The head of a request for a replica; `more`: header lines that the front itself has to say, framing included."""
    left_out = _SAID_ANEW
    connection = headers.get("connection")
    if connection is not None and connection.lower() not in _USUAL:
        left_out = left_out | named_in(connection)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name not in left_out]
    return b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method, target, "".join(lines).encode("latin-1"), more)


def lines_of_call(headers: Headers) -> tuple[bytes, bytes]:
    """Header lines for a replica: those that other calls of the same client have as well, and those of this one."""
    standing, own = [], []
    for name, value in headers.items():
        if name in _OF_ONE_CALL:
            own.append(f"{name}: {value}\r\n")
        elif name not in _SAID_ANEW:
            standing.append(f"{name}: {value}\r\n")
    return "".join(standing).encode("latin-1"), "".join(own).encode("latin-1")


def named_in(connection: str) -> frozenset[str]:
    """The headers that are for one connection only, because a Connection header names them."""
    return frozenset({word.strip().lower() for word in connection.split(",")}) - _NEEDED


def forwarded(peer: str | None, scheme: str, headers: Headers, target: Target, *, is_trusted: bool) -> bytes:
    """Header lines that say who has asked, and for what.

    is_trusted: what the peer says of those who asked it is believed, and added to.
    """
    said: Mapping[str, str] = headers if is_trusted else {}
    chain = [address for address in (said.get("x-forwarded-for"), peer) if address]
    lines = [f"x-forwarded-for: {', '.join(chain)}\r\n"] if chain else []
    lines.append(f"x-forwarded-proto: {said.get('x-forwarded-proto') or scheme}\r\n")
    host = said.get("x-forwarded-host") or headers.get("host")
    if host:
        lines.append(f"x-forwarded-host: {host}\r\n")
    before = said.get("x-forwarded-prefix")
    text = "".join(lines).encode("latin-1")
    if before and target.prefix:
        return text + target.prefix.replace(b": ", b": " + before.rstrip("/").encode("latin-1"), 1)
    return text + target.prefix


def with_time_left(headers: Headers, spent_s: float) -> Headers:
    """The headers with as much less of the caller's own time as has been spent here."""
    text = headers.get(TIMEOUT_HEADER, "")
    if not text.isdigit():
        return headers
    left = Headers(headers)
    left[TIMEOUT_HEADER] = str(max(0, int(text) - int(spent_s * 1000)))
    return left
