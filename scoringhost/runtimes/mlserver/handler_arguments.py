"""What a custom handler is given: the request, a value of the path or the query, or the body by its annotation."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from scoringhost.errors import InvalidParameter, MissingParameter, UndecodableBody
from scoringhost.script.handlers import HandlerRequest

_SCALARS = (str, int, float, bool)


class HandlerArguments:
    """Makes the arguments of one handler. Its annotations are read once, as FastAPI does."""

    def __init__(self, method: Callable[..., Any]) -> None:
        function = getattr(method, "__func__", method)
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except (NameError, TypeError):
            hints = {}
        self._parameters = {
            name: (parameter, hints.get(name, Any))
            for name, parameter in inspect.signature(method).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }

    def of(self, request: HandlerRequest) -> dict[str, Any]:
        """The arguments for a request.

        Raises:
            MissingParameter: if the path and the query lack a value that has no default.
            InvalidParameter: if a value is not what its annotation says.
            UndecodableBody: if the body is no JSON.
        """
        arguments = {}
        for name, (parameter, hint) in self._parameters.items():
            given = self._given(name, hint, request)
            if given is _ABSENT:
                if parameter.default is inspect.Parameter.empty:
                    raise MissingParameter(name, tuple(self._parameters))
                continue
            arguments[name] = given
        return arguments

    def _given(self, name: str, hint: Any, request: HandlerRequest) -> Any:
        if _is_request(name, hint):
            return _as_annotated(hint, request)
        for values in (request.path_params, request.query_params):
            if name in values:
                return _valid(name, hint, values[name])
        if _is_scalar(hint):
            return _ABSENT
        if not request.content:
            return _ABSENT
        try:
            body = json.loads(request.content)
        except ValueError as problem:
            raise UndecodableBody(f"The body is no JSON: {problem}") from None
        return _valid(name, hint, body)


_ABSENT = object()


def _is_request(name: str, hint: Any) -> bool:
    is_named = name == "request" and hint is Any
    return is_named or (isinstance(hint, type) and (hint is HandlerRequest or _is_starlettes(hint)))


def _is_starlettes(hint: type) -> bool:
    return any(base.__module__ == "starlette.requests" for base in hint.__mro__)


def _as_annotated(hint: Any, request: HandlerRequest) -> Any:
    """The request; one of Starlette's if that is what the annotation says."""
    if not isinstance(hint, type) or not _is_starlettes(hint):
        return request
    scope: Mapping[str, Any] = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "scheme": request.scheme,
        "query_string": request.query_string,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        "path_params": dict(request.path_params),
        "client": (request.client, 0) if request.client else None,
        "http_version": "1.1",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.content, "more_body": False}

    return hint(scope, receive)


def _is_scalar(hint: Any) -> bool:
    inner = [one for one in typing.get_args(hint) if one is not type(None)] or [hint]
    return all(one in _SCALARS for one in inner)


def _valid(name: str, hint: Any, value: Any) -> Any:
    if hint is Any:
        return value
    try:
        return pydantic.TypeAdapter(hint).validate_python(value)
    except pydantic.ValidationError as problem:
        first = problem.errors()[0]
        path = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in first["loc"])
        raise InvalidParameter(f"{name}{path}", str(hint), first["msg"]) from None
