"""A hub as a process: the supervisor of a fleet with the catalogue in the place of a folder, and the control API."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost._version import __version__
from scoringhost.errors import SettingsError
from scoringhost.fleet.forked_sets import ForkedSets
from scoringhost.fleet.listening import url_of
from scoringhost.fleet.logs import Output
from scoringhost.fleet.made import Display, FleetParts, Show, fit_for_fleet, ignored_by_fleet
from scoringhost.fleet.run_folder import RunFolder, base_of, clear_abandoned, default_place
from scoringhost.fleet.running import RunningFleet
from scoringhost.hub.control.guard import ControlGuard
from scoringhost.hub.control.server import control_app, intake_of_control, require_safe
from scoringhost.hub.fleet_control import HubControl
from scoringhost.hub.home import Home
from scoringhost.hub.hub import Hub
from scoringhost.hub.in_process_front import FOR_TRYING, InProcessFront
from scoringhost.hub.own_server import OwnServer, listening_at
from scoringhost.hub.record import HubPlace, HubRecord, started_at, token_of
from scoringhost.hub.users import ServiceUsers, service_users
from scoringhost.process.own_user import problem_as
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

if TYPE_CHECKING:
    from scoringhost.hub.mls.server import MlsServer

log = logging.getLogger(HOST_LOGGER)


class HubRunFolder(RunFolder):
    """The run folder of a hub. The logs of services are kept with the hub: they are there after a restart."""

    def __init__(self, path: Path, home: Path, *, is_entered: bool = False) -> None:
        """`is_entered`: by services of other users, for their own sockets and to say what they are at."""
        super().__init__(path)
        self._home, self._is_entered = home, is_entered

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self._home / "log"

    def take(self, owner: Path) -> None:
        """See `RunFolder.take`."""
        if self._is_entered:
            with suppress(OSError):  # what is wrong with it is said below
                _close(self.path)
        super().take(owner)
        if self._is_entered:
            for folder in (self.path, self.sets):
                os.chmod(folder, 0o711)


def _close(path: Path) -> None:
    """Have a run folder that a hub before has left open be for one user again, if it is this user's."""
    if path.lstat().st_uid == os.geteuid() and path.is_dir() and not path.is_symlink():
        os.chmod(path, 0o700)


class RunningHub(RunningFleet):
    """A fleet whose services are those of a hub's folder."""

    def __init__(
        self,
        settings: Settings,
        home: Path,
        run: RunFolder,
        parts: FleetParts,
        output: Output,
        place: HubPlace,
        listener: socket.socket,
        *,
        cores: float,
        url: str,
        control_url: str,
        users: ServiceUsers | None = None,
    ) -> None:
        """`listener`, `control_url`: of the control API. `place`: taken already."""
        super().__init__(settings, None, run, parts, output, cores=cores, url=url)
        self.hub = Hub(home, settings, self.supervisor, users)
        self.control = HubControl(self.hub, self.supervisor, about=self.about, stop=self.stop)
        self._place, self._control_url = place, control_url
        self._guard = ControlGuard(settings, token_of(home))
        require_safe(settings, self._guard)
        self._control_server = OwnServer(listener)
        self._trying = InProcessFront(self.supervisor, FOR_TRYING)
        self._mls = mls_server(self.hub, settings, url) if settings.mlserver else None

    async def _read_folder(self, touched: list[Path] | None = None) -> list[asyncio.Task[Any]]:
        """What ran before runs again; clients may come meanwhile."""
        work = await self.hub.start()
        if isinstance(self._sets, ForkedSets):
            self.supervisor.in_background(self._sets.warm())
        app = control_app(self.hub, self._guard, self._url, self.stop, self._trying)
        self._control_server.start(intake_of_control(app))
        if self._mls is not None:
            self._mls.start()
        pid = os.getpid()
        self._place.say(HubRecord(pid, started_at(pid), self._control_url, self._url, str(self._run.path), __version__))
        return work

    async def read_folder_again(self) -> None:
        """Nothing: there is no folder that somebody else changes."""

    async def _finish(self) -> None:
        self._place.unsay()
        await self._control_server.close()
        self._trying.end()
        if self._mls is not None:
            await self._mls.close()
        await self.hub.end()
        await super()._finish()


def _run_place(settings: Settings, home: Path, environ: Mapping[str, str], users: ServiceUsers | None) -> Path:
    if settings.run_dir:
        return Path(settings.run_dir)
    if users is not None:  # nobody else can enter the folder that XDG_RUNTIME_DIR names
        environ = {name: value for name, value in environ.items() if name != "XDG_RUNTIME_DIR"}
    return default_place(home, environ, os.getuid())


def mls_server(hub: Hub, settings: Settings, url: str) -> MlsServer:
    """What speaks the API of the MLServer class. url: of the hub's services.

    Raises:
        StartupError: if a setting cannot be used.
    """
    from scoringhost.hub.accounts.made import accounts_of
    from scoringhost.hub.mls import server

    accounts = accounts_of(settings)
    server.require_safe(settings)
    listener, own_url = server.listen(settings)
    log.warning("the API of the MLServer class is at %s: whoever may publish there runs code on this machine", own_url)
    return server.MlsServer(hub, accounts, settings, listener, url)


def run_hub(
    home: Path, settings: Settings, environ: Mapping[str, str], cores: float, output: Output, show: Show | None
) -> None:
    """Be the hub of a folder, until a signal ends it.

    `show`: takes lines for people; None for no such lines.

    Raises:
        StartupError: if it cannot be started.
        HubError: if the folder cannot be used, or has a hub.
        FrontFailed: if the front cannot be started.
    """
    environ = {name: value for name, value in environ.items() if name != "SCORINGHOST_HUB_KEY"}  # no service's
    for line in ignored_by_fleet(settings):
        log.warning("%s", line)
    settings = fit_for_fleet(settings)
    Home(home).close()
    place = HubPlace(home)
    place.take()
    try:
        users = service_users(settings, home)
        run = HubRunFolder(_run_place(settings, home, environ, users), home, is_entered=users is not None)
    except BaseException:
        place.leave()
        raise
    try:
        clear_abandoned(run.path.parent if not settings.run_dir else base_of(environ, os.getuid()))
        run.take(home)
        if users is not None:
            if not settings.run_dir:
                os.chmod(run.path.parent, 0o711)
            problem = problem_as(users.first, (), [str(run.path)])
            if problem is not None:
                raise SettingsError("run_dir", str(run.path), problem)
        listener, control_url = listening_at(settings.control_host, settings.control_port, "control_port")
        parts = FleetParts(settings, environ, cores)

        async def life() -> None:
            url = url_of(settings)
            hub = RunningHub(
                *(settings, home, run, parts, output, place, listener),
                cores=cores,
                url=url,
                control_url=control_url,
                users=users,
            )
            if show is not None:
                show(f"hub of {home}: control API at {control_url}, services at {url}/services/NAME/score")
                show(f"page at {control_url}/ui; scoringhost hub open lets you in")
                hub.supervisor.watchers.append(Display(show, url).take)
            await hub.run()

        asyncio.run(life())
    finally:
        run.leave()
        place.leave()
