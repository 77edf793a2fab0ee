"""Flask-shaped requests and responses: for @rawhttp, and for scripts that use Flask's own objects.

Flask is imported when the first such object is needed, not before.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

from scoringhost.dialects.azureml_words import FAILED, render
from scoringhost.dialects.flask_context import FlaskContext
from scoringhost.errors import ResultNotEncodable, ScoringHostError, ScriptRefused
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.kernel.call import RawRequest, generated

FIRST_STATUS, LAST_STATUS = 200, 599
"""What a script may answer with: those below 200 are interim, and a client goes on waiting (RFC 9110, 15)."""

_OF_THE_SERVER = frozenset({
    "content-length", "transfer-encoding", "trailer", "connection", "keep-alive", "proxy-connection", "te", "upgrade",
})  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


def raw_request(request: HttpRequest) -> RawRequest:
    """What binds to the first argument of a run() under @rawhttp."""

    def make() -> object:
        import flask

        return flask.request._get_current_object()  # type: ignore[attr-defined]

    return RawRequest(make)


def context_for(request: HttpRequest, *, raw: bool) -> Callable[[], AbstractContextManager[object]] | None:
    """What makes the context of one call: Flask's if the script can see Flask at all, else None."""
    return FlaskContext(request) if raw or "flask" in sys.modules else None


def is_response(output: object) -> bool:
    """Whether run() returned a werkzeug response, which covers Flask's and AMLResponse."""
    werkzeug = sys.modules.get("werkzeug.wrappers")
    return werkzeug is not None and isinstance(output, werkzeug.Response)


def stream_of(output: object) -> object | None:
    """What of the output is to be sent piece by piece."""
    if is_response(output):
        response: Any = output
        return response.iter_encoded() if response.is_streamed else None
    return generated(output)


def deliberate(error: BaseException) -> ScoringHostError | None:
    """The answer that a werkzeug HTTPException (flask.abort, request.get_json) stands for."""
    werkzeug = sys.modules.get("werkzeug.exceptions")
    if werkzeug is None or not isinstance(error, werkzeug.HTTPException):
        return None
    chosen = getattr(error, "response", None)
    if chosen is not None:
        return ScriptRefused(str(error.code), to_http(chosen))
    if error.code is None or error.code >= 500 or error.code < FIRST_STATUS:
        return None
    response = render(ScriptRefused(error.description or error.name, None))
    response.status = error.code
    response.headers += [(k, v) for k, v in error.get_headers() if k.lower() != "content-type"]
    response.foreign = True
    return ScriptRefused(error.description or error.name, response)


def _may_be_sent(name: str) -> bool:
    return name.lower() not in _OF_THE_SERVER and _TOKEN.fullmatch(name) is not None


def to_http(output: Any, items: AsyncIterator[object] | None = None) -> HttpResponse:
    """A werkzeug response as plain values; the script's object is not changed.

    The framing of a message is the server's: headers that speak of it are left out, and so are names
    that no header can have, as a client would lose track of where the response ends.

    Raises:
        ResultNotEncodable: if its body is neither text nor bytes, or its status is no final one of HTTP.
    """
    if not FIRST_STATUS <= output.status_code <= LAST_STATUS:
        reason = f"the response has status {output.status_code}, and HTTP has {FIRST_STATUS} to {LAST_STATUS}"
        raise ResultNotEncodable(reason)
    headers = [(name, value) for name, value in output.headers.items() if _may_be_sent(name)]
    if output.status_code >= 500:
        headers = [pair for pair in headers if pair[0].lower() != FAILED]
        headers.append((FAILED, "True"))
    if items is not None:
        return HttpResponse(output.status_code, headers, _Encoded(items), foreign=True)
    try:
        body = output.get_data()
    except (TypeError, AttributeError) as problem:
        raise ResultNotEncodable(f"the body of the response is not text or bytes ({problem})") from None
    return HttpResponse(output.status_code, headers, body, foreign=True)


class _Encoded:
    """A stream of text and bytes as bytes."""

    def __init__(self, items: AsyncIterator[object]) -> None:
        self._items = items

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        item = await self._items.__anext__()
        return item.encode() if isinstance(item, str) else bytes(item)  # type: ignore[call-overload]

    async def aclose(self) -> None:
        """Close the stream behind it."""
        await self._items.aclose()  # type: ignore[attr-defined]
