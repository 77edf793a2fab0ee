"""What one connection, and all connections of a worker together, may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from scoringhost.access.forwarded import trusts_unix
from scoringhost.doors.bodies_in_flight import BodiesInFlight
from scoringhost.http.app import HttpApp
from scoringhost.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Time limits of one connection.

    head_s: seconds from the first byte of a request's head to its last.
    upload_rate: bytes a second that a body must bring, measured over `window_s` seconds; 0: no minimum.
    write_s: seconds that a client may leave what was sent to it unread.
    closing_s: the same and `window_s` once the server is stopping.
    """

    head_s: float = 20.0
    upload_rate: float = 240.0
    window_s: float = 10.0
    write_s: float = 30.0
    closing_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Intake:
    """What every connection of a worker hands its requests to; `max_body` is in bytes.

    trusts_fronts: who comes through a Unix socket is the front of a fleet, or is as trusted.

    uvicorn takes it for its application and passes it on; it is never called.
    """

    app: HttpApp
    max_body: int
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    in_flight: BodiesInFlight = field(default_factory=BodiesInFlight)
    trusts_fronts: bool = False


def intake_of(app: HttpApp, settings: Settings) -> Intake:
    """An intake with the limits that the settings name."""
    limits = ConnectionLimits(
        head_s=settings.head_timeout_s, upload_rate=settings.min_upload_bytes_per_s, write_s=settings.write_timeout_s
    )
    in_flight = BodiesInFlight(settings.max_bodies_mb * MIB)
    return Intake(app, settings.max_body_mb * MIB, limits, in_flight, trusts_unix(settings.trusted_proxies))
