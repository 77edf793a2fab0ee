"""A door beside the main one, on a port of its own: for metrics, and for health where the main port speaks TLS.

It needs neither key nor certificate, so that it can be kept inside a network.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import uvicorn

from scoringhost.doors.server.accepting import FairServer
from scoringhost.http.app import HttpApp


class SideDoor:
    """A server on listening sockets of its own. Whichever worker takes a connection answers for all of them."""

    def __init__(
        self, config: uvicorn.Config, listeners: Sequence[socket.socket], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.server = FairServer(config, lambda: False)
        self._listeners, self._loop = list(listeners), loop

    async def start(self, app: HttpApp) -> None:
        """Accept connections; `app`, which scores, is not asked here."""
        self._serving = self._loop.create_task(self.server.serve(sockets=self._listeners))

    async def stop_accepting(self, by_s: float) -> None:
        """Close what listens: who asks here asks again."""
        self.server.should_exit = True
        self.server.tell_connections()
        await self._serving
        await self.server.close_listeners(self._listeners)
        self.server.tell_connections()

    async def finish(self, by_s: float) -> bool:
        """Wait until every connection has ended, or for the time; returns whether they have."""
        return await self.server.ended(by_s)

    def cancel(self) -> None:
        """Answer every request that is under way with a 503."""
        self.server.cancel_requests()
