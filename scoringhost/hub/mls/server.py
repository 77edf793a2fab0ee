"""The dialect on its port, beside the hub on the same event loop."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from scoringhost.dialects import probes
from scoringhost.doors.certificates import certificates_of
from scoringhost.doors.server.connection_limits import intake_of
from scoringhost.errors import SettingsError
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.hub.errors import HomeUnusable, HubError
from scoringhost.hub.hub import Hub
from scoringhost.hub.in_process_front import InProcessFront
from scoringhost.hub.mls.batch_store import BatchStore
from scoringhost.hub.mls.batches import Batches
from scoringhost.hub.mls.consuming import Consuming
from scoringhost.hub.mls.foreign import Foreign
from scoringhost.hub.mls.guard import Accounts, MlsGuard
from scoringhost.hub.mls.login import Logins, MlsSessions
from scoringhost.hub.mls.operations import MLS_OPERATIONS
from scoringhost.hub.mls.pools import MlsPools
from scoringhost.hub.mls.published import Published
from scoringhost.hub.mls.services import MlsServices
from scoringhost.hub.mls.sessions import Sessions
from scoringhost.hub.mls.words import MlsWords, refusal
from scoringhost.hub.own_server import LOOPBACK, OwnServer, listening_at
from scoringhost.settings import Settings
from scoringhost.telemetry.log_observer import LogObserver

FOLDER = "mlserver"
"""In the hub's folder: sessions, batches, and what is being put together."""

Perform = Callable[[HttpRequest], Awaitable[HttpResponse]]


def require_safe(settings: Settings) -> None:
    """Nothing, if the dialect may listen where the settings say.

    Raises:
        SettingsError: if passwords and tokens would go over a network in the clear.
    """
    is_near = settings.mlserver_host in LOOPBACK
    if not is_near and settings.tls_certificate is None and not settings.mlserver_insecure:
        why = (
            "passwords and tokens would go over the network in the clear: give --tls-certificate and --tls-key, or "
            "--mlserver-insecure where something in front of it does TLS"
        )
        raise SettingsError("mlserver_host", settings.mlserver_host, why)


def listen(settings: Settings) -> tuple[socket.socket, str]:
    """The listening socket, and its URL.

    Raises:
        SettingsError: if this machine has no such address, or somebody else listens there.
    """
    scheme = "http" if settings.tls_certificate is None else "https"
    return listening_at(settings.mlserver_host, settings.mlserver_port, "mlserver_port", scheme)


class MlsServer:
    """Listens, and answers until it is closed."""

    def __init__(self, hub: Hub, accounts: Accounts, settings: Settings, listener: socket.socket, url: str) -> None:
        """`url`: of the hub's services."""
        self._certificates = certificates_of(settings)
        self._settings = settings
        folder = hub.desk.path / FOLDER
        self._front = InProcessFront(hub.supervisor)
        foreign = Foreign(self._front)
        published, sessions = Published(hub, foreign), Sessions(folder / "sessions")
        consuming = Consuming(published, self._front)
        self._batches = Batches(consuming, BatchStore(folder / "batches"))
        services = MlsServices(hub, published, sessions, folder / "making")
        pools = MlsPools(hub, published, url)
        parts = (Logins(accounts), MlsSessions(sessions), services, pools, consuming, self._batches)
        self.app = mls_app(parts, MlsGuard(accounts), str(hub.desk.path))
        foreign.match = self.app.match("/services")
        self._server = OwnServer(listener)

    def start(self) -> None:
        """Answer what comes from now on."""
        self._front.start()
        settings = self._settings
        self._server.start(intake_of(self.app, settings), self._certificates, settings.keep_alive_s)

    async def close(self) -> None:
        """Take no more requests; those under way have a moment."""
        await self._server.close()
        await self._batches.end()
        self._front.end()


def mls_app(parts: tuple[object, ...], guard: MlsGuard, home: str) -> HttpApp:
    """The application: each operation of the table, with what answers it."""
    table: dict[str, dict[str, Perform]] = {}
    opened: set[str] = set()
    for operation in MLS_OPERATIONS:
        perform = next((getattr(one, operation.name) for one in parts if hasattr(one, operation.name)), None)
        if perform is None:
            raise LookupError(f"nothing answers {operation.name}")
        table.setdefault(operation.path, {})[operation.method] = _answer(perform, home)
        if operation.is_open:
            opened.add(operation.path)
    endpoints = {path: Endpoint(methods, is_open=path in opened) for path, methods in table.items()}
    found = probes.endpoints(lambda _: None, lambda _: None)
    endpoints.update({path: one for path, one in found.items() if path not in endpoints})
    return HttpApp([MlsWords(endpoints)], Cors(""), [LogObserver()], guards=[guard])


def _answer(perform: Perform, home: str) -> Perform:
    async def answer(request: HttpRequest) -> HttpResponse:
        try:
            return await perform(request)
        except HubError as error:
            return refusal(error)
        except OSError as problem:  # such as a disk that is full
            return refusal(HomeUnusable(home, str(problem)))

    return answer
