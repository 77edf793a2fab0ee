"""Which version of a service answers a request that names none."""

from __future__ import annotations

from typing import Protocol

from scoringhost.fleet.routing import ServiceRoute, VersionRoute
from scoringhost.http.messages import HttpRequest


class Choice(Protocol):
    """Chooses; asked on the event loop for each such request, so it must be quick."""

    def choose(self, service: ServiceRoute, request: HttpRequest) -> VersionRoute | None:
        """The version, by the head of the request; its body is not there yet. None if the service has none to give."""


class DefaultVersion:
    """The version that is the default one."""

    def choose(self, service: ServiceRoute, request: HttpRequest) -> VersionRoute | None:
        """See `Choice`."""
        return service.versions.get(service.default)
