"""What should run: services with their versions, as a folder, a catalogue or a client wants them.

Values only: nothing is read or started here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NO_VERSION = ""
"""The version of a service that has none: its folder, or its model's settings, name no other."""

MOST_REPLICAS = 1000
"""Workers of one version, at most: what is above that is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How many replicas (worker processes) a version of a service has, and by what that is decided.

    `minimum` 0: the version is started at its first request, and ended when it was idle for `idle_s` seconds.
    `calls_each`: calls in flight for each replica that are aimed at.
    """

    minimum: int = 1
    maximum: int = 1
    calls_each: float = 1.0
    idle_s: float = 300.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One version of one service: all that a replica set is started from.

    `script`: the entry script, model file or model folder. `settings`: of `scoringhost.settings`, by field name, over
    those of the fleet. `environ`: variables of its own; None removes one. `environment`: its Python packages, if they
    are not the fleet's: a path to requirements.txt, conda.yml, a python or an archive of an environment. `user`: the
    number of the system's user that it runs as; None for that of the fleet.
    """

    name: str
    version: str
    script: Path
    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    environment: str | None = None
    pool: Pool = Pool()
    user: int | None = None

    @property
    def key(self) -> str:
        """How lines of the log and files name it: `name:version`, or the name alone."""
        return f"{self.name}:{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Traffic:
    """Which version answers a request that names none.

    `shares`: per cent of the requests for each version, which sum up to 100; empty: all go to the default version.
    `default`: None for the largest version by number. `sticky_header`: requests with the same value of it go to the
    same version while the shares stay. `shadow`: versions that get a copy of so many per cent of the requests, whose
    answers are compared and dropped. `control`: the version that the others are tried out against, for people and
    metrics; it changes nothing about where requests go.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    default: str | None = None
    sticky_header: str | None = None
    shadow: Mapping[str, float] = field(default_factory=dict)
    control: str | None = None


@dataclass(frozen=True, slots=True)
class NamedService:
    """A service with its versions."""

    name: str
    versions: Mapping[str, ServiceSpec]
    traffic: Traffic = Traffic()

    @property
    def default_version(self) -> str:
        """The version that is set as the default, or else the largest; see `version_order`."""
        if self.traffic.default is not None:
            return self.traffic.default
        return max(self.versions, key=version_order)


Catalogue = Mapping[str, NamedService]
"""What should run, by name."""


def version_order(version: str) -> tuple[int, tuple[int, ...], str]:
    """By which versions are sorted: those that are numbers, with dots or a leading v, by these; others come before.

    No version at all comes last, as it is the one that stands where others have a number.
    """
    if version == NO_VERSION:
        return (2, (), "")
    parts = version.removeprefix("v").split(".")
    if all(part.isascii() and part.isdigit() for part in parts):
        return (1, tuple(int(part) for part in parts), version)
    return (0, (), version)
