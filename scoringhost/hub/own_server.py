"""OwnServer: a port of the hub's own process, beside the fleet on the same event loop."""

from __future__ import annotations

import asyncio
import socket
import time

from scoringhost.doors.certificates import Certificates
from scoringhost.doors.server.accepting import FairServer
from scoringhost.doors.server.connection_limits import Intake
from scoringhost.doors.server.server_door import server_config
from scoringhost.errors import SettingsError
from scoringhost.fleet.listening import BACKLOG
from scoringhost.settings import address

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DRAIN_S = 3.0
KEEP_ALIVE_S = 5


class OwnServer:
    """Listens, and answers until it is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._server: FairServer | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self, intake: Intake, certificates: Certificates | None = None, keep_alive_s: int = KEEP_ALIVE_S) -> None:
        """Answer what comes from now on; with certificates by TLS."""
        self._server = FairServer(server_config(intake, keep_alive_s), lambda: False, certificates)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def close(self) -> None:
        """Take no more requests; those under way have a moment."""
        server = self._server
        if server is None or self._serving is None:
            self._listener.close()
            return
        server.should_exit = True
        server.tell_connections()
        await self._serving
        await server.close_listeners([self._listener])
        server.tell_connections()
        if not await server.ended(time.monotonic() + DRAIN_S):
            server.cancel_requests()
            await server.ended(time.monotonic() + 1)


def listening_at(host: str, port: int, setting: str, scheme: str = "http") -> tuple[socket.socket, str]:
    """A listening socket, and its URL. setting: which one names the port.

    Raises:
        SettingsError: if this machine has no such address, or somebody else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as problem:
        raise SettingsError(setting, port, f"nobody can listen there: {problem.strerror}") from None
    listener.setblocking(False)
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return listener, f"{scheme}://{address(shown, listener.getsockname()[1])}"
