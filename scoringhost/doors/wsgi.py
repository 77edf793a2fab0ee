"""The WSGI door: create_app() makes a Flask application that any WSGI server can serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from scoringhost import errors
from scoringhost.engine.engine import Engine
from scoringhost.engine.process import Process
from scoringhost.engine.site import Site
from scoringhost.errors import BodyTooLarge, IncompleteBody, LengthRequired, NotReady, UnknownRoute
from scoringhost.http.messages import BODILESS, Headers, HttpRequest, HttpResponse, close_body


def make_flask_app(engine: Engine) -> flask.Flask:
    """A Flask application over an engine that is loaded; routes that are added to it come before the engine's.

    Raises:
        InitFailed: if init() of the entry script raises.
    """
    process = Process(engine)
    process.init()
    return _Application(engine.site, process)


class _Request(flask.Request):
    """Flask's request. A guard may look into a form without taking the body away from run()."""

    _most: int | None = None

    @property
    def max_content_length(self) -> int | None:
        """The most bytes of a body that are read. Flask 3.0 lets nobody set it for one request, 3.1 does."""
        if self._most is not None:
            return self._most
        limit: int | None = flask.current_app.config["MAX_CONTENT_LENGTH"]
        return limit

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._most = value

    def make_form_data_parser(self) -> FormDataParser:
        """Keep the body before a form is parsed from it, unless the request is for a route of the user's."""
        if self.routing_exception is not None:
            self.get_data(cache=True)
        return super().make_form_data_parser()


class _Application(flask.Flask):
    """Answers with the site what no route of the user's matches.

    This happens where Flask calls a view: after every `before_request` function, since one of them may be all that
    stands between a caller and the model, and before `after_request`, teardown and error handlers.
    """

    request_class = _Request

    def __init__(self, site: Site, process: Process) -> None:
        super().__init__("scoringhost", static_folder=None)
        self._site, self._process = site, process
        self.url_map.merge_slashes = False
        self.extensions["scoringhost"] = process

    # Both are given whatever Flask's dispatch gives them: nothing up to 3.1, its context from 3.2 on.

    def preprocess_request(self, *context: Any) -> ResponseReturnValue | None:
        """Run the guards, which can read no more of a body than the site itself would."""
        request = flask.request
        if request.routing_exception is not None:
            lower = request.max_content_length
            request.max_content_length = min(self._site.max_body, self._site.max_body if lower is None else lower)
        return super().preprocess_request(*context)

    def dispatch_request(self, *context: Any) -> ResponseReturnValue:
        """Answer as the user's route does, or else as the site does.

        Raises:
            HTTPException: for a path or method that nobody serves. It carries the site's answer, which Flask sends
                if there is no error handler for it; or it is Flask's own, if only the user has a route there.
        """
        request = flask.request
        if request.routing_exception is None:
            return super().dispatch_request(*context)
        error = self._site.app.route_error(request.path, request.method)
        if isinstance(error, UnknownRoute) and not isinstance(request.routing_exception, NotFound):
            return super().dispatch_request(*context)
        response = self._answer(request)
        if isinstance(error, UnknownRoute):
            raise NotFound(response=response)
        if isinstance(error, errors.MethodNotAllowed):
            raise MethodNotAllowed(error.allowed, response=response)
        return response

    def _answer(self, request: flask.Request) -> flask.Response:
        app, received = self._site.app, head_of(request)
        try:
            if app.guards:
                received.fault = self._process.run(app.let_in(received))
            if received.fault is None:
                read_body(request, received, request.max_content_length or self._site.max_body)
            response = self._process.run(app.handle(received))
        except NotReady as error:
            response = app.render(error, received.path)
        return write_response(response, received.method, self._process)


def read_body(request: flask.Request, ours: HttpRequest, max_body: int) -> None:
    """Give our request its body, or a fault. `max_body` is what Flask limits it to, in bytes."""
    if _may_be_lost(request, ours):
        ours.fault = LengthRequired("this WSGI server may lose the body of one without")
        return
    try:
        ours.body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        ours.fault = BodyTooLarge(max_body)
    except ClientDisconnected:
        ours.fault = IncompleteBody()
    if ours.fault is None and request.content_length is not None and len(ours.body) < request.content_length:
        ours.fault = IncompleteBody()


def _may_be_lost(request: flask.Request, ours: HttpRequest) -> bool:
    """Whether there may be a body that nobody can read to its end.

    PEP 3333 has only the length for that. Servers that end the input themselves say so by a key of their own, which
    Werkzeug looks for; for all others (uWSGI, hypercorn) it reads an empty body, which must not be scored.
    """
    if request.content_length is not None or request.environ.get("wsgi.input_terminated"):
        return False
    if "transfer-encoding" in ours.headers:
        return True
    return ours.method == "POST" and ours.http_version.startswith(("2", "3"))  # those have no such header


def head_of(request: flask.Request) -> HttpRequest:
    """Flask's request as ours, without its body."""
    environ = request.environ
    return HttpRequest(
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers=Headers.of((name.lower(), value) for name, value in request.headers.items()),
        scheme=request.scheme,
        host=request.host,
        http_version=environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        client=request.remote_addr,
        mount=request.root_path.rstrip("/"),
    )


def write_response(response: HttpResponse, method: str, process: Process) -> flask.Response:
    """Ours as Flask's; a stream is pulled piece by piece by the server's own thread."""
    body = response.body
    if not isinstance(body, bytes) and (method == "HEAD" or response.status in BODILESS):
        process.run(close_body(body))
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
        process.leave(close_body(body))  # not waited for: this may be the garbage collector, on any thread


async def _next(body: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await body.__anext__()
    except StopAsyncIteration:
        return None
