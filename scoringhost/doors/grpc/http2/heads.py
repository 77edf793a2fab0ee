"""RequestHead: what a stream begins with, checked (RFC 9113, 8.2 and 8.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Fields = list[tuple[bytes, bytes]]

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_NOT_IN_VALUES = re.compile(rb"[\x00\r\n]")
_OF_CONNECTIONS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_PSEUDO = frozenset({b":method", b":scheme", b":path", b":authority"})

OVERHEAD = 32
"""Bytes that are counted for each field besides name and value (RFC 9113, 10.5.1)."""


class Malformed(Exception):
    """A head is none; the stream ends with PROTOCOL_ERROR."""


@dataclass(slots=True)
class RequestHead:
    """The pseudo-header fields, and the others in their order. size: of all, as HTTP/2 counts it, in bytes.

    Not to be changed: a client that says the same again gets the same head. means: what whoever answers has made of it.
    """

    method: str
    path: str
    authority: str
    fields: Fields
    size: int
    content_length: int | None
    means: Any = field(default=None, init=False)


def head_of(fields: Fields) -> RequestHead:
    """The head that fields are.

    Raises:
        Malformed: if they are none; says why.
    """
    pseudo: dict[bytes, bytes] = {}
    others: Fields = []
    size = 0
    for name, value in fields:
        size += len(name) + len(value) + OVERHEAD
        if _NOT_IN_VALUES.search(value):
            raise Malformed("a field has a line end or a zero in it")
        if name[:1] == b":":
            if others or name not in _PSEUDO or name in pseudo:
                raise Malformed(f"{name!r} is unknown, or there twice, or after the others")
            pseudo[name] = value
            continue
        _check(name, value)
        others.append((name, value))
    if not (pseudo.get(b":method") and pseudo.get(b":path") and pseudo.get(b":scheme")):
        raise Malformed(":method, :scheme or :path is missing")
    return RequestHead(
        pseudo[b":method"].decode("latin-1"),
        pseudo[b":path"].decode("latin-1"),
        pseudo.get(b":authority", b"").decode("latin-1"),
        others,
        size,
        _content_length(others),
    )


def check_trailers(fields: Fields) -> None:
    """See that fields may end a request.

    Raises:
        Malformed: if they may not.
    """
    for name, value in fields:
        _check(name, value)


def _check(name: bytes, value: bytes) -> None:
    if _NAME.fullmatch(name) is None:
        raise Malformed(f"{name!r} is no name of a field")
    if name in _OF_CONNECTIONS or (name == b"te" and value.lower() != b"trailers"):
        raise Malformed(f"{name!r} does not belong into HTTP/2")


def _content_length(fields: Fields) -> int | None:
    found = {value for name, value in fields if name == b"content-length"}
    if not found:
        return None
    (text, *more) = found
    if more or not text.isdigit() or len(text) > 15:
        raise Malformed("content-length is no number")
    return int(text)
