"""Heads of messages: targets, requests that httptools refuses, and the heads of responses."""

from __future__ import annotations

import re
import urllib.parse
from http import HTTPStatus

from scoringhost.errors import MalformedRequest
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse

# A request line of RFC 9112, section 3, with a method token of RFC 9110, section 5.6.2.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]{1,40}) (/[!-~]*) HTTP/1\.[01]\r\n")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r\n")
_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
COMMON_TARGETS = {b"/score": ("/score", b""), b"/": ("/", b"")}
_KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})


def split_target(target: bytes) -> tuple[str, bytes]:
    """The decoded path and the raw query of a request target, origin or absolute form (RFC 9112, 3.2)."""
    if not target.startswith(b"/") and b"://" in target:
        target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
    path, _, query = target.partition(b"#")[0].partition(b"?")
    text = path.decode("latin-1")
    return (urllib.parse.unquote(text) if "%" in text else text), query


def well_formed(data: bytes) -> HttpRequest | None:
    """A request without a body, from a complete head with any method; None if there is none."""
    line = _REQUEST_LINE.match(data)
    if line is None:
        return None
    headers = Headers()
    at = line.end()
    while header := _HEADER.match(data, at):
        headers[header[1].decode().lower()] = header[2].decode("latin-1").rstrip()
        at = header.end()
    if data[at : at + 2] != b"\r\n":
        return None
    path, query = split_target(line[2])
    return HttpRequest(line[1].decode(), path, query, headers)


def understood(data: bytes, problem: str) -> HttpRequest:
    """What the parser refused, as a request: with its own method if that is all that is wrong, else a fault.

    httptools knows a fixed list of methods; a request that is well-formed but for its method is
    handled as any other, which answers 404 or 405.
    """
    request = well_formed(data)
    if request is None or request.method in _KNOWN:
        return HttpRequest("GET", "/score", fault=MalformedRequest(problem))
    return request


def render_head(response: HttpResponse, framing: str, always: bytes = b"") -> bytes:
    """Status line and headers; `framing` is more header lines, and `always` header lines of the server's own.

    A line break in a header of the script's becomes a space, so that no value can add a header.
    """
    headers = response.headers
    if response.foreign:
        headers = [(_one_line(name), _one_line(value)) for name, value in headers]
    text = "\r\n".join(map(": ".join, headers))
    if text:
        text += "\r\n"
    status = _STATUS.get(response.status) or f"HTTP/1.1 {response.status} \r\n".encode()
    return status + always + f"{text}{framing}\r\n".encode("latin-1", "replace")


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
