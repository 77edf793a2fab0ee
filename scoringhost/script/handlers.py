"""Handler: what a service answers at a path of its own, beside what every service answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Handler:
    """A path, a method, and what answers there: a function that is given a `HandlerRequest`.

    path: may have parameters, as `/models/{name}`. It runs where run() does, and what it returns is sent as JSON, if
    it is no response of Starlette's or Flask's.
    """

    path: str
    method: str
    answer: Callable[[HandlerRequest], Any]


@dataclass(slots=True)
class HandlerRequest:
    """The request that a handler gets, with the names that Starlette's requests have."""

    method: str
    path: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    path_params: Mapping[str, str] = field(default_factory=dict)
    query_params: Mapping[str, str] = field(default_factory=dict)
    query_string: bytes = b""
    client: str | None = None
    scheme: str = "http"
    host: str = "localhost"

    async def body(self) -> bytes:
        """The body as it came."""
        return self.content

    async def json(self) -> Any:
        """The JSON value in the body.

        Raises:
            ValueError: if it is none.
        """
        return json.loads(self.content)

    async def stream(self) -> Any:
        """The body as an async iterator, which Starlette's requests have for it, too."""
        yield self.content

    @property
    def url(self) -> str:
        """The address that was asked for."""
        query = f"?{self.query_string.decode('latin-1')}" if self.query_string else ""
        return f"{self.scheme}://{self.host}{self.path}{query}"


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """What such a run() is given in place of its argument: the handler that is to answer, and the request."""

    handler: Handler
    request: HandlerRequest
