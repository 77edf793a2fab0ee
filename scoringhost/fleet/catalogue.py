"""A folder of services -> what should run: the services with their versions, and what is wrong with the others."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoringhost.errors import InvalidTraffic, SettingsError
from scoringhost.fleet.service_file import ServiceFile, read_service_file
from scoringhost.fleet.specs import NO_VERSION, Catalogue, NamedService, Pool, ServiceSpec, Traffic
from scoringhost.fleet.traffic import checked_traffic
from scoringhost.settings import SPECS, Settings
from scoringhost.settings.fleet import OF_THE_FLEET
from scoringhost.settings.fleet_folder import Place, places, served_in
from scoringhost.settings.gathering import Gathering, gather
from scoringhost.settings.mlserver_files import MODEL_FILE, read_model_settings

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names and versions that can stand in a URL and in a file's name as they are."""
_SAFE_WORDS = "up to 100 of A-Z, a-z, 0-9, dot, dash and underline, the first a letter or a digit"
_ENVIRONMENTS = ("parameters.environment_tarball", "parameters.environment_path")


@dataclass(frozen=True, slots=True)
class UnusableService:
    """A version of a service that cannot run as it is described, and why."""

    name: str
    version: str
    folder: Path
    reason: str


@dataclass(frozen=True, slots=True)
class CatalogueReading:
    """What a folder holds: what should run, what cannot, and what to warn of."""

    catalogue: Catalogue
    unusable: tuple[UnusableService, ...] = ()
    warnings: tuple[str, ...] = ()


def read_catalogue(root: Path, settings: Settings) -> CatalogueReading:
    """Read the services in a folder; `settings` are the fleet's.

    A service that cannot be used is in `unusable` with its reason, and keeps no other from running.

    Raises:
        OSError: if the folder itself is not there, or cannot be read.
    """
    os.scandir(root).close()
    reading = _Reading(root, settings)
    for place in places(root):
        reading.take(place)
    return reading.result()


def read_version(folder: Path, file: ServiceFile, settings: Settings) -> tuple[ServiceSpec, tuple[str, ...]]:
    """The version in a folder that somebody else names, and what to warn of; `file` says its name and its version.

    Raises:
        SettingsError: if it cannot be used.
    """
    if file.name is None or file.version is None:
        raise ValueError("it needs a name and a version")
    reading = _Reading(folder, settings)
    spec = reading.spec(Place(folder, folder), file, file.name, file.version)
    return spec, tuple(reading.warnings)


class _Reading:
    """One pass over a folder."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root, self._settings = root, settings
        self._specs: dict[tuple[str, str], ServiceSpec] = {}
        self._traffics: dict[str, tuple[Path, Traffic]] = {}
        self._unusable: list[UnusableService] = []
        self.warnings: list[str] = []

    def take(self, place: Place) -> None:
        """Read one place."""
        name, version = place.service.name, NO_VERSION
        if place.folder != place.service:
            version = place.folder.name
        try:
            file = _file_of(place)
            spec = self.spec(place, file, file.name or name, file.version or version)
        except SettingsError as problem:
            self._unusable.append(UnusableService(name, version, place.folder, str(problem)))
            return
        key = (spec.name, spec.version)
        other = self._specs.get(key)
        if other is not None:
            reason = f"{spec.key} is in two places: {other.folder} and {spec.folder}; rename one, or give it a version"
            self._unusable.append(UnusableService(*key, spec.folder, reason))
            return
        self._specs[key] = spec
        self._take_traffic(spec.name, place.service, file.traffic)

    def _take_traffic(self, name: str, folder: Path, traffic: Traffic) -> None:
        if traffic == Traffic():
            return
        first, known = self._traffics.setdefault(name, (folder, traffic))
        if known != traffic:
            self.warnings.append(f"{name}: its traffic is divided in {first} and in {folder}; the former counts")

    def spec(self, place: Place, file: ServiceFile, name: str, version: str) -> ServiceSpec:
        """The version of a service in a place.

        Raises:
            SettingsError: if it cannot be used.
        """
        script = file.script or served_in(place.folder)
        if script is None:
            raise SettingsError("script", None, f"there is nothing to serve in {place.folder}: no score.py, no model")
        if not script.exists():
            raise SettingsError("script", None, f"there is no {script}")
        gathered = _gathered(script, place.folder, file)
        model_name, model_version = _names_of_mlserver(gathered)
        name = file.name or model_name or name
        version = file.version or model_version or version
        _require_safe("name", name, place.folder)
        if version != NO_VERSION:
            _require_safe("version", version, place.folder)
        self._warn(gathered, name)
        own = {key for key in gathered.origins if key not in OF_THE_FLEET} | {"app_root"}
        values = {key: gathered.values[key] for key in sorted(own) if key in gathered.values}
        return ServiceSpec(
            name=name,
            version=version,
            script=script,
            folder=place.folder,
            settings=values,
            environ=file.environ,
            environment=file.environment or _environment_of_mlserver(place.folder),
            pool=_pool(file.replicas, values, self._settings),
        )

    def _warn(self, gathered: Gathering, name: str) -> None:
        lines = [line for line in gathered.warnings if not line.startswith(_ENVIRONMENTS)]
        for key, origin in gathered.origins.items():
            if key in OF_THE_FLEET and origin.startswith("file ") and not origin.endswith(MODEL_FILE):
                lines.append(f"{key} ({origin}) is ignored: it is for the whole fleet to say")
        self.warnings += [f"{name}: {line}" for line in lines]

    def result(self) -> CatalogueReading:
        """All that was read."""
        doubled = {(one.name, one.version) for one in self._unusable}
        by_name: dict[str, dict[str, ServiceSpec]] = {}
        for (name, version), spec in sorted(self._specs.items()):
            if (name, version) not in doubled:  # which of two is meant nobody can know
                by_name.setdefault(name, {})[version] = spec
        services: dict[str, NamedService] = {}
        for name, versions in by_name.items():
            folder, traffic = self._traffics.get(name, (self._root, Traffic()))
            named = {*versions, *(version for other, version in doubled if other == name)}
            try:
                services[name] = NamedService(name, versions, checked_traffic(traffic, name, named))
            except InvalidTraffic as problem:
                for version, spec in versions.items():
                    self._unusable.append(UnusableService(name, version, spec.folder, f"{problem} (in {folder})"))
        return CatalogueReading(services, tuple(self._unusable), tuple(self.warnings))


def _file_of(place: Place) -> ServiceFile:
    """What the service.json of a version says over that of its service."""
    if place.folder == place.service:
        return read_service_file(place.folder)
    return read_service_file(place.folder, is_of_version=True).over(read_service_file(place.service))


def _gathered(script: Path, folder: Path, file: ServiceFile) -> Gathering:
    """The settings that a service has of its own: in its service.json, its config.json, and MLServer's files."""
    flags: dict[str, tuple[str, object]] = {"script": ("script", str(script))}
    for name, value in file.settings.items():
        flags[name] = (f"settings.{name} of {folder}", value)
    variables = {name: value for name, value in file.environ.items() if value is not None}
    return gather(variables, flags, folder, SPECS)


def _names_of_mlserver(gathered: Gathering) -> tuple[str | None, str | None]:
    """The name and the version that a model-settings.json gives."""
    found: list[str | None] = []
    for key in ("model_name", "service_version"):
        is_given = gathered.origins.get(key, "").endswith(MODEL_FILE)
        found.append(str(gathered.values[key]) if is_given else None)
    return found[0], found[1]


def _environment_of_mlserver(folder: Path) -> str | None:
    path = folder / MODEL_FILE
    if not path.is_file():
        return None
    values = read_model_settings(path, {}).values
    for key in _ENVIRONMENTS:
        if values.get(key):
            return str(folder / str(values[key]))
    return None


def _require_safe(what: str, value: str, folder: Path) -> None:
    if SAFE.fullmatch(value) is None:
        raise SettingsError(f"{what} of {folder}", value, f"it stands in URLs and file names: {_SAFE_WORDS}")


def _pool(replicas: Mapping[str, float], values: Mapping[str, Any], settings: Settings) -> Pool:
    """How many replicas a service has: by its own words, or else by the fleet's."""
    if "minimum" in replicas:
        minimum = int(replicas["minimum"])
    elif "workers" in values:
        minimum = int(values["workers"])
    elif settings.min_replicas is not None:
        minimum = settings.min_replicas
    else:
        minimum = settings.workers
    maximum = int(replicas.get("maximum", values.get("max_replicas") or settings.max_replicas or 1))
    return Pool(
        minimum=minimum,
        maximum=max(1, minimum, maximum),
        calls_each=float(replicas.get("calls_each", values.get("threads") or settings.threads)),
        idle_s=float(replicas.get("idle_s", values.get("idle_s") or settings.idle_s)),
    )
