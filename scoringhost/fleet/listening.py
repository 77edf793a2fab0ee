"""The listening sockets of a fleet: opened once, by the supervisor, and inherited by every front."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from scoringhost.doors.server.gunicorn_server import require_free
from scoringhost.settings import Settings, address

BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets by what is answered there."""

    main: tuple[socket.socket, ...] = ()
    metrics: tuple[socket.socket, ...] = ()
    health: tuple[socket.socket, ...] = ()
    grpc: tuple[socket.socket, ...] = ()

    @property
    def all(self) -> tuple[socket.socket, ...]:
        """Every one of them."""
        return (*self.main, *self.metrics, *self.health, *self.grpc)

    def close(self) -> None:
        """Close them in this process."""
        for one in self.all:
            one.close()


def open_listeners(settings: Settings) -> Listeners:
    """Listen where the settings say.

    Raises:
        PortInUse: if somebody else listens there.
        SettingsError: if this machine has no such address, or does not let us.
    """
    require_free(settings.host, (settings.port, *settings.extra_ports))
    grpc = () if settings.grpc_port is None else (settings.grpc_port,)
    require_free(settings.host, grpc, "grpc_port")
    metrics = (settings.metrics_port,) if settings.metrics_port else ()
    return Listeners(
        (_listener(settings.host, settings.port),),
        tuple(_listener(settings.host, port) for port in metrics),
        tuple(_listener(settings.host, port) for port in settings.health_ports),
        tuple(_listener(settings.host, port) for port in grpc),
    )


def url_of(settings: Settings) -> str:
    """Where a fleet is reached from the machine itself."""
    scheme = "http" if settings.tls_certificate is None else "https"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"{scheme}://{address(host, settings.port)}"


def _listener(host: str, port: int) -> socket.socket:
    is_v6 = ":" in host
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    listener.setblocking(False)
    return listener
