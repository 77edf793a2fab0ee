"""Routes: from method and path to what answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from scoringhost.errors import MethodNotAllowed, UnknownRoute
from scoringhost.http.messages import HttpRequest, HttpResponse

Answer = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
"""Answers at once if it can, and else with something to await."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one path answers. `methods` maps a method to its answer; `logged`: worth an access line."""

    methods: Mapping[str, Answer]
    logged: bool = True

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods for an Allow header."""
        return tuple(sorted(self.methods))


class Routes:
    """A table of exact paths. Paths are case-sensitive and a trailing slash counts, as in azmlinfsrv."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)

    def find(self, path: str) -> Endpoint:
        """The endpoint at a path.

        Raises:
            UnknownRoute: if there is none.
        """
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            raise UnknownRoute(path)
        return endpoint

    @staticmethod
    def answer(endpoint: Endpoint, method: str) -> Answer:
        """What answers a method there.

        Raises:
            MethodNotAllowed: if nothing does.
        """
        answer = endpoint.methods.get(method)
        if answer is None:
            raise MethodNotAllowed(method, endpoint.allowed)
        return answer
