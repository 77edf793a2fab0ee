"""What goes over the wire around messages: header blocks with statuses, as gRPC has them over HTTP/2.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from scoringhost.doors.grpc.http2.header_blocks import STATUS_200, written

CODES = {name: number for number, name in enumerate((
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
))}  # fmt: skip
"""https://grpc.io/docs/guides/status-codes/"""

ACCEPTED = "identity,deflate,gzip"

BEGIN = STATUS_200 + written([("content-type", "application/grpc"), ("grpc-accept-encoding", ACCEPTED)])
"""The head of an answer with messages."""

OK = written([("grpc-status", "0")])
"""Its trailers, if all went well."""

_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

Metadata = Iterable[tuple[str, str]]


def status(code: str, message: str, metadata: Metadata = ()) -> bytes:
    """Trailers that say how a call has ended. message: any text; it is percent-encoded, but for ASCII."""
    fields = [("grpc-status", str(CODES[code]))]
    if message:
        fields.append(("grpc-message", quote(message, safe=_PLAIN, errors="replace")))
    return written([*fields, *metadata])


def no_grpc(http_status: int, code: str, why: str) -> bytes:
    """The only block of an answer to a request that is none of gRPC's; of HTTP clients, too, it can be understood."""
    return written([(":status", str(http_status)), ("content-type", "text/plain")]) + status(code, why)


def prefix(size: int) -> bytes:
    """What stands before a message of `size` bytes that is not packed."""
    return size.to_bytes(5, "big")
