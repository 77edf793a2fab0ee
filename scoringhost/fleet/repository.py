"""The repository of a fleet, for V2's repository API: its folder is what can be loaded.

Loading reads the folder anew, so that a folder that was copied in is found, and takes what it says of this service
only: others are not touched. Fronts ask over their channels (see `fleet.front.repository`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scoringhost.fleet.catalogue import CatalogueReading
from scoringhost.fleet.channel import CallFailed, Method
from scoringhost.fleet.front_methods import LOAD, UNLOAD
from scoringhost.fleet.supervisor import FAILED, Supervisor
from scoringhost.fleet.version_life import SetFailed


class FleetRepository:
    """Loads and unloads services of a fleet because a request asks for it."""

    def __init__(self, supervisor: Supervisor, read: Callable[[], Awaitable[CatalogueReading | None]]) -> None:
        """`read`: reads the folder; None if the services come from somewhere else."""
        self._supervisor, self._read = supervisor, read

    def methods(self) -> dict[str, Method]:
        """What can be called over a channel."""

        async def load(params: Mapping[str, Any]) -> None:
            await self.load(params["name"], params.get("version"))

        async def unload(params: Mapping[str, Any]) -> None:
            await self.unload(params["name"], params.get("version"))

        return {LOAD: load, UNLOAD: unload}

    async def load(self, name: str, version: str | None = None) -> None:
        """Load a version of a service, or all, again if they are; returns when every front sends requests to them.

        Raises:
            CallFailed: `not_found`; `failed` if one cannot be started: what was loaded before serves on.
        """
        supervisor = self._supervisor
        try:
            reading = await self._read()
        except OSError as problem:
            raise CallFailed(FAILED, f"the folder of services cannot be read: {problem.strerror}") from None
        lives = {}
        if reading is not None:
            lives = supervisor.taken(reading, name, version)
        if not lives:
            lives = {life.spec.version: (life, life.spec) for life in supervisor.chosen(name, version)}
        loading = [life.reload(spec) for life, spec in lives.values()]
        results = await asyncio.gather(*loading, return_exceptions=True)
        await supervisor.publish()
        for result in results:
            if isinstance(result, SetFailed):
                raise CallFailed(FAILED, str(result))
            if isinstance(result, BaseException):
                raise result

    async def unload(self, name: str, version: str | None = None) -> None:
        """Unload a version of a service, or all; returns when no front sends requests to them, and all are answered.

        Raises:
            CallFailed: `not_found`.
        """
        lives = self._supervisor.chosen(name, version)
        await asyncio.gather(*(life.unload("unloaded by a request") for life in lives))
        await self._supervisor.publish()
