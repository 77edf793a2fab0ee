"""A hub asked over the socket that every fleet has, as `scoringhost scale` and `scoringhost traffic` do.

Whoever can come to that socket is the hub's own user. What he changes goes through the hub, which remembers it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from scoringhost.fleet.channel import CallFailed
from scoringhost.fleet.control import Control
from scoringhost.fleet.supervisor import FAILED, INVALID, NOT_FOUND, Supervisor
from scoringhost.hub.errors import DeploymentFailed, HubError, ServiceNotFound
from scoringhost.hub.hub import Hub
from scoringhost.hub.models import user_name
from scoringhost.hub.service_values import Division


class HubControl(Control):
    """The operations on a hub's fleet."""

    def __init__(
        self, hub: Hub, supervisor: Supervisor, *, about: Callable[[], Mapping[str, Any]], stop: Callable[[], None]
    ) -> None:
        super().__init__(supervisor, about=about, reload_catalogue=_nothing, reload_service=self._reloaded, stop=stop)
        self._hub, self._by = hub, user_name()

    async def load(self, name: str, version: str | None = None) -> None:
        """See `Control.load`; it runs after a restart, too."""
        with _said():
            await (await self._hub.start_version(name, version or None, self._by))

    async def unload(self, name: str, version: str | None = None) -> None:
        """See `Control.unload`; it does not run after a restart either."""
        with _said():
            await (await self._hub.stop_version(name, version or None, self._by))

    async def _reloaded(self, name: str, version: str | None) -> None:
        with _said():
            await (await self._hub.reload(name, version or None, self._by))

    async def scale(self, name: str, version: str | None, minimum: int, maximum: int) -> None:
        """See `Control.scale`; it holds until it is scaled or deployed again."""
        self._require_size(minimum, maximum)
        with _said():
            pool = {"minimum": minimum, "maximum": maximum}
            await self._hub.scale(name, version or None, pool, self._by)

    async def traffic(
        self,
        name: str,
        shares: Mapping[str, float] | None = None,
        default: str | None = None,
        sticky_header: str | None = None,
        shadow: Mapping[str, float] | None = None,
        control: str | None = None,
    ) -> dict[str, Any]:
        """See `Control.traffic`; it holds until it is divided again, or something is deployed."""
        if any(one is not None for one in (shares, default, sticky_header, shadow, control)):
            with _said():
                now = (await self._hub.desk.do(lambda books: books.services.get(name))).division
                division = Division(
                    now.default if default is None else default or None,
                    now.shares if shares is None else shares,
                    now.sticky_header if sticky_header is None else sticky_header or None,
                    now.shadow if shadow is None else shadow,
                    now.control if control is None else control or None,
                )
                await self._hub.divide(name, division, self._by)
        return await super().traffic(name)


async def _nothing() -> None:
    """There is no folder that somebody else changes."""
    await asyncio.sleep(0)


@contextmanager
def _said() -> Iterator[None]:
    """Errors of the hub as this socket says them."""
    try:
        yield
    except ServiceNotFound as error:
        raise CallFailed(NOT_FOUND, str(error)) from None
    except DeploymentFailed as error:
        raise CallFailed(FAILED, str(error)) from None
    except HubError as error:
        raise CallFailed(INVALID, str(error)) from None
