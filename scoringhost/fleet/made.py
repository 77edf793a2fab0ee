"""A fleet of a folder, put together: its parts as the settings want them, and how what becomes ready is shown."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scoringhost.errors import MissingExtra, SettingsError
from scoringhost.fleet.calls_seen import Row
from scoringhost.fleet.channel import Method
from scoringhost.fleet.forked_sets import ForkedSets
from scoringhost.fleet.fronts import FrontProcesses
from scoringhost.fleet.listening import open_listeners, url_of
from scoringhost.fleet.logs import Output
from scoringhost.fleet.routing import RoutingTable, State
from scoringhost.fleet.run_folder import RunFolder, base_of, clear_abandoned, default_place
from scoringhost.fleet.running import RunningFleet
from scoringhost.fleet.shares import cores_for
from scoringhost.fleet.supervisor import Supervisor
from scoringhost.fleet.version_life import headline
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

Show = Callable[[str], None]

CORES_FOR_A_FRONT = 4
"""A front takes a quarter of the time of what it hands on to, at most."""


class FleetParts:
    """The parts of a real fleet."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], cores: float) -> None:
        """Listen.

        Raises:
            StartupError: if a port is taken, or a setting cannot be used by a fleet.
        """
        self._settings, self._environ, self._cores = settings, environ, cores
        self._listeners = open_listeners(settings)

    def sets(self, run: RunFolder, supervisor: Callable[[], Supervisor]) -> ForkedSets:
        """What forks replica sets."""

        def share(replicas: int) -> float:
            return cores_for(replicas, supervisor().replicas_in_all(), self._cores)

        return ForkedSets(self._settings, run, self._environ, share)

    def fronts(
        self, run: RunFolder, supervisor: Callable[[], Supervisor], methods: Callable[[], Mapping[str, Method]]
    ) -> FrontProcesses:
        """The front processes, not started yet."""

        def want(name: str, version: str) -> None:
            supervisor().in_background(supervisor().wake(name, version))

        def load(front: int, seen: Mapping[str, Any]) -> None:
            supervisor().take_load(front, seen)

        def calls(rows: Sequence[Row]) -> None:
            supervisor().calls.add(rows)

        number = self._settings.fronts or max(1, int(self._cores) // CORES_FOR_A_FRONT)
        return FrontProcesses(self._settings, self._listeners, number, want, load, calls, methods)


def run_fleet(
    settings: Settings, environ: Mapping[str, str], uid: int, cores: float, output: Output, show: Show | None
) -> None:
    """Serve the folder of services that the settings name, until a signal ends it.

    `show`: takes a line for people about each version that becomes ready or fails; None for no such lines.

    Raises:
        StartupError: if the fleet cannot be started.
        FrontFailed: if its front cannot.
    """
    for line in ignored_by_fleet(settings):
        log.warning("%s", line)
    settings = fit_for_fleet(settings)
    folder = Path(settings.script or ".")
    place = Path(settings.run_dir) if settings.run_dir else default_place(folder, environ, uid)
    clear_abandoned(base_of(environ, uid))
    run = RunFolder(place)
    run.take(folder)
    try:
        parts = FleetParts(settings, environ, cores)

        async def life() -> None:
            url = url_of(settings)
            fleet = RunningFleet(settings, folder, run, parts, output, cores=cores, url=url)
            if show is not None:
                fleet.supervisor.watchers.append(Display(show, url).take)
            await fleet.run()

        asyncio.run(life())
    finally:
        run.leave()


def fit_for_fleet(settings: Settings) -> Settings:
    """The settings as a fleet takes them.

    Raises:
        SettingsError: for those that are for one service only.
        MissingExtra: if a package that one needs is not installed.
    """
    if settings.kafka_servers:
        raise SettingsError("kafka_servers", None, "one service reads from a topic; give it in its service.json")
    if settings.grpc_port is not None:
        _require_grpc()
    if settings.metrics_port and not settings.metrics:  # replicas have no port: they count because they are told to
        origins = {**settings.origins, "metrics": settings.origins.get("metrics_port", "")}
        settings = dataclasses.replace(settings, metrics=True, origins=origins)
    return settings


def _require_grpc() -> None:
    """See that fronts can take calls over gRPC; nothing is imported here, where it would take memory for nothing.

    Raises:
        MissingExtra: if a package is not installed.
    """
    for package, parent, module in (("hpack", "hpack", "hpack"), ("protobuf", "google", "google.protobuf")):
        if find_spec(parent) is None or find_spec(module) is None:
            raise MissingExtra(package, "grpc")


FOR_ONE_SERVICE = ("framework", "model_dir", "app_root", "source_directory", "debug_port", "model_name")
"""Settings of which the front and the fleet's services as a whole can make nothing."""


def ignored_by_fleet(settings: Settings) -> list[str]:
    """Lines about settings that somebody has given, and that mean nothing to a fleet."""
    lines = []
    for name in FOR_ONE_SERVICE:
        origin = settings.origins.get(name)
        if origin is None or not getattr(settings, name):
            continue
        lines.append(f"{name} ({origin}) is ignored by a fleet: it is for one service; give it in its service.json")
    return lines


class Display:
    """Says in one line of each version what it has come to, when that is something else than before."""

    def __init__(self, show: Show, url: str) -> None:
        self._show, self._url = show, url
        self._shown: dict[tuple[str, str], tuple[State, str]] = {}
        self._is_settled = False

    def take(self, table: RoutingTable) -> None:
        """Look at a new table."""
        width = max(
            (len(_name(name, version)) for name, one in table.services.items() for version in one.versions), default=0
        )
        for name, service in table.services.items():
            for version, route in service.versions.items():
                line = self._line(name, version, route.state, headline(route.reason))
                if line is not None:
                    self._show(f"  {_name(name, version):<{width}}  {line}")
        if table.settled and not self._is_settled:
            self._is_settled = True
            self._show(f"{_counted(table)}; GET {self._url}/ lists them")
        known = {(name, version) for name, one in table.services.items() for version in one.versions}
        for key in self._shown.keys() - known:
            self._show(f"  {_name(*key):<{width}}  gone")
            del self._shown[key]

    def _line(self, name: str, version: str, state: State, reason: str) -> str | None:
        before = self._shown.get((name, version))
        if state in (State.LOADING, State.DRAINING) or before == (state, reason):
            return None
        if state is State.STOPPED and before is None and not reason:
            return None  # it has only not begun
        self._shown[name, version] = state, reason
        path = f"/services/{name}/versions/{version}" if version else f"/services/{name}"
        words = f"{state.value:<7}  {self._url}{path}/score" if state is State.READY else state.value
        return f"{words}  {reason}".rstrip()


def _counted(table: RoutingTable) -> str:
    states = [route.state for service in table.services.values() for route in service.versions.values()]
    words = [f"{states.count(state)} {state.value}" for state in State if state in states]
    return f"{len(table.services)} services: {', '.join(words) or 'none'}"


def _name(name: str, version: str) -> str:
    return f"{name}:{version}" if version else name
