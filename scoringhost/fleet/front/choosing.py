"""Which version of a service answers a request that names none."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from scoringhost.fleet.routing import ServiceRoute, VersionRoute
from scoringhost.fleet.traffic import TrafficSplit
from scoringhost.http.messages import HttpRequest

SCORED_AT = frozenset({
    "score", "infer", "infer_stream", "generate", "generate_stream", "invocations", "ModelInfer", "ModelStreamInfer"
})  # fmt: skip
"""The last words of the paths where models are asked. What else a service answers, its documents, metadata, readiness
and jobs, goes to its main version: the caller of a job must find it again."""


class Choice(Protocol):
    """Chooses; asked on the event loop for each such request, so it must be quick."""

    def choose(self, service: ServiceRoute, request: HttpRequest) -> VersionRoute | None:
        """The version, by the head of the request; its body is not there yet. None if the service has none to give.

        Raises:
            NotReady: if none of those that get requests is there.
        """


class DefaultVersion:
    """The version that is the default one."""

    def choose(self, service: ServiceRoute, request: HttpRequest) -> VersionRoute | None:
        """See `Choice`."""
        return service.versions.get(service.default)


class ByTraffic:
    """The version that the shares of the traffic say."""

    def __init__(self, draw: Callable[[], float] | None = None) -> None:
        """`draw`: a number from 0, below 1; a generator of its own if it is not given."""
        self._draw = draw or random.Random().random
        self._splits: dict[str, tuple[ServiceRoute, TrafficSplit]] = {}

    def choose(self, service: ServiceRoute, request: HttpRequest) -> VersionRoute | None:
        """See `Choice`."""
        if not service.traffic.shares:
            return service.versions.get(service.default)
        known = self._splits.get(service.name)
        if known is None or known[0] is not service:  # another table has come
            known = self._splits[service.name] = (service, TrafficSplit(service))
        _, split = known
        _, _, last = request.path.rpartition("/")
        if last not in SCORED_AT:
            return split.main()
        caller = None
        if split.sticky_header is not None:
            caller = request.headers.get(split.sticky_header)
        return split.choose(self._draw, caller)
