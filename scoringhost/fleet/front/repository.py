"""The repository API in a front: the index is its routing table; loading and unloading are the supervisor's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scoringhost.dialects.oip.repository import LOADING, READY, UNAVAILABLE, UNLOADING, ListedModel
from scoringhost.errors import InternalError, LoadFailed, NotReady, UnknownService
from scoringhost.fleet.channel import CallFailed, Channel, ChannelClosed
from scoringhost.fleet.front_methods import COPIES, LOAD, UNLOAD
from scoringhost.fleet.routing import RoutingTable, State, VersionRoute
from scoringhost.fleet.specs import version_order
from scoringhost.fleet.version_life import headline

STATES = {
    State.STOPPED: UNAVAILABLE,
    State.LOADING: LOADING,
    State.READY: READY,
    State.DRAINING: UNLOADING,
    State.FAILED: UNAVAILABLE,
}
"""The states of a version in the words of V2."""


class ChannelRepository:
    """Asks the supervisor over the front's channel; see `dialects.oip.repository.Repository`."""

    def __init__(self, channel: Channel, table: Callable[[], RoutingTable]) -> None:
        self._channel, self._table = channel, table

    async def index(self) -> Sequence[ListedModel]:
        """All versions of all services, in whatever state they are."""
        table = self._table()
        found = []
        for name in sorted(table.services):
            versions = table.services[name].versions
            found += [_listed(name, versions[version]) for version in sorted(versions, key=version_order)]
        return found

    async def load(self, name: str, version: str | None) -> None:
        """Load a version of a service, or all of them.

        Raises:
            UnknownService: if there is no such one.
            LoadFailed: if it cannot be started.
            NotReady: if the fleet is ending.
        """
        await self._ask(LOAD, name, version)

    async def unload(self, name: str, version: str | None) -> None:
        """Unload a version of a service, or all of them.

        Raises:
            UnknownService: if there is no such one.
            NotReady: if the fleet is ending.
        """
        await self._ask(UNLOAD, name, version)

    async def copies(self) -> list[dict[str, Any]]:
        """What has come of copies of requests, of all fronts; nothing if the fleet is ending."""
        try:
            rows: list[dict[str, Any]] = await self._channel.ask(COPIES)
        except (ChannelClosed, CallFailed):
            return []
        return rows

    async def _ask(self, method: str, name: str, version: str | None) -> None:
        try:
            await self._channel.ask(method, name=name, version=version)
        except ChannelClosed:
            raise NotReady("The fleet is ending") from None
        except CallFailed as failed:
            if failed.kind == "not_found":
                raise UnknownService(name, version) from None
            if failed.kind == "failed":
                raise LoadFailed(name, brief(str(failed))) from None
            raise InternalError from failed


def _listed(name: str, route: VersionRoute) -> ListedModel:
    if route.wakes:
        # It answers whoever asks: to a client that waits for it to be ready, it is.
        return ListedModel(name, route.version, READY, "idle: its next request starts it")
    return ListedModel(name, route.version, STATES[route.state], brief(route.reason))


def brief(reason: str) -> str:
    """A reason in a line: what has happened, and the exception that a traceback in it ends with."""
    said = headline(reason)
    lines = [line for line in reason.splitlines() if line.strip()]
    if said == reason.strip() or len(lines) < 2 or lines[-1] != said:
        return said
    return f"{said} ({lines[-2].strip()})"
