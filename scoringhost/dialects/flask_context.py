"""flask.request, g, current_app and the like during a call, made when a script first uses one of them.

Flask pushes a context for every request, which takes as long as a small call of run(). Here the
context variables that Flask looks into are given an object that makes Flask's own once it is asked
for anything but the app.

Flask's own contexts are never pushed: a pushed one keeps a token of a context variable, and with it
the context that holds itself, so that the body of every request would stay until the next garbage
collection.
"""

from __future__ import annotations

import io
import sys
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scoringhost.http.messages import HttpRequest

if TYPE_CHECKING:
    import flask

_VARIABLES = ("_cv_app", "_cv_request")
"""Where Flask looks for what is in force; later versions have the first only."""


@cache
def flask_app() -> flask.Flask:
    """The app of all calls."""
    import flask

    from scoringhost.script.flask_objects import Request

    app = flask.Flask("scoringhost")
    app.request_class = Request
    # Without a rule that matches, each request would hold an exception whose traceback holds the request.
    for rule in ("/score", "/", "/<path:path>"):
        app.url_map.add(app.url_rule_class(rule, endpoint="score", methods=None))
    return app


@cache
def _variables() -> tuple[ContextVar[Any], ...]:
    import flask.globals

    found = (vars(flask.globals).get(name) for name in _VARIABLES)
    return tuple(variable for variable in found if isinstance(variable, ContextVar))


def environ_of(request: HttpRequest) -> dict[str, Any]:
    """The request as a WSGI environment (PEP 3333), its body in memory."""
    host, colon, port = request.host.rpartition(":")
    if not colon or not port.isdigit():
        host, port = request.host, ""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mount.encode("utf-8").decode("latin-1"),
        "PATH_INFO": request.path.encode("utf-8").decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port or {"https": "443"}.get(request.scheme, "80"),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if request.client:
        environ["REMOTE_ADDR"] = request.client
    for name, value in request.headers.titled().items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


class FlaskContext:
    """The context of one call, to be entered as often as its work is taken up: by run(), by each step of a stream.

    It stands for both of Flask's contexts, that of the app and that of the request.
    """

    __slots__ = ("_g", "_made", "_request", "_session", "_tokens")

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._made: Any = None
        self._g: Any = None
        self._session: Any = None
        self._tokens: list[Token[Any]] = []

    def __call__(self) -> FlaskContext:
        """Itself: what is kept in `g` by run() is there in the steps of its stream."""
        return self

    def __enter__(self) -> FlaskContext:
        for variable in _variables():
            self._tokens.append(variable.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for variable in reversed(_variables()):
            variable.reset(self._tokens.pop())

    @property
    def app(self) -> flask.Flask:
        """What flask.current_app is."""
        return flask_app()

    @property
    def g(self) -> Any:
        """What flask.g is."""
        if self._g is None:
            self._g = flask_app().app_ctx_globals_class()
        return self._g

    @property
    def session(self) -> Any:
        """What flask.session is: empty, and not to be written to, as there is no secret key."""
        if self._session is None:
            app = flask_app()
            self._session = app.session_interface.make_null_session(app)
        return self._session

    def __getattr__(self, name: str) -> Any:
        """Everything else is that of Flask's own context of the request."""
        return getattr(self._made or self._make(), name)

    def __del__(self) -> None:
        """Close what was uploaded. Only now is it over: a result that streams goes on after run() has returned."""
        if self._made is not None:
            self._made.request.close()

    def _make(self) -> Any:
        made = self._made = flask_app().request_context(environ_of(self._request))
        if made.url_adapter is not None:
            made.match_request()
        # The environment would refer to the request that refers to it; nobody asks for it there.
        made.request.environ.pop("werkzeug.request", None)
        return made
