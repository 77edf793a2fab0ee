"""A fleet from its start to its end: the folder is read, services and fronts run, and all ends in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from scoringhost.errors import SettingsError
from scoringhost.fleet.catalogue import CatalogueReading, read_catalogue
from scoringhost.fleet.changes import FolderWatch
from scoringhost.fleet.channel import Method
from scoringhost.fleet.control import Control, ControlSocket
from scoringhost.fleet.logs import Output
from scoringhost.fleet.repository import FleetRepository
from scoringhost.fleet.run_folder import RunFolder
from scoringhost.fleet.scaling import Scaling
from scoringhost.fleet.supervisor import Fronts, Sets, Supervisor
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

LOOK_S = 0.5
"""Seconds between two looks at the files, with --reload."""

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

log = logging.getLogger(HOST_LOGGER)


class FrontProcesses(Fronts, Protocol):
    """The fronts, as far as they are started and ended."""

    async def start(self) -> None:
        """Start them; they answer, if only that nothing is ready yet.

        Raises:
            SettingsError: if one cannot run with these settings.
        """

    async def stop(self) -> None:
        """Have them take no more requests, and wait until those under way are answered."""

    def kill(self) -> None:
        """End them at once."""


class Parts(Protocol):
    """What a fleet is made of besides its supervisor; other ones in tests."""

    def sets(self, run: RunFolder, supervisor: Callable[[], Supervisor]) -> SetsLife:
        """What makes replica sets."""

    def fronts(
        self, run: RunFolder, supervisor: Callable[[], Supervisor], methods: Callable[[], Mapping[str, Method]]
    ) -> FrontProcesses:
        """The front processes, not started yet. `methods`: what they may ask for over their channels."""


class SetsLife(Sets, Protocol):
    """What makes replica sets, and lets go of what they are made with."""

    async def close(self) -> None:
        """End the templates."""


class RunningFleet:
    """One fleet in this process, on one event loop."""

    def __init__(
        self,
        settings: Settings,
        folder: Path | None,
        run: RunFolder,
        parts: Parts,
        output: Output,
        *,
        cores: float,
        url: str,
    ) -> None:
        """`folder`: of the services; None for a fleet whose services somebody else brings. `run`: taken already."""
        self._settings, self._folder, self._run, self._url = settings, folder, run, url
        self._sets = parts.sets(run, lambda: self.supervisor)
        self._fronts = parts.fronts(run, lambda: self.supervisor, self._methods)
        is_json = settings.log_format == "json"
        self.supervisor = Supervisor(run, self._sets, self._fronts, output, cores=cores, is_json=is_json)
        self.repository = FleetRepository(self.supervisor, self._look)
        self.scaling = Scaling(self.supervisor.lives, self.supervisor.loads, self.supervisor.in_background, cores=cores)
        self.control = Control(
            self.supervisor,
            about=self.about,
            reload_catalogue=self.read_folder_again,
            reload_service=self.repository.load,
            stop=self.stop,
        )
        self._end = asyncio.Event()
        self._hurry = asyncio.Event()
        self._state = "starting"
        self._watch: FolderWatch | None = None
        self._reading = asyncio.Lock()

    def _methods(self) -> dict[str, Method]:
        """What fronts may ask for."""
        return {**self.repository.methods(), **self.supervisor.shadows.methods()}

    def about(self) -> dict[str, Any]:
        """The fleet as a whole."""
        return {
            "folder": str(self._folder or ""),
            "run_dir": str(self._run.path),
            "state": self._state,
            "pid": os.getpid(),
            "url": self._url,
        }

    def stop(self) -> None:
        """End in order; asked for once more, at once."""
        if self._end.is_set():
            self._hurry.set()
        self._end.set()

    async def run(self) -> None:
        """Serve until it is told to stop.

        Raises:
            SettingsError: if the fronts cannot run with these settings.
        """
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        control = ControlSocket(self.control)
        helpers: list[asyncio.Task[None]] = []
        try:
            await self._fronts.start()
            await control.open(self._run.control)
            work = await self._read_folder()
            helpers.append(asyncio.create_task(self._settle(work)))
            helpers.append(asyncio.create_task(self.scaling.run()))
            if self._settings.reload and self._folder is not None:
                helpers.append(asyncio.create_task(self._look_for_changes()))
            await self._end.wait()
        finally:
            for one in helpers:
                one.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._finish()
            await control.close()

    async def _settle(self, work: list[asyncio.Task[Any]]) -> None:
        await self.supervisor.settle(work)
        self._state = "running"

    async def _finish(self) -> None:
        """Fronts first, as they hand on what sets answer; then the sets. All at once, if somebody is in a hurry."""
        self._state = "ending"
        ending = asyncio.create_task(self._end_in_order())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait((ending, hurried), return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            log.warning("a second signal: what is under way is broken off")
            self._fronts.kill()
            self.supervisor.kill()
        hurried.cancel()
        await asyncio.gather(ending, hurried, return_exceptions=True)

    async def _end_in_order(self) -> None:
        await self._fronts.stop()
        await self.supervisor.end()
        await self._sets.close()

    # -- the folder -----------------------------------------------------------------------------------

    async def _read_folder(self, touched: list[Path] | None = None) -> list[asyncio.Task[Any]]:
        if self._folder is None:
            return []
        folder = self._folder
        async with self._reading:
            try:
                watch, reading = await asyncio.to_thread(self._look_and_read, folder)
            except OSError as problem:
                # It may come back, as one of a file server does: nobody has said that its services are to end.
                log.error("%s cannot be read, and what runs goes on: %s", folder, problem.strerror)
                return []
            self._watch = watch
            for line in self._nothing(reading):
                log.warning("%s", line)
            return self.supervisor.apply(reading, starts=self._settings.load_services, touched=touched or ())

    async def _look(self) -> CatalogueReading | None:
        """What the folder says now, of which nothing is done yet."""
        if self._folder is None:
            return None
        async with self._reading:
            return await asyncio.to_thread(read_catalogue, self._folder, self._settings)

    def _look_and_read(self, folder: Path) -> tuple[FolderWatch | None, CatalogueReading]:
        # Looked at first: what changes while it is read is seen at the next look.
        watch = FolderWatch(folder) if self._settings.reload else None
        reading = read_catalogue(folder, self._settings)
        if watch is not None:
            watch.watch_models(reading.catalogue)
        return watch, reading

    def _nothing(self, reading: CatalogueReading) -> list[str]:
        if reading.catalogue or reading.unusable:
            return []
        return [f"there are no services in {self._folder}"]

    async def read_folder_again(self) -> None:
        """Run what the folder says now; returns when that has been tried."""
        if self._folder is None:
            return
        work = await self._read_folder()
        await asyncio.gather(*work, return_exceptions=True)

    def _on_hangup(self) -> None:
        log.info("SIGHUP: the folder is read again")
        self.supervisor.in_background(self.read_folder_again())

    async def _look_for_changes(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            watch = self._watch
            if watch is None:
                continue
            touched = await asyncio.to_thread(watch.changed)
            if touched is not None:
                names = ", ".join(os.path.relpath(path, self._folder) for path in touched[:3])
                log.info("changed: %s", names or "the folders of services")
                with suppress(SettingsError):
                    await self._read_folder(touched)
