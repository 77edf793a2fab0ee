"""Request lines and heads, where httptools does not do: targets, and what its parser refuses."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from scoringhost.errors import MalformedRequest
from scoringhost.protocols.messages import Headers, HttpRequest

# A request line of RFC 9112, section 3, with a method token of RFC 9110, section 5.6.2.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]{1,40}) (/[!-~]*) HTTP/1\.[01]\r\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r\n")
_KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})


def split_target(target: bytes) -> tuple[str, bytes]:
    """The decoded path and the raw query of a request target, origin or absolute form (RFC 9112, 3.2)."""
    if not target.startswith(b"/") and b"://" in target:
        target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
    path, _, query = target.partition(b"#")[0].partition(b"?")
    text = path.decode("latin-1")
    return (urllib.parse.unquote(text) if "%" in text else text), query


def understood(data: bytes, problem: str) -> HttpRequest:
    """What the parser refused, as a request: with its own method if that is all that is wrong, else a fault.

    httptools knows a fixed list of methods; a request that is well-formed but for its method is
    handled as any other, which answers 404 or 405.
    """
    refused = HttpRequest("GET", "/score", fault=MalformedRequest(problem))
    line = _REQUEST_LINE.match(data)
    if line is None:
        return refused
    method = line[1].decode()
    headers: dict[str, Any] = {}
    at = line.end()
    while header := _HEADER.match(data, at):
        headers[header[1].decode().lower()] = header[2].decode("latin-1").rstrip()
        at = header.end()
    if data[at : at + 2] != b"\r\n" or method in _KNOWN:
        return refused
    path, query = split_target(line[2])
    return HttpRequest(method, path, query, Headers.joined(headers))
