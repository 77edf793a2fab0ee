"""FrontApp: what a front answers itself, and what its connections ask about the requests of services."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scoringhost.access.forwarded import Proxies
from scoringhost.fleet.front.directory import Directory
from scoringhost.fleet.front.memory import Counts
from scoringhost.fleet.front.service_keys import ServiceKeys
from scoringhost.fleet.front.targets import Targets
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.dialect import Dialect
from scoringhost.http.guards import Guard
from scoringhost.http.messages import HttpRequest
from scoringhost.http.observing import HttpObserver, Watcher
from scoringhost.kernel.observer import Stages


@dataclass(frozen=True, slots=True)
class FrontRoutes:
    """What a request needs that goes on to a replica.

    directory: where requests go. counts: what becomes of them. proxies: whose forwarding headers are believed; None:
    nobody's.
    """

    directory: Directory
    counts: Counts
    proxies: Proxies | None = None


class FrontApp(HttpApp):
    """The application of a front.

    directory: where requests go. targets: which services paths are of. proxies: whose forwarding headers are believed;
    None: nobody's. cors: what browsers are told of the front's own answers. watch: gives a request what hears
    of it; None if nobody does.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        cors: Cors,
        observers: Sequence[HttpObserver],
        *,
        directory: Directory,
        counts: Counts,
        guards: Sequence[Guard] = (),
        watchers: Sequence[Watcher] = (),
        proxies: Proxies | None = None,
        debug: bool = False,
    ) -> None:
        super().__init__(dialects, cors, observers, guards=guards, watchers=watchers, debug=debug)
        self.directory, self.counts, self.proxies = directory, counts, proxies
        self.targets = Targets(self.match)
        self._guards_of_all, self._service_keys = self.guards, ServiceKeys(lambda: directory.table)
        directory.on_table = self.look_for_keys
        self.look_for_keys()
        self.watch: Callable[[HttpRequest], Stages | None] | None = self._watch
        if self._watch is not None:
            self._watch = self._watch_once

    def look_for_keys(self) -> None:
        """Ask for the keys of single services from now on, if the table has any: without them nobody is asked."""
        asks = any(service.keys for service in self.directory.table.services.values())
        self.guards = (*self._guards_of_all, self._service_keys) if asks else self._guards_of_all

    def _watch_once(self, request: HttpRequest) -> Stages | None:
        """A request that a replica has not answered has been watched from its beginning on."""
        if request.stages is not None or self.watch is None:
            return request.stages
        return self.watch(request)
