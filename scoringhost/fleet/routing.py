"""What a front knows: which services there are, which versions of them answer, and where their workers listen.

A table is made anew by the supervisor at every change, sent whole, and never changed: a front that has requests under
way while it is replaced answers the first one by the old table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scoringhost.fleet.specs import Traffic


class State(StrEnum):
    """What a version of a service is at, for whoever asks."""

    STOPPED = "stopped"
    """Nothing runs, on purpose: unloaded, or idle with a minimum of none, which its first request ends."""
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WorkerRoute:
    """One worker process of a replica set, and the Unix socket that it alone listens on. user: whose that has to be.

    None: nobody looks, as all are the same user.
    """

    pid: int
    socket: str
    user: int | None = None


@dataclass(frozen=True, slots=True)
class VersionRoute:
    """One version of a service. `set_key`: which replica set serves it; empty if none does.

    `wakes`: nothing runs, and the first request has it started. `reason`: why it has failed, or what it is at.
    `accepts_calls`: how many calls a worker may have at once before others wait in front of it.
    """

    version: str
    set_key: str
    state: State
    reason: str = ""
    wakes: bool = False
    workers: tuple[WorkerRoute, ...] = ()
    accepts_calls: int = 1


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """A service: its versions, and which of them answers a request that names none.

    keys: SHA-256, in hexadecimal, of those that callers must send one of, by their names; none: nobody is asked.
    """

    name: str
    versions: Mapping[str, VersionRoute]
    default: str
    traffic: Traffic = Traffic()
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All services by name. `number` grows with every table. `settled`: all that should load has tried to."""

    number: int = 0
    services: Mapping[str, ServiceRoute] = field(default_factory=dict)
    settled: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a value of JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RoutingTable:
        """The table that `to_json` gave."""
        services = {name: _service(one) for name, one in value["services"].items()}
        return cls(value["number"], services, value["settled"])


def _service(value: Mapping[str, Any]) -> ServiceRoute:
    versions = {version: _version(one) for version, one in value["versions"].items()}
    return ServiceRoute(value["name"], versions, value["default"], Traffic(**value["traffic"]), value["keys"])


def _version(value: Mapping[str, Any]) -> VersionRoute:
    workers = tuple(WorkerRoute(**one) for one in value["workers"])
    return VersionRoute(**{**value, "state": State(value["state"]), "workers": workers})
