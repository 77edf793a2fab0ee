"""Directory: where requests go. The routing table in force, its workers, and the requests that wait for a start."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scoringhost.errors import NotLoaded, ScoringHostError, ServiceUnavailable, UnknownService
from scoringhost.fleet.calls_seen import CallCounts, CallsOfFront
from scoringhost.fleet.front.choosing import Choice, DefaultVersion
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.front.heads import SERVICE_HEADER
from scoringhost.fleet.front.worker import Worker
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute
from scoringhost.http.deadlines import TIMEOUT_HEADER, deadline_of

if TYPE_CHECKING:
    from scoringhost.fleet.front.shadowing import Shadowing

START_WAIT_S = 60.0
"""Seconds for which a request waits for a version that starts, if nothing else is said."""

RETRY_AFTER_S = 10
"""What a caller is told who asks for what has failed, or was stopped."""


class ReplicaSet:
    """The workers of one set, and what this front has given them.

    in_flight: requests now; most: since somebody last asked; requests: ever. busy_s: seconds times the requests that
    were under way, ever, as `Directory.sample` has found them.
    """

    __slots__ = ("busy_s", "in_flight", "key", "most", "requests", "workers")

    def __init__(self, key: str) -> None:
        self.key = key
        self.workers: list[Worker] = []
        self.in_flight = self.most = self.requests = 0
        self.busy_s = 0.0

    def begun(self) -> None:
        """A worker of it has been given a request."""
        self.requests += 1
        self.in_flight += 1
        if self.in_flight > self.most:
            self.most = self.in_flight

    def ended(self) -> None:
        """A request is not with it any more."""
        self.in_flight -= 1

    def least_loaded(self, but: set[Worker] | None) -> Worker | None:
        """The worker with the fewest requests; None if there is none that has not been tried."""
        workers = self.workers
        if len(workers) == 1 and but is None:
            return workers[0]
        found: Worker | None = None
        for one in workers:
            if (but is None or one not in but) and (found is None or one.in_flight < found.in_flight):
                found = one
        if found is not None:  # behind the others: it is the last one that is taken of those with as many
            workers.remove(found)
            workers.append(found)
        return found


@dataclass(slots=True)
class LiveVersion:
    """A version of a service as it is now. label: `name:version`; line: of an answer's head, who has answered.

    calls: what has come of its calls in this front.
    """

    label: str
    route: VersionRoute
    replicas: ReplicaSet | None
    line: bytes
    calls: CallCounts


@dataclass(slots=True)
class LiveService:
    """A service as it is now. is_unloaded: all of its versions are stopped because somebody wants it so."""

    route: ServiceRoute
    versions: Mapping[str, LiveVersion]
    is_unloaded: bool


@dataclass(slots=True)
class Waiting:
    """Requests that wait for one version to start. is_told: the supervisor knows that it is wanted."""

    exchanges: list[Exchange] = field(default_factory=list)
    is_told: bool = False


class Directory:
    """Gives each request to a worker, or says why none gets it.

    wants: told the name and the version that a request waits for, of those that are started at their first one.
    """

    def __init__(
        self,
        wants: Callable[[str, str], None],
        *,
        choice: Choice | None = None,
        start_wait_s: float = START_WAIT_S,
    ) -> None:
        self._wants, self._choice, self.start_wait_s = wants, choice or DefaultVersion(), start_wait_s
        self.table = RoutingTable()
        self.on_table: Callable[[], None] | None = None
        """Called when there is another table, before anybody is given a worker of it."""
        self.sets: dict[str, ReplicaSet] = {}
        self.calls = CallsOfFront()
        self.waiting: dict[str, Waiting] = {}
        """By label."""
        self._services: dict[str, LiveService] = {}
        self.shadowing: Shadowing | None = None
        """What copies requests, once a service has a version that gets copies."""
        self._sampled_s = time.monotonic()

    # -- tables -------------------------------------------------------------------------------------

    def replace(self, table: RoutingTable) -> None:
        """Go by another table from now on: no request is given any more to a worker that it does not have.

        Requests that workers have got already are answered by them.
        """
        self.table = table
        if self.on_table is not None:
            self.on_table()
        versions = [one for service in table.services.values() for one in service.versions.values()]
        sets = {one.set_key: self._set_of(one) for one in versions if one.set_key}
        gone = [one for key, one in self.sets.items() if key not in sets]
        for worker in [worker for one in gone for worker in one.workers]:
            worker.retire()
        self.sets = sets
        if self.shadowing is None and any(service.traffic.shadow for service in table.services.values()):
            from scoringhost.fleet.front.shadowing import Shadowing

            self.shadowing = Shadowing(self)
        self._services = {name: self._live(one) for name, one in table.services.items()}
        self.calls.keep({(service.name, one) for service in table.services.values() for one in service.versions})
        waiting, self.waiting = self.waiting, {}
        for exchange in [exchange for one in waiting.values() for exchange in one.exchanges]:
            self.send(exchange)

    def _set_of(self, version: VersionRoute) -> ReplicaSet:
        known = self.sets.get(version.set_key) or ReplicaSet(version.set_key)
        workers = {one.path: one for one in known.workers}
        listed = {route.socket: route for route in version.workers}
        for path, worker in workers.items():
            if path not in listed:
                worker.retire()
        known.workers = [
            workers.get(path) or Worker(self, known, one.pid, path, one.user) for path, one in listed.items()
        ]
        return known

    def _live(self, service: ServiceRoute) -> LiveService:
        versions = {}
        for number, version in service.versions.items():
            label = f"{service.name}:{number}" if number else service.name
            line = f"{SERVICE_HEADER}: {label}\r\n".encode("ascii", "backslashreplace")
            calls = self.calls.of(service.name, number)
            versions[number] = LiveVersion(label, version, self.sets.get(version.set_key), line, calls)
        is_unloaded = all(one.state is State.STOPPED and not one.wakes for one in service.versions.values())
        return LiveService(service, versions, is_unloaded)

    # -- requests -----------------------------------------------------------------------------------

    def send(self, exchange: Exchange) -> None:
        """Give a request to a worker, have it wait for one, or answer why there is none."""
        try:
            live = exchange.live = self._version_for(exchange)
            replicas = live.replicas
            if replicas is not None and live.route.state is State.READY and replicas.workers:
                worker = replicas.least_loaded(exchange.tried)
                if worker is None:
                    raise ServiceUnavailable(live.label, "busy or ending", "none of its replicas can be reached")
                worker.send(exchange)
            else:
                self._wait(exchange, live)
        except ScoringHostError as error:
            exchange.connection.fail(exchange, error)

    def send_elsewhere(self, exchange: Exchange, unreached: Worker) -> None:
        """Give a request to another worker than one that cannot be reached."""
        if exchange.tried is None:
            exchange.tried = set()
        exchange.tried.add(unreached)
        self.send(exchange)

    def _version_for(self, exchange: Exchange) -> LiveVersion:
        target = exchange.target
        service = self._services.get(target.name)
        if service is None:
            raise UnknownService(target.name, target.version, self._near(target.name))
        if target.version is None:
            if service.is_unloaded and exchange.match.dialect.name == "v2":
                raise NotLoaded(target.name, next(iter(service.versions.values())).route.reason)
            chosen = self._choice.choose(service.route, exchange)
            found = None if chosen is None else service.versions.get(chosen.version)
            wanted = service.route.default
            if found is not None and self.shadowing is not None and exchange.copying is None:
                exchange.copying = self.shadowing.begin(exchange, service.route, found.route)
        else:
            found, wanted = service.versions.get(target.version), target.version
        if found is None:
            raise UnknownService(target.name, wanted, known_versions(service.versions))
        return found

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._services, 3)
        return _listed("is one of these meant:", near) if near else "GET / lists those that there are"

    def _wait(self, exchange: Exchange, live: LiveVersion) -> None:
        """Have a request wait for a version that starts, up to the limit, or for as long as its caller waits."""
        route = live.route
        if route.state is State.STOPPED and not route.wakes and exchange.match.dialect.name in ("v2", "grpc"):
            # What MLServer and Triton say of a model that was unloaded: a 4xx, which nobody sends again.
            raise NotLoaded(live.label, route.reason)
        comes = route.wakes or route.state in (State.LOADING, State.READY)
        if not comes or route.state is State.FAILED:
            raise ServiceUnavailable(live.label, route.state.value, _first_lines(route.reason), RETRY_AFTER_S)
        now_s = time.monotonic()
        if not exchange.wait_until_s:
            exchange.wait_until_s = now_s + self.start_wait_s
            if TIMEOUT_HEADER in exchange.headers:
                exchange.wait_until_s = min(exchange.wait_until_s, deadline_of(exchange).expires_s)
            asyncio.get_running_loop().call_later(max(0.0, exchange.wait_until_s - now_s), self._too_late, exchange)
        waiting = self.waiting.setdefault(live.label, Waiting())
        waiting.exchanges.append(exchange)
        if route.wakes and route.state is State.STOPPED and not waiting.is_told:
            waiting.is_told = True
            self._wants(exchange.target.name, route.version)

    def _too_late(self, exchange: Exchange) -> None:
        live = exchange.live
        waiting = None if live is None else self.waiting.get(live.label)
        if live is None or waiting is None or exchange.is_over or exchange not in waiting.exchanges:
            return
        self.give_up(exchange)
        reason = f"it did not get ready in the {time.perf_counter() - exchange.began_s:.0f} s that this request waited"
        error = ServiceUnavailable(live.label, State.LOADING.value, _first_lines(live.route.reason) or reason)
        exchange.connection.fail(exchange, error)

    def give_up(self, exchange: Exchange) -> None:
        """A request waits no more, if it did."""
        waiting = None if exchange.live is None else self.waiting.get(exchange.live.label)
        if waiting is not None and exchange in waiting.exchanges:
            waiting.exchanges.remove(exchange)
            if not waiting.exchanges:
                del self.waiting[exchange.live.label]  # type: ignore[union-attr]

    def sample(self) -> None:
        """Look at how many requests are under way; many times a second, which costs requests nothing."""
        now_s = time.monotonic()
        elapsed_s, self._sampled_s = now_s - self._sampled_s, now_s
        for one in self.sets.values():
            if one.in_flight:
                one.busy_s += one.in_flight * elapsed_s

    def take_load(self) -> dict[str, dict[str, Any]]:
        """Requests of each set: now, at most since the last look, ever, and their times; and who waits for what."""
        sets = {}
        for key, one in self.sets.items():
            if one.requests:
                busy_s = round(one.busy_s, 3)
                sets[key] = {"calls": one.in_flight, "most": one.most, "requests": one.requests, "busy_s": busy_s}
            one.most = one.in_flight
        return {"sets": sets, "waiting": {label: len(one.exchanges) for label, one in self.waiting.items()}}

    def close_idle(self) -> None:
        """Close connections that nobody has needed for long."""
        now_s = time.monotonic()
        for one in self.sets.values():
            for worker in one.workers:
                worker.close_idle(now_s)


def known_versions(versions: Iterable[str]) -> str:
    """What there is, for who asks for a version that there is not."""
    named = [one for one in versions if one]
    return _listed("its versions are", named) if named else "it has no versions"


def _listed(words: str, names: object) -> str:
    return f"{words} {', '.join(map(repr, names))}"  # type: ignore[call-overload]


def _first_lines(reason: str) -> str:
    """The end of a reason, which may be many lines of a log: a caller gets the last of them."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
