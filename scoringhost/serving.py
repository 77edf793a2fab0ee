"""From settings to the server that `scoringhost serve` runs, which is also what each replica set of a fleet is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, MutableMapping
from typing import Any

from scoringhost import assemble
from scoringhost.access.forwarded import UNIX
from scoringhost.doors.certificates import certificates_of
from scoringhost.doors.server import debugger
from scoringhost.doors.server.fleet_place import FleetPlace
from scoringhost.doors.server.gunicorn_arguments import GunicornArguments
from scoringhost.doors.server.gunicorn_server import Server, require_free
from scoringhost.engine.site import Site
from scoringhost.settings import Settings
from scoringhost.worker_doors import worker_doors

DAY_S = 24 * 60 * 60

FRONTS: dict[str, Any] = {
    "trusted_proxies": UNIX,
    "cors_origins": None,
    "grpc_port": None,
    "health_port": None,
    "metrics_port": None,
    "rate_limit": None,
    "reload": False,
    "separate_health_endpoint": False,
    "shutdown_delay_s": 0,
    "tls_certificate": None,
    "tls_key": None,
    "tls_client_ca": None,
    # The front closes what it does not need any more. At this end, a request might be on its way.
    "keep_alive_s": DAY_S,
}
"""Settings that are the front's business, and what they are behind it, which alone can open the sockets."""


def server_on_port(settings: Settings, environ: MutableMapping[str, str], gunicorns: GunicornArguments) -> Server:
    """The server on the ports that the settings name. `environ`: of this process, which is to fork the workers.

    Raises:
        StartupError: if a setting cannot be used, a port is taken, or a package is missing.
    """
    own_port = () if gunicorns.other_place else (settings.port,)
    debugger.require_usable(settings)
    certificates_of(settings)
    shared = assemble.shared_parts(settings, environ)
    more_doors = worker_doors(settings, is_guarded=bool(shared.guards))
    require_free(settings.host, own_port + settings.extra_ports)
    if settings.grpc_port:
        require_free(settings.host, (settings.grpc_port,), "grpc_port")
    build = functools.partial(assemble.build, settings, shared=shared)
    return Server(settings, build, functools.partial(assemble.stand_in, settings), gunicorns, more_doors)


def server_of_fleet(
    settings: Settings, environ: MutableMapping[str, str], place: FleetPlace, before_script: Callable[[], None]
) -> Server:
    """The server at its place in a fleet, behind a front, on Unix sockets.

    before_script: called in each process that loads the script, before it does.

    Raises:
        StartupError: if a setting cannot be used, or a package is missing.
    """
    takes_grpc = settings.grpc_port is not None  # then the front does, and hands calls on
    settings = dataclasses.replace(settings, **FRONTS)
    debugger.require_usable(settings)
    # Only the guards know no keys: the documents say that they are asked for, as the front does.
    shared = assemble.shared_parts(settings.open_to_all, environ)
    more_doors = worker_doors(settings, is_guarded=False)

    def build() -> Site:
        before_script()
        return assemble.build(settings, shared=shared, behind_grpc=takes_grpc)

    stand_in = functools.partial(assemble.stand_in, settings)
    # With the name gunicorn calls its processes, if setproctitle is installed.
    gunicorns = GunicornArguments({"bind": [f"unix:{place.set_socket}"], "proc_name": settings.given_name})
    return Server(settings, build, stand_in, gunicorns, more_doors, place)
