"""What can be asked of a fleet: by the command line over its control socket, and by whoever runs it in this process.

Every method takes and answers plain values, as JSON has them. What cannot be done is a `CallFailed` with a word for
programs (`not_found`, `invalid`, `failed`) and a text for people.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from scoringhost.fleet.channel import LONGEST_LINE, CallFailed, Channel
from scoringhost.fleet.logs import ServiceLog
from scoringhost.fleet.specs import MOST_REPLICAS, Traffic
from scoringhost.fleet.status import Status, status_of
from scoringhost.fleet.supervisor import FAILED, INVALID, Supervisor
from scoringhost.fleet.version_life import SetFailed, VersionLife


class Control:
    """The operations on a running fleet."""

    def __init__(
        self,
        supervisor: Supervisor,
        *,
        about: Callable[[], Mapping[str, Any]],
        reload_catalogue: Callable[[], Awaitable[None]],
        reload_service: Callable[[str, str | None], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        """`about`: what the fleet as a whole is. The others are what is done about its folder, and its end."""
        self._supervisor, self._about = supervisor, about
        self._reload_catalogue, self._reload_service, self._stop = reload_catalogue, reload_service, stop

    async def status(self) -> dict[str, Any]:
        """The fleet, and every version of every service with its state, reason, workers and memory."""
        rows: list[Status] = await status_of(self._supervisor)
        return {"fleet": dict(self._about()), "services": [dict(row) for row in rows]}

    async def load(self, name: str, version: str | None = None) -> None:
        """Start what does not run; returns when it is ready.

        Raises:
            CallFailed: `not_found`; `failed` if one could not be started.
        """
        await self._each(name, version, self._load)

    async def _load(self, life: VersionLife) -> None:
        if life.is_unusable and life.current is None:
            # What it is to be is not known. Its folder may have been corrected since.
            await self.reload(life.spec.name, life.spec.version)
        else:
            await life.load()

    async def unload(self, name: str, version: str | None = None) -> None:
        """Stop what runs; returns when its calls have ended. It stays stopped until it is loaded.

        Raises:
            CallFailed: `not_found`.
        """
        await self._each(name, version, lambda life: life.unload("stopped by hand"))

    async def reload(self, name: str, version: str | None = None) -> None:
        """Start it as its folder says now, beside what runs, and switch over; returns when requests go to the new one.

        Raises:
            CallFailed: `not_found`; `failed` if the new one could not be started, and the old one serves on.
        """
        try:
            await self._reload_service(name, version)
        except CallFailed as failure:
            if failure.kind == FAILED:
                raise CallFailed(FAILED, f"{name}: {failure}") from None
            raise

    async def _each(self, name: str, version: str | None, act: Callable[[VersionLife], Awaitable[None]]) -> None:
        lives = self._supervisor.chosen(name, version)
        results = await asyncio.gather(*(act(life) for life in lives), return_exceptions=True)
        for life, result in zip(lives, results, strict=True):
            if isinstance(result, SetFailed):
                raise CallFailed(FAILED, f"{life.spec.key}: {result}") from None
            if isinstance(result, BaseException):
                raise result

    async def scale(self, name: str, version: str | None, minimum: int, maximum: int) -> None:
        """Have between so many workers from now on, until the catalogue says otherwise.

        Raises:
            CallFailed: `not_found`; `invalid` for numbers that cannot be.
        """
        self._require_size(minimum, maximum)
        for life in self._supervisor.chosen(name, version):
            life.scale(minimum, maximum)

    def _require_size(self, minimum: int, maximum: int) -> None:
        if not 0 <= minimum <= maximum <= MOST_REPLICAS or maximum == 0:
            rule = f"it must be 0 <= minimum <= maximum <= {MOST_REPLICAS}, and the maximum 1 at least"
            raise CallFailed(INVALID, f"{minimum}..{maximum} cannot be: {rule}")

    async def traffic(
        self,
        name: str,
        shares: Mapping[str, float] | None = None,
        default: str | None = None,
        sticky_header: str | None = None,
        shadow: Mapping[str, float] | None = None,
        control: str | None = None,
    ) -> dict[str, Any]:
        """Divide the requests that name no version among versions, in per cent; returns how it is now.

        What is None stays as it is; no shares at all give all to the default version, an empty text its own again.

        Raises:
            CallFailed: `not_found`; `invalid` if the shares are more than 100, or name a version that there is not.
        """
        self._supervisor.versions_of(name)
        now = self._supervisor.traffics.get(name, Traffic())
        wanted = Traffic(
            shares=now.shares if shares is None else shares,
            default=now.default if default is None else default or None,
            sticky_header=now.sticky_header if sticky_header is None else sticky_header or None,
            shadow=now.shadow if shadow is None else shadow,
            control=now.control if control is None else control or None,
        )
        if wanted != now:
            self._supervisor.divide(name, wanted)
            await self._supervisor.publish()
        route = self._supervisor.current_table().services[name]
        return {
            "shares": dict(route.traffic.shares),
            "default": route.default,
            "sticky_header": route.traffic.sticky_header,
            "shadow": dict(route.traffic.shadow),
            "control": route.traffic.control,
            "copies": self._supervisor.shadows.rows(name),
        }

    async def logs(self, name: str, version: str | None = None, lines: int = 50) -> list[str]:
        """The last lines that the sets of a service have written.

        Raises:
            CallFailed: `not_found`.
        """
        found: list[str] = []
        for one in self.logs_of(name, version):
            found += one.last(lines)
        return found

    def logs_of(self, name: str, version: str | None = None) -> list[ServiceLog]:
        """The logs of a service's versions, to be followed.

        Raises:
            CallFailed: `not_found`.
        """
        return [self._supervisor.log_of(life.spec.key) for life in self._supervisor.chosen(name, version)]

    async def reload_catalogue(self) -> None:
        """Read the folder again, and run what it says."""
        await self._reload_catalogue()

    async def stop(self) -> None:
        """End the fleet in order."""
        self._stop()


class ControlSocket:
    """The control socket: one channel for each connection, over which the operations are called by name."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()

    async def open(self, path: Path) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, os.fspath(path), limit=LONGEST_LINE)
        os.chmod(path, 0o600)  # the folder of a hub's may be entered by its services

    async def close(self) -> None:
        """Listen no more; whoever waits for an answer gets none."""
        if self._server is not None:
            self._server.close()
        for one in list(self._connections):
            one.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        followed: list[tuple[ServiceLog, Callable[[str], None]]] = []
        control = self._control
        operations: tuple[Callable[..., Awaitable[Any]], ...] = (
            *(control.status, control.load, control.unload, control.reload, control.scale, control.traffic),
            *(control.logs, control.reload_catalogue, control.stop),
        )

        async def follow(params: Mapping[str, Any]) -> None:
            for one in control.logs_of(params["name"], params.get("version")):
                told = _teller(channel)
                one.follow(told)
                followed.append((one, told))

        channel = Channel(methods={one.__name__: _method(one) for one in operations} | {"follow": follow})
        channel.use(reader, writer)
        try:
            await channel.run()
        finally:
            self._connections.discard(task)
            for one, told in followed:
                one.unfollow(told)


def _method(operation: Callable[..., Awaitable[Any]]) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
    async def call(params: Mapping[str, Any]) -> Any:
        try:
            return await operation(**params)
        except TypeError as problem:
            raise CallFailed(INVALID, str(problem)) from None

    return call


def _teller(channel: Channel) -> Callable[[str], None]:
    return lambda text: channel.tell("lines", text=text)
