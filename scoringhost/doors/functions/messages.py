"""func.HttpRequest as ours and our response as func.HttpResponse, with what gets lost on the way to Azure's host."""

from __future__ import annotations

from urllib.parse import unquote, unquote_plus

import azure.functions as func

from scoringhost.errors import BodyTooLarge, CallError, LengthRequired, RunError
from scoringhost.http.messages import Headers, HttpRequest, HttpResponse, close_body
from scoringhost.http.observing import ObservedStream

KEY_HEADER, KEY_ARGUMENT = "x-functions-key", "code"
"""Where callers put the key that the Functions host asks for; it has checked it already."""


def read_request(request: func.HttpRequest, max_body: int, *, keyed: bool) -> HttpRequest:
    """The request as ours, without the key if one was asked for; `max_body` is in bytes."""
    scheme, _, rest = request.url.partition("://")
    host, _, target = rest.partition("/")
    path, _, query = target.partition("?")
    theirs = request.headers
    headers = {name: theirs[name] for name in theirs if name != KEY_HEADER}
    body = request.get_body()
    return HttpRequest(
        method=request.method,
        path="/" + unquote(path),
        query=(_without_key(query) if keyed else query).encode("utf-8", "surrogatepass"),
        headers=Headers(headers),
        body=body if len(body) <= max_body else b"",
        scheme=scheme,
        host=headers.get("host") or host,
        fault=_fault(headers, len(body), max_body),
    )


def _fault(headers: dict[str, str], length: int, max_body: int) -> CallError | None:
    if length > max_body:
        return BodyTooLarge(max_body)
    if not length and "chunked" in headers.get("transfer-encoding", "").lower():
        return LengthRequired("the Functions host does not pass chunked bodies on")
    return None


def _without_key(query: str) -> str:
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]).lower() != KEY_ARGUMENT)


async def whole_body(response: HttpResponse, method: str) -> bytes:
    """The body in one piece, as nothing streams here; a stream that breaks turns the response into its error."""
    body = response.body
    if isinstance(body, bytes):
        return b"" if method == "HEAD" else body
    pieces = []
    try:
        if method != "HEAD":
            async for piece in body:
                pieces.append(piece)
    except RunError as error:
        assert isinstance(body, ObservedStream), "every stream of HttpApp is one"
        broken = body.dialect.render(error)
        response.status = broken.status
        for name, value in broken.headers:
            response.replace(name, value)
        return fixed_body(broken)
    finally:
        await close_body(body)
    return b"".join(pieces)


def fixed_body(response: HttpResponse) -> bytes:
    """The body of a response that does not stream."""
    return response.body if isinstance(response.body, bytes) else b""


def write_response(response: HttpResponse, method: str, body: bytes) -> func.HttpResponse:
    """Ours as theirs: of each header but Set-Cookie only one gets through, and only in ASCII."""
    answer = func.HttpResponse(body, status_code=response.status)
    headers: dict[str, tuple[str, str]] = {}
    for name, value in response.headers:
        key, value = name.lower(), _ascii(value)
        if key == "set-cookie":
            answer.headers.add(name, value)
        elif key in headers:
            headers[key] = (name, f"{headers[key][1]}, {value}")
        else:
            headers[key] = (name, value)
    if response.status not in (204, 304):
        length = len(response.body) if isinstance(response.body, bytes) and method == "HEAD" else len(body)
        headers["content-length"] = ("Content-Length", str(length))
    for name, value in headers.values():
        answer.headers.add(name, value)
    return answer


def _ascii(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    return "".join(one if " " <= one <= "~" or one == "\t" else " " if one < " " else "?" for one in value)
