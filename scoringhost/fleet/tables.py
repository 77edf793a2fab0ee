"""What the fronts are told of the lives of all versions: a routing table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute, WorkerRoute
from scoringhost.fleet.specs import Traffic, version_order
from scoringhost.fleet.version_life import VersionLife, headline


def routing_table(
    number: int,
    lives: Iterable[VersionLife],
    traffics: Mapping[str, Traffic],
    keys: Mapping[str, Mapping[str, str]],
    *,
    settled: bool,
) -> RoutingTable:
    """The table of these versions; `traffics`: of each service that divides its requests; `keys`: that asks for one.

    Requests that name no version go to the one that is set as the default, or else to the largest. A version that has
    never been ready is not taken for the largest while another has: a new one that fails takes nobody's requests.
    """
    by_name: dict[str, dict[str, VersionRoute]] = {}
    served: dict[str, list[str]] = {}
    for life in lives:
        by_name.setdefault(life.spec.name, {})[life.spec.version] = _version(life)
        if life.has_served or life.wakes:
            served.setdefault(life.spec.name, []).append(life.spec.version)
    services = {}
    for name in sorted(by_name):
        traffic = traffics.get(name, Traffic())
        default = traffic.default
        if default is None:
            default = max(served.get(name) or by_name[name], key=version_order)
        services[name] = ServiceRoute(name, by_name[name], default, traffic, keys.get(name, {}))
    return RoutingTable(number, services, settled)


def _version(life: VersionLife) -> VersionRoute:
    current = life.current
    state = life.state
    workers: tuple[WorkerRoute, ...] = ()
    if current is not None:
        workers = tuple(current.workers)
        # The set is there but none of its workers is: its master starts another.
        state = State.READY if workers else State.LOADING
    threads = life.spec.settings.get("threads", 1)
    return VersionRoute(
        version=life.spec.version,
        set_key=current.key if current is not None else "",
        state=state,
        reason=headline(life.reason),  # callers can see it, and tracebacks are for the log alone
        wakes=life.wakes,
        workers=workers,
        accepts_calls=threads if isinstance(threads, int) else 1,
    )
