"""The WSGI door: create_app() makes a Flask application that any WSGI server can serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import flask
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from scoringhost.errors import BodyTooLarge, CallError, IncompleteBody, NotReady
from scoringhost.protocols.http_errors import render
from scoringhost.protocols.messages import BODILESS, Headers, HttpRequest, HttpResponse
from scoringhost.protocols.site import Site
from scoringhost.transports.threads import Process


def make_flask_app(site: Site) -> flask.Flask:
    """A Flask application over a site; routes that are added to it come before the site's own.

    Raises:
        InitFailed: if init() of the entry script raises.
    """
    process = Process(site)
    process.init()
    app = flask.Flask("scoringhost", static_folder=None)
    app.url_map.merge_slashes = False
    app.extensions["scoringhost"] = process

    @app.before_request
    def answer() -> flask.Response | None:
        if flask.request.routing_exception is None:
            return None
        request = read_request(flask.request, site.max_body)
        try:
            response = process.run(site.app.handle(request))
        except NotReady as error:
            response = render(error)
        return write_response(response, request.method, process)

    return app


def read_request(request: flask.Request, max_body: int) -> HttpRequest:
    """Flask's request as ours, with its whole body or a fault."""
    request.max_content_length = max_body
    body = b""
    fault: CallError | None = None
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        fault = BodyTooLarge(max_body)
    except ClientDisconnected:
        fault = IncompleteBody()
    environ = request.environ
    return HttpRequest(
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers=Headers.of((name.lower(), value) for name, value in request.headers.items()),
        body=body,
        scheme=request.scheme,
        host=request.host,
        http_version=environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        client=request.remote_addr,
        fault=_fault(fault, request, len(body)),
    )


def _fault(fault: CallError | None, request: flask.Request, read: int) -> CallError | None:
    short = request.content_length is not None and read < request.content_length
    return fault or (IncompleteBody() if short else None)


def write_response(response: HttpResponse, method: str, process: Process) -> flask.Response:
    """Ours as Flask's; a stream is pulled piece by piece by the server's own thread."""
    body = response.body
    if not isinstance(body, bytes) and (method == "HEAD" or response.status in BODILESS):
        process.run(_close(body))
        body = b""
    if isinstance(body, bytes):
        answer = flask.Response(body, response.status)
    else:
        answer = flask.Response(_pieces(body, process), response.status)
    length = answer.headers.get("Content-Length")
    answer.headers.clear()
    for name, value in response.headers:
        answer.headers.add(name, value.replace("\r", " ").replace("\n", " "))
    if length is not None and response.status not in BODILESS:
        answer.headers["Content-Length"] = length
    answer.automatically_set_content_length = False
    return answer


def _pieces(body: AsyncIterator[bytes], process: Process) -> Iterator[bytes]:
    try:
        while (piece := process.run(_next(body))) is not None:
            yield piece
    finally:
        process.leave(_close(body))  # not waited for: this may be the garbage collector, on any thread


async def _next(body: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await body.__anext__()
    except StopAsyncIteration:
        return None


async def _close(body: Any) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
