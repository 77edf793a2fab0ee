"""Services and their versions as the hub knows them: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from scoringhost.fleet.catalogue import SAFE
from scoringhost.hub.errors import NameRefused

NAME_RULE = "up to 100 of A-Z, a-z, 0-9, dot, dash and underline, the first a letter or a digit"

ModelId = tuple[str, int]
"""Name and version of a model in the registry."""


class Mode(StrEnum):
    """What a deployment expects of what is there: any is taken as it comes.

    CREATE: no such service. VERSION: no such version. ADD: the service, and no such version of it. UPDATE: the version.
    """

    ANY = "any"
    CREATE = "create"
    VERSION = "version"
    ADD = "add"
    UPDATE = "update"


class Trial(StrEnum):
    """What has become of a deployment.

    TRIAL: it is being started, and nobody relies on it. CURRENT: it is what its version runs. REPLACED: it was, and is
    kept for a rollback. FAILED: it could not be started, and whoever deployed it wanted it kept.
    """

    TRIAL = "trial"
    CURRENT = "current"
    REPLACED = "replaced"
    FAILED = "failed"


class Wanted(StrEnum):
    """Whether a version is to run."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a deployment is run from, besides its files.

    models: of the registry, laid out beside the script. script: below the folder; None: score.py, or the only model.
    settings, environ, pool: over what the folder's own service.json says; the pool with its keys (`minimum`,
    `maximum`, `calls_each`, `idle_s`). environment: a file of the folder, or a path of this machine. origin: where the
    files are from, in the words of whoever deployed them.
    """

    models: tuple[ModelId, ...] = ()
    script: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str | None] = field(default_factory=dict)
    environment: str | None = None
    pool: Mapping[str, float] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """What people say about a version; it changes nothing that runs. Properties are set once, tags may change."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Division:
    """How the requests that name no version are divided; see `fleet.specs.Traffic`."""

    default: str | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    sticky_header: str | None = None
    shadow: Mapping[str, float] = field(default_factory=dict)
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt to run something as a version of a service; it never changes but in its state.

    share: per cent of the requests that it takes over when it is ready; None: all. deployed_from: the deployment of
    the same version that it replaces. division_before: of the service, when it took over.
    """

    id: int
    service: str
    version: str
    state: Trial
    reason: str
    created_at: str
    created_by: str
    root: str
    is_folder: bool
    content_hash: str
    size: int
    recipe: Recipe
    share: float | None
    deployed_from: int | None
    division_before: Division


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a service. deployment: what it runs; None while its first is on trial."""

    service: str
    version: str
    created_at: str
    created_by: str
    wanted: Wanted
    label: Label
    deployment: Deployment | None
    on_trial: Deployment | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its versions, the oldest first. endpoint: what keeps it although it may have no version."""

    name: str
    created_at: str
    owner: str
    endpoint: str | None
    division: Division
    keys: Mapping[str, str]
    versions: tuple[Version, ...]

    def version(self, version: str) -> Version | None:
        """One of them."""
        return next((one for one in self.versions if one.version == version), None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened; `at` in UTC as ISO 8601 has it, `detail` in words."""

    id: int
    at: str
    who: str
    what: str
    service: str
    version: str
    detail: str


def digests_of(keys: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each key, in hexadecimal: what those need who only compare."""
    return {name: sha256(key.encode("utf-8", "surrogateescape")).hexdigest() for name, key in keys.items()}


def require_service_name(name: object, what: str = "service") -> str:
    """Make sure that it can be the name of a service, or of a version.

    Raises:
        NameRefused: if it cannot.
    """
    if not isinstance(name, str) or SAFE.fullmatch(name) is None:
        raise NameRefused(what, str(name), NAME_RULE)
    return name
